// Driving Ethernet elements: packets in with annotations, packets out as bytes.

import { SLOT_ANNO } from "../../../assembly/layout.js";
import { type Batch, Element, Loader, Packet, Router, SimulatedClock } from "../../../src/index.js";

type Running = Awaited<ReturnType<typeof Router.fromText>>;

/** Keeps a copy of what it is pushed. */
export class Capture extends Element {
  static readonly spec = { ports: "-/0", processing: "h" } as const;
  readonly frames: string[] = [];
  readonly batches: number[] = [];
  /** Called with each packet's slot before it is given back. */
  onPacket: ((slot: number) => void) | null = null;

  override push(_port: number, batch: Batch): void {
    this.batches.push(batch.count);
    for (let i = 0; i < batch.count; i++) {
      this.frames.push(hex(this.router.packetBytes(batch.at(i))));
      this.onPacket?.(batch.at(i));
    }
    batch.kill();
  }
}

export class Source extends Element {
  static readonly spec = { ports: "0/1", processing: "/h" } as const;
}

export interface Lab {
  readonly router: Running;
  readonly clock: SimulatedClock;
  readonly log: string[];
  /** Pushes packets, each `data` (hexadecimal) with destination annotation `to` (hexadecimal), as one batch. */
  push(name: string, port: number, packets: readonly { readonly data: string; readonly to?: string }[]): void;
  /** What Capture `name` got since the last time. */
  got(name: string): string[];
  capture(name: string): Capture;
  /** Slots in use. */
  used(): number;
}

export async function lab(
  text: string,
  options: Partial<Parameters<typeof Router.fromText>[1]> = {},
): Promise<Lab> {
  const loader = new Loader();
  loader.add(Capture);
  loader.add(Source);
  const clock = new SimulatedClock();
  const log: string[] = [];
  const router = await Router.fromText(text, {
    loader,
    clock,
    log: (line: string) => log.push(line),
    print: () => {},
    ...options,
  });
  const capture = (name: string): Capture => router.find(name) as Capture;
  return {
    router,
    clock,
    log,
    push(name, port, packets) {
      const batch = router.batches.acquire();
      const packet = new Packet(router.memory);
      for (const { data, to } of packets) {
        const slot = router.memory.kernels.poolTake();
        packet.at(slot).setBytes(bytes(data));
        if (to !== undefined) router.memory.u8.set(bytes(to), slot + SLOT_ANNO);
        batch.add(slot);
      }
      router.find(name)!.push(port, batch);
      batch.count = 0;
      router.batches.release(batch);
    },
    got: (name) => capture(name).frames.splice(0),
    capture,
    used: () => router.memory.slotsUsed,
  };
}

export function bytes(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal.replace(/[\s:]/g, ""), "hex"));
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}
