// A traced packet as people read it, and as a capture file.

import { VERSION } from "../router/version.js";
import type { TracedPacket, TraceStep } from "../trace/traced.js";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from "../wire/pcap.js";
import { enhancedPacket, interfaceDescription, LINKTYPE_USER0, sectionHeader } from "../wire/pcapng.js";

/** The packet's headers as it came, then a line for each element with microseconds since. */
export function traceText(packet: TracedPacket): string {
  const { number, copyOf, summary, steps } = packet;
  const origin = copyOf === null ? "" : ` (copy of #${copyOf})`;
  const lines = [`#${number} ${clockText(packet)} ${summary}, ${steps[0].length} bytes${origin}`];
  const wide = Math.max(...steps.map((s) => s.element.length));
  for (const step of steps) {
    const at = `+${(step.at / 1000).toFixed(1)}`;
    lines.push(`  ${at.padStart(10)} us  ${step.element.padEnd(wide)}  ${whatHappened(step)}`);
  }
  if (packet.cut) lines.push("                 it went on: not followed any longer");
  return `${lines.join("\n")}\n`;
}

/** What an element did to the packet: `in 0, 98 -> 84 bytes, out 1`. */
export function whatHappened(step: TraceStep): string {
  const parts = [step.className];
  if (step.input !== null) parts.push(`in ${step.input}`);
  if (step.leftWith !== step.length) parts.push(`${step.length} -> ${step.leftWith} bytes`);
  if (step.end === "output") parts.push(`out ${step.output}`);
  else if (step.end === "dropped") parts.push(`dropped: ${step.reason}`);
  else parts.push(step.end === "waits" ? "still there" : "its way ends here");
  return parts.join(", ");
}

/** Universal time of day, with nanoseconds. */
function clockText({ seconds, nanoseconds }: TracedPacket): string {
  const time = new Date(seconds * 1000).toISOString().slice(11, 19);
  return `${time}.${String(nanoseconds).padStart(9, "0")}`;
}

const LINK_TYPES = { ethernet: LINKTYPE_ETHERNET, ip: LINKTYPE_RAW, other: LINKTYPE_USER0 } as const;

/** Turns packets into pcapng: an interface for each element (and each link type it sees), a packet for each step. */
export class TraceCapture {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #interfaces = new Map<string, number>();

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
    write(sectionHeader(`sluice ${VERSION}`));
  }

  add(packet: TracedPacket): void {
    const origin = packet.copyOf === null ? "" : ` (copy of #${packet.copyOf})`;
    for (const step of packet.steps) {
      if (step.bytes === undefined) continue;
      this.#write(
        enhancedPacket({
          interface: this.#interface(step),
          time: BigInt(packet.seconds) * 1_000_000_000n + BigInt(packet.nanoseconds + step.at),
          bytes: Buffer.from(step.bytes, "base64"),
          comment: `#${packet.number}${origin} ${step.element} :: ${whatHappened(step)}`,
        }),
      );
    }
  }

  #interface({ element, start }: TraceStep): number {
    const key = `${start} ${element}`;
    const known = this.#interfaces.get(key);
    if (known !== undefined) return known;
    this.#write(interfaceDescription(element, LINK_TYPES[start]));
    this.#interfaces.set(key, this.#interfaces.size);
    return this.#interfaces.size - 1;
  }
}
