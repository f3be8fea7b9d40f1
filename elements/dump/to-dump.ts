import { closeSync, openSync } from "node:fs";
import { ANNO_EXTRA_LENGTH } from "../../assembly/layout.js";
import { Soon } from "../../src/device/soon.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { timestampNanoseconds, timestampSeconds } from "../../src/packet/timestamp.js";
import { wallTime } from "../../src/router/clock.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { systemError } from "../../src/router/system-error.js";
import type { Task } from "../../src/router/task.js";
import { writeAll } from "../../src/system/write-all.js";
import { linkTypeText, parseLinkType } from "../../src/wire/link-type.js";
import { LINKTYPE_ETHERNET, PCAP_MAX_LENGTH, PcapWriter } from "../../src/wire/pcap.js";

const args = {
  FILENAME: { type: "filename", positional: true, required: true, doc: "the file; `-` is standard output" },
  SNAPLEN: {
    type: "unsigned",
    positional: true,
    default: "2000",
    doc: "bytes written of a packet at most; 0: all",
  },
  ENCAP: {
    type: "word",
    positional: true,
    doc: "what packets start with: ETHER (default), IP, SLL, NULL, PPP, ..., or #N for link type N",
  },
  USE_ENCAP_FROM: { type: "any", doc: "elements whose `encap` handlers say what packets start with" },
  EXTRA_LENGTH: {
    type: "bool",
    default: "true",
    doc: "count bytes that a packet had before it was cut (its extra length annotation)",
  },
  UNBUFFERED: { type: "bool", default: "false", doc: "write each batch at once" },
  BURST: { type: "unsigned", default: "1", min: 1, max: BATCH_MAX, doc: "packets pulled at a time" },
  NANO: { type: "bool", default: "false", doc: "write times to the nanosecond rather than the microsecond" },
} as const;

/** Bytes held back before they are written. */
const BUFFER = 2 ** 19;

/**
 * Writes packets to a capture file, as tcpdump does.
 *
 * With an output it passes packets on; without one it throws them away, and pulls by itself on a pull input. A
 * packet without a timestamp is given the present. A failure to write is reported once, and nothing else stops.
 *
 * @input 0 packets to write, push or pull
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> ToDump(/dev/null, SNAPLEN 60)
 * @see FromDump, ToDevice
 */
export class ToDump extends Element {
  static readonly spec = {
    ports: "1/0-1",
    flags: "S2",
    args,
    counters: { count: "packets written" },
    handlers: {
      filename: { read: true, doc: "the file's name" },
      reset_counts: { write: true, button: true, doc: "sets the count to zero" },
    },
    // After those whose encap handlers it may ask.
    configurePhase: 200,
  } as const satisfies ElementSpec;

  #file = "";
  #snapLength = 2000;
  #linkType: number = LINKTYPE_ETHERNET;
  #encapFrom: string[] = [];
  #extraLength = true;
  #unbuffered = false;
  #nano = false;
  #burst = 1;
  #fd = -1;
  #buffer = 0;
  #writer: PcapWriter | null = null;
  #task: Task | null = null;
  #signal: Signal | null = null;
  readonly #packet = new Packet(this.memory);
  readonly #flushSoon = new Soon();
  readonly #flush = (): void => this.#guard(() => this.#writer?.flush());

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#file = values.FILENAME;
    this.#snapLength = values.SNAPLEN === 0 ? PCAP_MAX_LENGTH : values.SNAPLEN;
    this.#extraLength = values.EXTRA_LENGTH;
    this.#unbuffered = values.UNBUFFERED;
    this.#nano = values.NANO;
    this.#burst = values.BURST;
    const { ENCAP: encap, USE_ENCAP_FROM: from } = values;
    if (encap !== undefined && from !== undefined) {
      errors.error("specify at most one of 'ENCAP' and 'USE_ENCAP_FROM'");
    } else if (from !== undefined) {
      this.#encapFrom = splitSpaces(from);
      if (this.#encapFrom.length === 0) errors.error("element names missing after 'USE_ENCAP_FROM'");
    } else {
      const linkType = encap === undefined ? LINKTYPE_ETHERNET : parseLinkType(encap);
      if (linkType === null) errors.error("bad encapsulation type");
      else this.#linkType = linkType;
    }
  }

  override initialize(errors: ErrorSink): void {
    if (!this.#askEncap(errors)) return;
    // What the element that this one replaces has open, it takes over.
    if (this.#takesOver(this.hotswapElement) === null) {
      try {
        this.#fd = this.#file === "-" ? 1 : openSync(this.#file, "w");
        this.#writer = this.#newWriter();
        this.#writer.flush();
      } catch (e) {
        this.#writer = null;
        errors.error(`${this.#file}: ${systemError(e)}`);
        return;
      }
    }
    if (!this.isPullInput(0) || this.noutputs > 0) return;
    this.#task = this.newTask(() => this.#run());
    this.#signal = upstreamEmptySignal(this, 0, this.#task);
    this.#task.reschedule();
  }

  override takeState(old: Element): void {
    const from = this.#takesOver(old);
    if (from === null) return;
    from.#flush();
    // The file has its header already.
    const fd = from.#fd;
    this.#writer = this.#newWriter();
    this.#writer.flush();
    this.#fd = fd;
    from.#fd = -1;
    from.#writer = null;
  }

  override cleanup(): void {
    this.#flush();
    this.#writer = null;
    this.#flushSoon.cancel();
    if (this.#fd > 1) closeSync(this.#fd);
    this.#fd = -1;
    if (this.#buffer !== 0) this.memory.free(this.#buffer, BUFFER);
    this.#buffer = 0;
  }

  #takesOver(old: Element | null): ToDump | null {
    const same = old instanceof ToDump && old.#file === this.#file && old.#linkType === this.#linkType;
    return same && old.#nano === this.#nano ? old : null;
  }

  #newWriter(): PcapWriter {
    const options = { linkType: this.#linkType, snapLength: this.#snapLength, nanoseconds: this.#nano };
    // In the router's memory, so that packets are copied without making a view of each.
    if (this.#buffer === 0) this.#buffer = this.memory.alloc(BUFFER);
    const buffer = this.memory.u8.subarray(this.#buffer, this.#buffer + BUFFER);
    const write = (bytes: Uint8Array): void => {
      if (this.#fd >= 0) writeAll(this.#fd, bytes);
    };
    return new PcapWriter(write, options, buffer);
  }

  /** Asks the elements of USE_ENCAP_FROM; false when they are not of one mind. */
  #askEncap(errors: ErrorSink): boolean {
    let agreed: number | null = null;
    for (const name of this.#encapFrom) {
      const element = this.router.find(name, this);
      if (element === undefined) {
        errors.error(`no element named '${name}'`);
        return false;
      }
      const handler = this.router.handlers(element).get("encap");
      if (handler?.read === undefined) {
        errors.error(`'${element.declaration}' has no 'encap' read handler`);
        return false;
      }
      const linkType = parseLinkType(String(handler.read("")));
      if (linkType === null) {
        errors.error(`'${element.declaration}.encap' did not return a valid encapsulation type`);
        return false;
      }
      if (agreed !== null && agreed !== linkType) {
        const types = `${linkTypeText(agreed)} and ${linkTypeText(linkType)}`;
        errors.error(`source encapsulation types disagree: ${types}`);
        return false;
      }
      agreed = linkType;
    }
    if (agreed !== null) this.#linkType = agreed;
    return true;
  }

  override push(_port: number, batch: Batch): void {
    this.process(batch);
    this.pushOrKill(0, batch);
  }

  #run(): boolean {
    if (this.#writer === null) return false;
    const batch = this.router.batches.acquire();
    const count = this.inputs[0].pull(batch, this.#burst);
    this.process(batch);
    this.router.batches.release(batch);
    if (count > 0 || this.#signal!.active) this.#task!.reschedule();
    return count > 0;
  }

  override process(batch: Batch): void {
    if (this.#writer === null || batch.count === 0) return;
    this.#guard(() => this.#write(batch));
    if (this.#unbuffered) this.#flush();
    else this.#flushSoon.call(this.#flush);
  }

  #write(batch: Batch): void {
    const writer = this.#writer!;
    const { memory } = this;
    for (let i = 0; i < batch.count; i++) {
      const packet = this.#packet.at(batch.at(i));
      const { slot, data, length } = packet;
      let seconds = timestampSeconds(memory, slot);
      let nanoseconds = timestampNanoseconds(memory, slot, seconds);
      if (seconds === 0 && nanoseconds === 0)
        ({ seconds, nanoseconds } = wallTime(this.router.clock, this.router.clock.now()));
      const extra = this.#extraLength ? memory.get32(packet.anno(ANNO_EXTRA_LENGTH)) : 0;
      const original = Math.min(length + extra, 0xffffffff);
      const at = writer.add(seconds, nanoseconds, length, original);
      const kept = Math.min(length, writer.header.snapLength);
      memory.u8.copyWithin(this.#buffer + at, data, data + kept);
      memory.add64(this.state, 1);
    }
  }

  /** Does what writes to the file; if that fails, says so and writes no more. */
  #guard(write: () => void): void {
    try {
      write();
    } catch (e) {
      this.#writer = null;
      this.router.unwritten(e, `ToDump(${this.#file}): ${systemError(e)}`);
    }
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      filename: { read: () => (this.#file === "-" ? "<stdout>" : this.#file) },
      reset_counts: { write: () => this.memory.set64(this.state, 0) },
    };
  }
}
