import type { ArgValues } from "../../src/lang/args/spec.js";
import { nearest } from "../../src/lang/nearest.js";
import type { Batch } from "../../src/packet/batch.js";
import {
  LineTextError,
  LONGEST,
  lineText,
  parsePath,
  parseSetting,
  pathText,
} from "../../src/packet/line-text.js";
import { Lines, MAX_LINE_PORTS, type Path } from "../../src/packet/lines.js";
import { Stations } from "../../src/packet/stations.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { asHandlerError, type HandlerCode, valueHandler, withinMemory } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";

const args = {
  DELAY: { type: "seconds", max: LONGEST, doc: "delay of lines that have none of their own (0)" },
  JITTER: { type: "seconds", max: LONGEST, doc: "up to this is added to the delay of each packet (0)" },
  LOSS: { type: "real", min: 0, max: 1, doc: "share of packets lost (0)" },
  LINE: {
    type: "any",
    many: true,
    doc: "what one line does: FROM TO DELAY [JITTER [LOSS]] [down], e.g. `paris lyon 5ms 1ms 0.5%`",
  },
  TIMEOUT: {
    type: "seconds",
    default: "300",
    max: 86400 * 365,
    doc: "time after which a station not heard of is forgotten; 0: nothing is learned, all frames go to all ports",
  },
  CAPACITY: { type: "unsigned", default: "4096", min: 4, max: 1048576, doc: "stations it knows at most" },
  NAMES: {
    type: "word",
    positional: true,
    rest: true,
    doc: "names of the ports; without, their numbers from 0 on",
  },
} as const;

interface Setting {
  readonly from: number;
  readonly to: number;
  readonly path: Path | null;
}

/**
 * A learning Ethernet switch with a line of its own from each port to each other one: a network of which only the times
 * between its ends are known.
 *
 * It learns and forwards as EtherSwitch does; each packet, and each copy of one that goes to all ports, then takes the
 * time of its line: DELAY, or what LINE says for that pair of ports. The way back may differ, and a way round may be
 * shorter. Packets of a line keep their order, also with a jitter; those of two lines need not. Each line draws its own
 * random numbers: under a simulated clock they are the same whatever other lines carry.
 *
 * A line takes no memory before it is set or used. Packets on their way are held in the router's memory; a port may have
 * as many on their way as there is room for yet, so that one that floods leaves half of it to the others.
 *
 * Over a hot swap lines between ports of the same names keep their packets, counts and random numbers, and what was
 * written to them, but for what the new configuration says; packets on lines from or to ports that go are lost.
 *
 * @input any Ethernet frames from port N
 * @output N Ethernet frames to port N
 * @example
 * Idle -> [0] s :: LineSwitch(paris, lyon, nice, DELAY 20ms, LINE paris lyon 5ms, LINE lyon paris 6ms 1ms 0.1%);
 * s [0] -> Discard; Idle -> [1] s [1] -> Discard; Idle -> [2] s [2] -> Discard;
 * @see EtherSwitch, DelayUnqueue
 */
export class LineSwitch extends Element {
  static readonly spec = {
    ports: "-/=",
    processing: "h/h",
    flow: "#/[^#]",
    args,
    counters: {
      flooded: "frames sent to all ports but their own",
      replaced: "stations that made room for others before their time",
    },
    drops: {
      same_port: "its station is on the port that it came from",
      short: "shorter than an Ethernet header",
      no_slot: "the packet pool was exhausted, so a copy was not made",
      lost: "by the line's loss",
      down: "the line is down",
      no_room: "more on their way from the same port than there was room for yet",
      no_line: "the router's memory had no room for another line",
    },
    handlers: {
      table: { read: true, doc: "a line a station, by address: hardware address, port" },
      timeout: { read: true, write: true, doc: "seconds after which a station not heard of is forgotten" },
      clear: { write: true, button: true, doc: "forgets all stations" },
      others: { read: true, write: true, doc: "what lines do that were not set: DELAY JITTER LOSS [down]" },
      lines: {
        read: true,
        write: true,
        params: true,
        expensive: true,
        doc: "the lines that were set or used, or those FROM [TO] a port: from, to, delay, jitter, loss, up or down, own or common, packets, lost, down, no_room; written: FROM TO DELAY [JITTER [LOSS]] [down], or FROM TO - to do as others, a line each",
      },
      held: { read: true, doc: "packets on their way" },
    },
  } as const satisfies ElementSpec;

  #lines: Lines | null = null;
  #stations: Stations | null = null;
  #timer: Timer | null = null;
  /** What the configuration says; null where it says nothing. */
  #others: Path | null = null;
  #settings: readonly Setting[] = [];
  /** Packets are leaving: what comes in meanwhile waits for its turn. */
  #leaving = false;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { random } = this.router;
    const names =
      values.NAMES.length > 0 ? values.NAMES : Array.from({ length: this.noutputs }, (_, i) => String(i));
    if (names.length > MAX_LINE_PORTS) errors.error(`it has at most ${MAX_LINE_PORTS} ports`);
    else if (names.length !== this.noutputs)
      errors.error(`${names.length} names for ${this.noutputs} ports: expected one for each`);
    else if (new Set(names).size < names.length)
      errors.error(`two ports have the name '${names.find((name, i) => names.indexOf(name) < i)}'`);
    else {
      const { DELAY, JITTER, LOSS } = values;
      if (DELAY !== undefined || JITTER !== undefined || LOSS !== undefined)
        this.#others = { delay: DELAY ?? 0, jitter: JITTER ?? 0, loss: LOSS ?? 0, cut: false };
      try {
        this.#settings = settings(values.LINE, names);
      } catch (e) {
        if (!(e instanceof LineTextError)) throw e;
        errors.error(`LINE: ${e.message}`);
        return;
      }
      this.#lines = new Lines(this.memory, names, [random.u32(), random.u32()]);
      this.#stations = new Stations(this.memory, values.CAPACITY, values.TIMEOUT, random.u32());
      this.#apply();
    }
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#leave(this.router.clock.now()));
  }

  override cleanup(_stage: CleanupStage): void {
    this.#lines?.destroy();
    this.#stations?.destroy();
    this.#lines = this.#stations = null;
  }

  override takeState(old: Element, errors: ErrorSink): void {
    if (!(old instanceof LineSwitch) || old.#lines === null || old.#stations === null) return;
    const mine = this.#lines!;
    const { lost, renumbered } = old.#lines.rename(mine.names);
    this.#lines = old.#lines;
    old.#lines = mine;
    this.#stations!.take(old.#stations, renumbered);
    this.#apply();
    if (lost > 0) errors.warning(`${lost} packets lost on lines of ports that are gone`);
    if (this.#lines.busy > 0) this.#timer!.scheduleAt(this.#lines.next);
  }

  /** Lets lines do what the configuration says. */
  #apply(): void {
    const lines = this.#lines!;
    if (this.#others !== null) lines.others = this.#others;
    for (const { from, to, path } of this.#settings) lines.set(from, to, path);
  }

  override push(port: number, batch: Batch): void {
    const { kernels } = this.memory;
    const lines = this.#lines!;
    const now = this.router.clock.now();
    const table = this.#stations!.address;
    kernels.etherSwitch(this.state, table, batch.address, batch.count, port, Stations.ticks(now));
    kernels.linesTake(this.state, lines.address, batch.address, batch.count, port, now);
    batch.count = 0;
    this.#leave(now);
  }

  /** Lets go what has arrived by `now`. */
  #leave(now: number): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const batch = this.router.batches.acquire();
    try {
      for (;;) {
        this.#lines!.due(batch, now);
        if (batch.count === 0) break;
        this.dispatch(batch);
      }
    } finally {
      this.router.batches.release(batch);
      this.#leaving = false;
    }
    const { next } = this.#lines!;
    const timer = this.#timer!;
    if (next < (timer.scheduled ? timer.expiry : Number.POSITIVE_INFINITY)) timer.scheduleAt(next);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      table: {
        read: () => this.#stations!.text(this.router.clock.recent, (port) => this.#lines!.names[port]),
      },
      timeout: valueHandler(
        args.TIMEOUT,
        () => this.#stations!.timeout,
        (seconds) => {
          this.#stations!.timeout = seconds;
        },
      ),
      clear: { write: () => this.#stations!.clear() },
      others: {
        read: () => pathText(this.#lines!.others),
        write: (text) => {
          this.#lines!.others = asHandlerError(() => parsePath(text.trim().split(/\s+/)), LineTextError);
        },
      },
      lines: {
        read: (parameters) => asHandlerError(() => this.#text(parameters), LineTextError),
        write: withinMemory((text) => {
          const written = text.split("\n").filter((line) => line.trim() !== "");
          const all = asHandlerError(() => settings(written, this.#lines!.names), LineTextError);
          for (const { from, to, path } of all) this.#lines!.set(from, to, path);
        }),
      },
      held: { read: () => this.#lines!.held },
    };
  }

  /** The lines that were made, or those of them `FROM [TO]`. */
  #text(parameters: string): string {
    const lines = this.#lines!;
    const numbers = numbered(lines.names);
    const named = parameters.split(/\s+/).filter(Boolean);
    const ports = named.map((name) => portOf(numbers, name));
    if (ports.length > 2) throw new LineTextError(`'${parameters}': expected FROM [TO]`);
    const all = [...lines.names.keys()];
    const text: string[] = [];
    for (const from of ports.length > 0 ? [ports[0]] : all)
      for (const to of ports.length > 1 ? [ports[1]] : all) {
        const line = lines.line(from, to);
        if (line !== null) text.push(`${lines.names[from]} ${lines.names[to]} ${lineText(line)}\n`);
      }
    return text.join("");
  }
}

function numbered(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, port) => [name, port]));
}

/** Throws LineTextError. */
function portOf(numbers: ReadonlyMap<string, number>, name: string): number {
  const port = numbers.get(name);
  if (port !== undefined) return port;
  const near = nearest(name, [...numbers.keys()]);
  throw new LineTextError(`there is no port '${name}'${near === null ? "" : `: is it '${near}'?`}`);
}

/** What `texts` say of lines between ports called `names`. Throws LineTextError. */
function settings(texts: readonly string[], names: readonly string[]): Setting[] {
  const numbers = numbered(names);
  const seen = new Set<number>();
  return texts.map((text) => {
    const { from: a, to: b, path } = parseSetting(text);
    const [from, to] = [portOf(numbers, a), portOf(numbers, b)];
    const pair = from * names.length + to;
    if (from === to) throw new LineTextError(`'${text}': a line goes to another port`);
    if (seen.has(pair)) throw new LineTextError(`'${text}': the line from ${a} to ${b} is set twice`);
    seen.add(pair);
    return { from, to, path };
  });
}
