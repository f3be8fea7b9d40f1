import { ANNO_EXTRA_LENGTH, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_MAC } from "../../assembly/layout.js";
import { DumpFile } from "../../src/device/dump-file.js";
import { DumpTimes } from "../../src/device/dump-times.js";
import { fixedPointText } from "../../src/lang/args/fixed-point.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { forceIP } from "../../src/packet/force-ip.js";
import { writeTimestamp } from "../../src/packet/timestamp.js";
import { ConfiguredCall } from "../../src/router/configured-call.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError, handlerValue, valueHandler } from "../../src/router/handler.js";
import { Notifier, type SignalKind } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { systemError } from "../../src/router/system-error.js";
import type { Task } from "../../src/router/task.js";
import type { Timer } from "../../src/router/timer.js";
import { canFindIP, canonicalLinkType, linkTypeText } from "../../src/wire/link-type.js";
import { LINKTYPE_RAW, PcapError, type PcapReader } from "../../src/wire/pcap.js";

const args = {
  FILENAME: { type: "filename", positional: true, required: true, doc: "the file; `-` is standard input" },
  TIMING: {
    type: "bool",
    positional: true,
    default: "false",
    doc: "keep the times between packets; the first leaves at once",
  },
  STOP: { type: "bool", default: "false", doc: "stop the router at the end" },
  ACTIVE: { type: "bool", default: "true", doc: "give packets" },
  SAMPLE: { type: "real", default: "1", min: 0, doc: "probability with which a packet is given" },
  FORCE_IP: {
    type: "bool",
    default: "false",
    doc: "give IP packets only, their network header marked; always so for a file of raw IP",
  },
  START: { type: "timestamp", doc: "skip packets before this time" },
  START_AFTER: { type: "timestamp", doc: "skip the first so many seconds of the file" },
  END: { type: "timestamp", doc: "end at the first packet at or after this time" },
  END_AFTER: { type: "timestamp", doc: "end so many seconds after the file's first packet" },
  INTERVAL: { type: "timestamp", doc: "end so many seconds after the first packet given" },
  END_CALL: { type: "handler", doc: "handler written to at the end; default: its own `active`, with false" },
  FILEPOS: { type: "long", default: "0", doc: "byte of the file to begin at, where a record begins" },
  MMAP: { type: "bool", default: "false", doc: "accepted; files are read through a buffer" },
  BURST: { type: "unsigned", default: "1", min: 1, max: BATCH_MAX, doc: "packets pushed at a time" },
} as const;

/** Bits of a sampling probability, as in Click. */
const SAMPLE_BITS = 28;
/** Records read for one packet that is given, before others get their turn. */
const TRIES = 16;

/**
 * Reads packets from a capture file.
 *
 * Packets carry the times of the file, the length that was cut off (extra length annotation), and their MAC header
 * is marked. With FORCE_IP, packets without IP leave on output 1 or are dropped. A damaged file is reported and ends
 * there. Classic pcap files are read, with times in micro- or nanoseconds.
 *
 * @output 0 packets of the file, push or pull
 * @output 1 packets that carry no IP, push
 * @see ToDump, FromDevice
 */
export class FromDump extends Element {
  static readonly spec = {
    ports: "0/1-2",
    processing: "a/ah",
    args,
    counters: { count: "packets given" },
    drops: {
      not_ip: "it carries no IP",
      too_long: "it is longer than any packet of the router",
      no_slot: "the packet pool was exhausted",
    },
    handlers: {
      sampling_prob: { read: true, doc: "probability with which a packet is given" },
      active: { read: true, write: true, checkbox: true, doc: "whether it gives packets" },
      encap: { read: true, doc: "what the file's packets start with, as ToDump's ENCAP names it" },
      filename: { read: true, doc: "the file's name" },
      filesize: { read: true, doc: "bytes of the file; - where that is not known" },
      filepos: { read: true, write: true, doc: "byte of the file where reading goes on" },
      packet_filepos: { read: true, doc: "byte of the file where the last packet's record begins" },
      stop: { write: true, button: true, doc: "stops the router, and gives no more packets" },
      extend_interval: { write: true, doc: "puts the end off by so many seconds, and gives packets again" },
      reset_counts: { write: true, button: true, doc: "sets the count to zero" },
      reset_timing: { write: true, button: true, doc: "takes the times of the next packet as the first's" },
    },
  } as const satisfies ElementSpec;

  #file = "";
  #timing = false;
  #active = true;
  #sample = 0;
  #forceIP = false;
  #filePosition = 0;
  #burst = 1;
  #times = new DumpTimes({});
  #end: ConfiguredCall | null = null;
  #dump: DumpFile | null = null;
  #linkType = 0;
  /** A record has been read and its packet not been given. */
  #pending = false;
  #ended = false;
  #task: Task | null = null;
  #timer: Timer | null = null;
  readonly #notifier = new Notifier();

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#file = values.FILENAME;
    this.#timing = values.TIMING;
    this.#active = values.ACTIVE;
    this.#forceIP = values.FORCE_IP;
    this.#filePosition = values.FILEPOS;
    this.#burst = values.BURST;
    if (values.SAMPLE > 1) errors.warning("SAMPLE probability reduced to 1");
    this.#sample = Math.round(Math.min(1, values.SAMPLE) * 2 ** SAMPLE_BITS);
    if (this.#sample === 0) errors.warning("SAMPLE probability is 0; emitting no packets");
    const { START, START_AFTER, END, END_AFTER, INTERVAL } = values;
    if (START !== undefined && START_AFTER !== undefined)
      errors.error("START and START_AFTER are mutually exclusive");
    if ([END, END_AFTER, INTERVAL].filter((t) => t !== undefined).length > 1)
      errors.error("END, END_AFTER, and INTERVAL are mutually exclusive");
    if (values.STOP && values.END_CALL !== undefined)
      errors.error("END_CALL and STOP are mutually exclusive");
    this.#times = new DumpTimes({
      start: START,
      startAfter: START_AFTER,
      end: END,
      endAfter: END_AFTER,
      interval: INTERVAL,
    });
    const own = (handler: string, value: string) => ({ element: this.name, handler, value });
    const call =
      values.END_CALL ??
      (values.STOP ? own("stop", "") : this.#times.ends ? own("active", "false") : undefined);
    this.#end = call === undefined ? null : new ConfiguredCall(this, call);
  }

  override initialize(errors: ErrorSink): void {
    this.#end?.initialize(errors);
    this.#timer = this.newTimer(() => this.#resume());
    if (!this.isPullOutput(0)) this.#task = this.newTask(() => this.#run());
    if (this.#takesOver(this.hotswapElement) === null && !this.#open(errors)) return;
    if (this.#active) this.#task?.reschedule();
  }

  override takeState(old: Element): void {
    const from = this.#takesOver(old);
    if (from === null) return;
    this.#dump = from.#dump;
    this.#pending = from.#pending;
    this.#ended = from.#ended;
    this.#linkType = from.#linkType;
    this.#forceIP ||= this.#linkType === LINKTYPE_RAW;
    from.#dump = null;
  }

  override cleanup(): void {
    this.#dump?.close();
    this.#dump = null;
  }

  override notifier(kind: SignalKind, port: number): Notifier | null {
    return kind === "empty" && port === 0 && this.isPullOutput(0) ? this.#notifier : null;
  }

  #takesOver(old: Element | null): FromDump | null {
    return old instanceof FromDump && old.#file === this.#file && old.#dump !== null ? old : null;
  }

  #open(errors: ErrorSink): boolean {
    const name = this.#file === "-" ? "<stdin>" : this.#file;
    let dump: DumpFile;
    try {
      dump = new DumpFile(this.#file, this.memory);
    } catch (e) {
      errors.error(`${name}: ${systemError(e)}`);
      return false;
    }
    this.#dump = dump;
    if (this.#filePosition > 0 && !dump.seek(this.#filePosition)) {
      errors.error("FILEPOS out of range");
      return false;
    }
    this.#linkType = canonicalLinkType(dump.reader.header.linkType);
    if (this.#linkType === LINKTYPE_RAW) this.#forceIP = true;
    if (this.#forceIP && !canFindIP(this.#linkType)) {
      errors.error(`${name}: unknown linktype ${this.#linkType}; can't force IP packets`);
      return false;
    }
    return true;
  }

  /** Goes on until a record is pending whose packet is to be given. `none`: not yet; `end`: there will be no more. */
  #next(): "packet" | "none" | "end" {
    if (this.#pending) return "packet";
    if (this.#dump === null || this.#ended) return "end";
    const { reader } = this.#dump;
    for (let i = 0; i < TRIES; i++) {
      if (!this.#read(reader)) return "end";
      let place = this.#times.place(reader.seconds, reader.nanoseconds, this.router.clock.now());
      if (place === "end") {
        this.#end?.call();
        if (!this.#active) return "none";
        // Whoever was called may have put the end off; else it does not count any more.
        place = this.#times.place(reader.seconds, reader.nanoseconds, this.router.clock.now());
      }
      if (place === "before" || !this.#sampled()) continue;
      this.#pending = true;
      return "packet";
    }
    return "none";
  }

  #sampled(): boolean {
    const all = 2 ** SAMPLE_BITS;
    return this.#sample === all || this.router.random.below(all) < this.#sample;
  }

  #read(reader: PcapReader): boolean {
    try {
      if (reader.next()) return true;
    } catch (e) {
      const why = e instanceof PcapError ? e.message : systemError(e);
      this.router.log(`${this.#file}: ${why}; giving up`);
    }
    this.#ended = true;
    return false;
  }

  /** Whether the pending packet's time has come; else the timer is set for it. */
  #due(): boolean {
    if (!this.#timing) return true;
    const { reader } = this.#dump!;
    const at = this.#times.due(reader.seconds, reader.nanoseconds);
    if (at <= this.router.clock.now()) return true;
    this.#timer!.scheduleAt(at);
    this.#notifier.sleep();
    return false;
  }

  /** Appends the pending packet to `batch`, if it is one to give. */
  #give(batch: Batch): void {
    this.#pending = false;
    const { memory } = this;
    const { reader, buffer } = this.#dump!;
    const { original } = reader;
    const captured = Math.min(reader.captured, original);
    if (captured > memory.longest) {
      memory.add64(this.counterAddress("too_long"), 1);
      return;
    }
    const slot = memory.kernels.poolTakeFor(captured);
    if (slot === 0) {
      memory.add64(this.counterAddress("no_slot"), 1);
      return;
    }
    const data = memory.get32(slot + SLOT_DATA);
    memory.u8.copyWithin(data, buffer + reader.start, buffer + reader.start + captured);
    memory.set32(slot + SLOT_LENGTH, captured);
    memory.set32(slot + SLOT_MAC, data);
    memory.set32(slot + SLOT_ANNO + ANNO_EXTRA_LENGTH, original - captured);
    writeTimestamp(memory, slot, reader.seconds, reader.nanoseconds);
    if (!this.#forceIP || forceIP(memory, slot, this.#linkType)) {
      batch.add(slot);
      return;
    }
    const others = this.router.batches.acquire();
    others.add(slot);
    memory.add64(this.counterAddress("not_ip"), 1);
    this.pushOrKill(1, others);
    this.router.batches.release(others);
  }

  /** Fills `batch` with up to `max` packets that are due. */
  #fill(batch: Batch, max: number): "more" | "waiting" | "end" {
    while (batch.count < max) {
      const next = this.#active ? this.#next() : "none";
      if (next === "end") return "end";
      if (!this.#active) return "waiting";
      if (next === "none") return "more";
      if (!this.#due()) return "waiting";
      this.#give(batch);
    }
    return "more";
  }

  #run(): boolean {
    if (!this.#active) return false;
    const batch = this.router.batches.acquire();
    const state = this.#fill(batch, this.#burst);
    const count = batch.count;
    this.memory.add64(this.state, count);
    if (state === "more") this.#task!.reschedule();
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    if (state === "end") this.#end?.call();
    return count > 0;
  }

  override pull(port: number, batch: Batch, max: number): void {
    if (port !== 0) return;
    const state = this.#fill(batch, max);
    this.memory.add64(this.state, batch.count);
    if (state === "end" && batch.count === 0) this.#end?.call();
    if (state !== "more" && batch.count === 0) this.#notifier.sleep();
  }

  #resume(): void {
    if (!this.#active) return;
    if (this.isPullOutput(0)) this.#notifier.wake();
    else this.#task?.reschedule();
  }

  #setActive(active: boolean): void {
    this.#active = active;
    this.#resume();
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      sampling_prob: { read: () => fixedPointText(this.#sample, SAMPLE_BITS) },
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => this.#setActive(active),
        "type mismatch",
      ),
      encap: { read: () => linkTypeText(this.#linkType) },
      filename: { read: () => (this.#file === "-" ? "<stdin>" : this.#file) },
      filesize: { read: () => this.#dump?.size ?? "-" },
      filepos: {
        read: () => this.#dump?.reader.position ?? 0,
        write: (text) => this.#seek(handlerValue(args.FILEPOS, text, "argument must be file offset")),
      },
      packet_filepos: { read: () => this.#dump?.reader.offset ?? 0 },
      stop: {
        write: () => {
          this.#setActive(false);
          this.router.stop();
        },
      },
      extend_interval: {
        write: (text) => {
          const complaint = "'extend_interval' takes a time interval";
          const more = handlerValue({ type: "timestamp", doc: "" }, text, complaint);
          if (more.seconds < 0) throw new HandlerError("FAILED", complaint);
          this.#times.extend(more);
          if (this.#end !== null) this.#setActive(true);
        },
      },
      reset_counts: { write: () => this.memory.set64(this.state, 0) },
      reset_timing: { write: () => this.#times.forget() },
    };
  }

  #seek(position: number): void {
    if (this.#dump?.seek(position) !== true) throw new HandlerError("FAILED", "FILEPOS out of range");
    this.#pending = false;
    this.#ended = false;
    this.#resume();
  }
}
