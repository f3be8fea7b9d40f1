// VNF instances between two virtual links each, the bench at the links' other ends: an instance starts, forwards its
// first packet, and forwards more.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SLOT_DATA, SLOT_LENGTH } from "../assembly/layout.js";
import { makeLink } from "../src/device/link.js";
import { FileTexts, Loader } from "../src/loader.js";
import { BATCH_MAX, Batch } from "../src/packet/batch.js";
import { PacketMemory } from "../src/packet/memory.js";
import { Blueprints } from "../src/router/blueprints.js";
import { RealClock } from "../src/router/clock.js";
import { NO_DEVICES } from "../src/router/device.js";
import type { MemoryDescriptor } from "../src/vnf/descriptor/model.js";
import type { SharedParts } from "../src/vnf/instance/host.js";
import { InlineInstance } from "../src/vnf/instance/inline.js";
import type { Instance, InstanceEvents, InstanceSpec } from "../src/vnf/instance/instance.js";
import { AttachedDevices, type LinkEnd } from "../src/vnf/link/attached.js";
import { FLIGHT } from "../src/vnf/link/wire.js";
import { ARP_REQUEST, readArpFrame, writeArpReply } from "../src/wire/arp.js";
import { ETHERTYPE_ARP, ETHERTYPE_IP, writeEthernet } from "../src/wire/ethernet.js";
import { writeUdpPacket } from "../src/wire/udp-packet.js";

/** What an instance runs, and the packet that it is to forward from `site` to `core`. */
export interface Subject {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** What instance `number` has besides. */
  readonly own?: (number: number) => Readonly<Record<string, string>>;
  /** Bytes that it adds to what it forwards. */
  readonly grows: number;
}

const XTR = fileURLToPath(new URL("../../conf/xtr.click", import.meta.url));
/** Outer IPv4, UDP and LISP header (RFC 9300, section 5). */
const ENCAPSULATION = 36;

/** The tunnel router with one mapping. Its text is read each time: that is part of a start. */
export function xtr(): Subject {
  const parameters = { MAP: "192.168.2.0/24 10.0.0.2" };
  return { name: "xTR", file: XTR, text: readFileSync(XTR, "latin1"), parameters, grows: ENCAPSULATION };
}

/** Each tunnel router with locators of its own, as in a network: what depends on them is worked out for each anew. */
export const OWN_RLOCS: Required<Pick<Subject, "name" | "own">> = {
  name: "xTR with RLOCs of its own",
  own: (number) => ({
    RLOC4: `10.0.${64 + ((number >>> 7) & 127)}.${(number & 127) + 1}`,
    RLOC4_NET: "10.0.0.0/16",
    RLOC6: `fd00::1:${(number + 1).toString(16)}`,
  }),
};

/** The least that forwards. */
export const EMPTY: Subject = {
  name: "empty graph",
  file: "empty.click",
  text: "FromDevice(site) -> Queue(1000) -> ToDevice(core)",
  parameters: {},
  grows: 0,
};

/** The pool and address space of each instance. */
export const MEMORY: MemoryDescriptor = { slots: 512, bytes: 8 * 2 ** 20, heap: 64 };

export const HOST_MAC: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const GATEWAY_MAC: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 2);

/** The hardware address of an end of instance `number`: each has its own, as in a service. */
export function macOf(number: number, end: number): Uint8Array {
  return Uint8Array.of(2, end, 1, number >>> 16, (number >>> 8) & 0xff, number & 0xff);
}

/** A host's UDP datagram to another site, to the instance's hardware address. */
function hostFrame(destination: Uint8Array): Uint8Array {
  const payload = writeUdpPacket({
    source: Uint8Array.of(192, 168, 1, 7),
    destination: Uint8Array.of(192, 168, 2, 7),
    sourcePort: 5000,
    destinationPort: 9,
    payload: new Uint8Array(22),
  });
  return writeEthernet({ destination, source: HOST_MAC, etherType: ETHERTYPE_IP, payload });
}

/** Packets on their way through an instance while it forwards. */
const WINDOW = 64;
const ETHERTYPE = 12;
/** Milliseconds without an arrival after which packets are taken for lost. */
const STALL_MS = 10_000;

/** The bench's side of the links: packets without a router. */
export class Hand {
  readonly memory: PacketMemory = new PacketMemory({ slots: 1024, bytes: 64 * 2 ** 20 });
  readonly #batch = new Batch(this.memory, this.memory.alloc(BATCH_MAX * 4));

  send(end: LinkEnd, bytes: Uint8Array, count = 1): void {
    const { memory } = this;
    const batch = this.#batch;
    for (; count > BATCH_MAX; count -= BATCH_MAX) this.send(end, bytes, BATCH_MAX);
    for (let i = 0; i < count; i++) {
      const slot = memory.kernels.poolTake();
      memory.u8.set(bytes, memory.get32(slot + SLOT_DATA));
      memory.set32(slot + SLOT_LENGTH, bytes.length);
      batch.add(slot);
    }
    end.send(batch);
    batch.kill();
  }

  /** Takes what has come to `end`: the number of frames of `length` bytes; others are given to `other`. */
  take(end: LinkEnd, length: number, other: (frame: Uint8Array) => void): number {
    const { memory } = this;
    const batch = this.#batch;
    let count = 0;
    const strange: Uint8Array[] = [];
    while (end.receive(batch, BATCH_MAX) > 0) {
      for (let i = 0; i < batch.count; i++) {
        const slot = batch.at(i);
        const size = memory.get32(slot + SLOT_LENGTH);
        const data = memory.get32(slot + SLOT_DATA);
        if (size === length) count++;
        else strange.push(memory.u8.slice(data, data + size));
      }
      batch.kill();
    }
    for (const frame of strange) other(frame);
    return count;
  }
}

/** The bench's ends of an instance's two links. */
export class Ends {
  readonly #hand: Hand;
  readonly site: LinkEnd;
  readonly core: LinkEnd;
  readonly #frame: Uint8Array;
  /** Of a frame that was forwarded. */
  readonly #length: number;
  /** Packets that it forwarded. */
  forwarded = 0;
  #first: (() => void) | null = null;
  /** Packets that are still to be sent. */
  #left = 0;
  /** Called when so many have been forwarded. */
  #wanted = Number.POSITIVE_INFINITY;
  #passed: (() => void) | null = null;
  readonly #other = (frame: Uint8Array): void => this.#answer(frame);
  readonly #come = (): void => this.#receive();

  /** `mac` is the instance's on its site's side. */
  constructor(hand: Hand, subject: Subject, mac: Uint8Array, site: LinkEnd, core: LinkEnd) {
    this.#hand = hand;
    this.site = site;
    this.core = core;
    this.#frame = hostFrame(mac);
    this.#length = this.#frame.length + subject.grows;
  }

  /** Sends a packet through the instance; resolves when it comes out. */
  first(): Promise<void> {
    return new Promise((resolve) => {
      this.#first = resolve;
      this.core.arm(this.#come);
      this.#hand.send(this.site, this.#frame);
    });
  }

  /** Keeps WINDOW packets on their way from now on. */
  run(): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#hand.send(this.site, this.#frame, WINDOW);
  }

  /** Lets those on their way arrive, and sends no more. */
  rest(): void {
    this.#left = 0;
  }

  /** Sends `count` packets, at most `window` of them on their way at a time. Rejects when some do not arrive. */
  async pass(count: number, window: number): Promise<void> {
    this.forwarded = 0;
    this.#wanted = count;
    const first = Math.min(count, window);
    this.#left = count - first;
    const passed = new Promise<void>((resolve) => {
      this.#passed = resolve;
    });
    this.core.arm(this.#come);
    this.#hand.send(this.site, this.#frame, first);
    let before = -1;
    const watch = setInterval(() => {
      if (this.forwarded === before) this.#passed?.();
      before = this.forwarded;
    }, STALL_MS);
    await passed;
    clearInterval(watch);
    if (this.forwarded < count) throw new Error(`${count} packets sent, ${this.forwarded} arrived`);
  }

  #receive(): void {
    const count = this.#hand.take(this.core, this.#length, this.#other);
    this.core.arm(this.#come);
    if (count === 0) return;
    this.forwarded += count;
    this.#first?.();
    this.#first = null;
    if (this.forwarded >= this.#wanted) this.#passed?.();
    const next = Math.min(count, this.#left);
    this.#left -= next;
    if (next > 0) this.#hand.send(this.site, this.#frame, next);
  }

  /** The next hop says where it is; anything else that the instance says is of no interest. */
  #answer(frame: Uint8Array): void {
    if (frame[ETHERTYPE] << 8 !== (ETHERTYPE_ARP & 0xff00) || frame[ETHERTYPE + 1] !== (ETHERTYPE_ARP & 0xff))
      return;
    const request = readArpFrame(frame);
    if (request.operation === ARP_REQUEST) this.#hand.send(this.core, writeArpReply(request, GATEWAY_MAC));
  }
}

/** A running instance. */
export interface Booted {
  readonly instance: Instance;
  readonly ends: Ends;
  /** Milliseconds of the clock from nothing to its first forwarded packet. */
  readonly ms: number;
  close(): Promise<void>;
}

/** As a Service has them. */
export function sharedParts(): SharedParts {
  return { loader: new Loader(), blueprints: new Blueprints(), texts: new FileTexts() };
}

export function specOf(subject: Subject, number: number, slots = MEMORY.slots): InstanceSpec {
  const { file, text } = subject;
  const parameters = { ...subject.parameters, ...subject.own?.(number) };
  const memory = { ...MEMORY, slots };
  return {
    name: `${subject.name} ${number}`,
    file,
    text,
    parameters,
    memory,
    clickpath: "",
    seed: 0,
    orchestrates: false,
    agent: false,
  };
}

/** Rejects nothing by itself: what an instance says or why it ends is an error of the bench. */
export const EVENTS: InstanceEvents = {
  log(line) {
    process.stderr.write(`${line}\n`);
  },
  ended({ kind, message }) {
    if (kind !== "stopped") process.stderr.write(`an instance ended: ${message}\n`);
  },
};

/** Lays an instance's links, starts it in this process, and waits for its first packet. */
export async function bootInline(
  hand: Hand,
  shared: SharedParts,
  subject: Subject,
  number: number,
): Promise<Booted> {
  const begin = performance.now();
  const mac = macOf(number, 1);
  const [site, farSite] = makeLink({ flight: FLIGHT, macs: [mac, HOST_MAC] });
  const [core, farCore] = makeLink({ flight: FLIGHT, macs: [macOf(number, 2), GATEWAY_MAC] });
  const attached = [
    { name: "site", end: site },
    { name: "core", end: core },
  ];
  const devices = new AttachedDevices(attached, NO_DEVICES);
  const options = { ...shared, devices, clock: new RealClock(), log: EVENTS.log };
  const instance = new InlineInstance(specOf(subject, number), options, EVENTS, null);
  const ends = new Ends(hand, subject, mac, farSite, farCore);
  await instance.start();
  await ends.first();
  const ms = performance.now() - begin;
  const close = async (): Promise<void> => {
    await instance.stop();
    for (const end of [site, farSite, core, farCore]) end.close();
  };
  return { instance, ends, ms, close };
}
