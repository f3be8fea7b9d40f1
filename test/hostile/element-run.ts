// Runs whole elements on hostile packets: in two routers at once, which differ
// only in the garbage around the packets and must come to the same result.

import { readFileSync } from "node:fs";
import * as layout from "../../assembly/layout.js";
import {
  type Element,
  type ElementSpec,
  Loader,
  type PacketMemory,
  Router,
  SimulatedClock,
} from "../../src/index.js";
import { type Random, SeededRandom } from "../../src/router/random.js";
import { idleFacilities } from "../facilities.js";
import {
  Canaries,
  drawPlacement,
  garbage,
  LARGE_SIZES,
  newPlacement,
  type Placement,
  place,
  takeSlot,
} from "./canary.js";
import { HostileFeed, HostileSink, HostileStore } from "./element-ends.js";
import { type ElementTrial, FOLDERS, TRIALS } from "./element-table.js";
import { HostilePackets } from "./generator.js";
import { LARGE, stretched } from "./kernel-room.js";

interface Page {
  readonly file: string;
  readonly spec: ElementSpec;
}

const MANUAL: Readonly<Record<string, Page>> = JSON.parse(
  readFileSync(new URL("../../manual.json", import.meta.url), "utf8"),
);

/** The classes that hostile packets must go through. */
export function hostileClasses(): string[] {
  return Object.keys(MANUAL).filter((name) => FOLDERS.includes(MANUAL[name].file.split("/")[0]));
}

/** One way to connect and drive one element. */
export interface Setting {
  readonly className: string;
  readonly trial: ElementTrial;
  readonly inputs: number;
  readonly outputs: number;
  /** Packets are pulled through it. */
  readonly pull: boolean;
  /** All that its class can have is connected, so that what it rejects leaves too. */
  readonly most: boolean;
}

/** The settings of a class. Throws when the table of trials lacks what it needs. */
export function settings(className: string): Setting[] {
  const { spec } = MANUAL[className];
  const args = Object.values(spec.args ?? {});
  const needed = args.some((a) => a.required || a.rest) || /-$|-\/|=/.test(spec.ports.trim());
  const trials = TRIALS[className] ?? (needed ? undefined : [{ config: "" }]);
  if (trials === undefined)
    throw new Error(`${className} needs a configuration in TRIALS of test/hostile/element-table.ts`);
  const [into, out] = spec.ports.split("/");
  const [pushIn] = (spec.processing ?? "a/a").split("/");
  return trials.flatMap((trial) => {
    const inputs = counts(into, trial.inputs);
    const outputs = counts(out ?? into, trial.outputs);
    const most = inputs.at(-1)!;
    return [...new Set([outputs[0], outputs.at(-1)!])].flatMap((n, i, all) => {
      const setting = {
        className,
        trial,
        inputs: most,
        outputs: n,
        pull: false,
        most: i > 0 || (all.length === 1 && outputs.length > 1),
      };
      const agnostic = pushIn.startsWith("a") && most === 1 && n >= 1;
      const list: Setting[] = pushIn.startsWith("l") ? [] : [setting];
      if (agnostic || pushIn.startsWith("l")) list.push({ ...setting, pull: true });
      return list;
    });
  });
}

function counts(text: string, given: number | undefined): number[] {
  if (given !== undefined) return [given];
  const range = /^(\d+)(?:-(\d+)?)?$/.exec(text);
  if (range === null) return [1];
  const least = Number(range[1]);
  return range[2] === undefined ? [least] : [least, Number(range[2])];
}

interface Drawn {
  readonly bytes: Uint8Array;
  readonly placement: Placement;
}

/** One of the two routers. */
class World {
  readonly setting: Setting;
  readonly router: Router;
  readonly canaries: Canaries;
  readonly noise: Uint8Array;
  /** Kernels that were called. */
  readonly called: Set<string>;
  fed = 0;

  constructor(setting: Setting, noise: Uint8Array, called: Set<string>) {
    const loader = new Loader();
    for (const c of [HostileFeed, HostileStore, HostileSink]) loader.add(c);
    this.setting = setting;
    this.noise = noise;
    this.called = called;
    this.router = new Router({
      loader,
      clock: new SimulatedClock(),
      seed: 5,
      facilities: idleFacilities(),
      memory: { bytes: 24 * 2 ** 20, slots: 1024 },
      log: () => {},
      print: () => {},
    });
    this.canaries = new Canaries(this.router.memory);
    watch(this.router.memory, called);
  }

  get text(): string {
    const { className, trial, inputs, outputs, pull } = this.setting;
    const lines = [`e :: ${className}(${trial.config}); sink :: HostileSink;`];
    if (inputs === 0 && trial.before !== undefined) lines.push(trial.before);
    if (inputs > 0) lines.push(pull ? "feed :: HostileStore;" : "feed :: HostileFeed;");
    for (let i = 0; i < inputs; i++)
      lines.push(`feed [${i}] -> ${i === 0 && trial.before !== undefined ? trial.before : ""} [${i}] e;`);
    for (let i = 0; i < outputs; i++) lines.push(`e [${i}] -> [${i}] sink;`);
    if (outputs === 0) lines.push("spare :: HostileFeed -> sink;");
    return lines.join("\n");
  }

  async start(): Promise<void> {
    await this.router.start(this.text);
    this.canaries.guard(4096);
    for (const [handler, value] of this.setting.trial.write ?? [])
      await this.router.write(`e.${handler}`, value);
  }

  get element(): Element {
    return this.router.find("e")!;
  }
  get sink(): HostileSink {
    return this.router.find("sink") as HostileSink;
  }

  /** Sends the packets to input `port`; returns how many there was a slot for. */
  feed(port: number, drawn: readonly Drawn[], count: number, shift: number): number {
    const { memory } = this.router;
    const slots: number[] = [];
    for (let i = 0; i < count; i++) {
      const slot = takeSlot(memory, drawn[i].placement);
      if (slot === 0) break;
      place(memory, slot, drawn[i].bytes, drawn[i].placement, this.noise, shift + i);
      slots.push(slot);
    }
    const feed = this.router.find("feed");
    if (feed instanceof HostileStore) {
      feed.waiting.push(...slots);
      this.sink.drain();
      // What it did not ask for goes back.
      for (const slot of feed.waiting.splice(0)) {
        memory.kernels.poolGive(slot);
        slots.pop();
      }
    } else {
      (feed as HostileFeed).send(port, (batch) => {
        for (const slot of slots) batch.add(slot);
      });
    }
    this.fed += slots.length;
    return slots.length;
  }
}

/** Has the names of the kernels called through `memory` collected. */
function watch(memory: PacketMemory, called: Set<string>): void {
  const watched: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(memory.kernels)) {
    watched[name] =
      typeof value !== "function"
        ? value
        : (...numbers: unknown[]) => {
            called.add(name);
            return (value as (...n: unknown[]) => unknown)(...numbers);
          };
  }
  Object.defineProperty(memory, "kernels", { value: watched });
}

/** Runs one setting on at least `packets` packets; returns how many. Throws with what went wrong and where. */
export async function runElement(
  setting: Setting,
  seed: number,
  packets: number,
  called: Set<string> = new Set(),
): Promise<number> {
  const where = `${setting.className}(${setting.trial.config}), ${setting.inputs} inputs, ${setting.outputs} outputs${setting.pull ? ", pulled" : ""}, seed ${seed}`;
  let round = -1;
  const random = new SeededRandom(seed);
  const worlds = [garbage(random), garbage(random)].map((noise) => new World(setting, noise, called));
  try {
    for (const world of worlds) await world.start();
    const source = new HostilePackets(random);
    const drawn = Array.from({ length: layout.BATCH_MAX }, (_, i) => ({
      bytes: new Uint8Array(i < LARGE ? layout.LARGEST_BUFFER : layout.BUFFER_SIZE),
      placement: newPlacement(),
    }));
    for (round = 0; setting.inputs > 0 && worlds[0].fed < packets; round++)
      playRound(worlds, source, random, drawn);
    await finish(worlds);
  } catch (e) {
    throw new Error(`${where}, round ${round}: ${e instanceof Error ? e.message : e}`, { cause: e });
  } finally {
    for (const { router } of worlds) router.close();
  }
  return worlds[0].fed;
}

function playRound(
  worlds: readonly World[],
  source: HostilePackets,
  random: Random,
  drawn: readonly Drawn[],
): void {
  const count = [1, 256, random.below(257), random.below(32)][random.below(4)];
  const large = random.below(4) === 0 ? LARGE : 0;
  for (let i = 0; i < count; i++)
    draw(drawn[i], source, random, worlds[0].setting.trial.stripped !== undefined, i < large);
  const port = random.below(worlds[0].setting.inputs);
  const shift = random.below(8192);
  const seconds = random.below(16) === 0 ? random.below(3000) / 1000 : 0;
  const fed = worlds.map((world) => {
    world.sink.used = 0;
    const n = world.feed(port, drawn, count, shift);
    world.router.runFor(seconds);
    world.canaries.check();
    world.canaries.checkPool();
    return n;
  });
  if (fed[0] !== fed[1]) throw new Error("slots in use depend on bytes outside the packets");
  const [a, b] = worlds.map(({ sink }) => sink.record.subarray(0, sink.used));
  if (!a.equals(b)) throw new Error(`what leaves depends on bytes outside the packets (${difference(a, b)})`);
  account(worlds[0]);
}

function draw(
  { bytes, placement }: Drawn,
  source: HostilePackets,
  random: Random,
  within: boolean,
  large: boolean,
): void {
  let length = source.next(layout.BUFFER_SIZE);
  bytes.set(source.bytes.subarray(0, length));
  let size = layout.BUFFER_SIZE;
  if (large) {
    size = LARGE_SIZES[random.below(LARGE_SIZES.length)];
    length = stretched(bytes, length, size, random);
  }
  drawPlacement(placement, random, length, size, layout.HEADROOM);
  if (within)
    for (const header of ["mac", "network", "transport"] as const)
      if (placement[header] < placement.data) placement[header] = 0;
  // Mostly the destination annotation is the header's, as CheckIPHeader leaves it.
  const at = placement.network - placement.data;
  if (random.below(4) === 0 || placement.network === 0 || at < 0 || at + 40 > length) return;
  const six = bytes[at] >> 4 === 6;
  const destination = six ? bytes.subarray(at + 24, at + 40) : bytes.subarray(at + 16, at + 20);
  placement.meta.set(destination, layout.SLOT_ANNO + layout.ANNO_DST_IP);
}

function difference(a: Buffer, b: Buffer): string {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? `${a.length} and ${b.length} bytes` : `byte ${at}: ${a[at]} and ${b[at]}`;
}

/** Every packet that came has left, was counted as dropped, or is still there. */
function account({ element, fed, sink, canaries, setting }: World): void {
  const kept = canaries.inUse;
  if (setting.trial.makes !== undefined) return;
  const extra = (setting.trial.counted ?? []).map((name) =>
    element.memory.get64(element.counterAddress(name)),
  );
  const dropTotal = extra.reduce((sum, n) => sum + n, element.dropTotal);
  const gone = fed - sink.packets - kept;
  if (kept > 0) throw new Error(`${kept} slots still in use`);
  if (gone < 0) throw new Error(`${fed} packets in, ${sink.packets} out`);
  if (setting.trial.before !== undefined) return;
  if (gone > dropTotal) throw new Error(`${gone} packets gone, ${dropTotal} counted as dropped`);
  if (!setting.most && gone !== dropTotal)
    throw new Error(`${fed} packets in, ${sink.packets} out, ${dropTotal} counted as dropped`);
}

/** Hot swaps must not lose memory, and closing gives every slot back. */
async function finish(worlds: readonly World[]): Promise<void> {
  const states = worlds.map(({ element, router }) =>
    Object.keys({ ...element.spec.counters, ...element.spec.drops })
      .map((name) => `${name} ${router.read(`e.${name}`)}`)
      .join(", "),
  );
  if (states[0] !== states[1])
    throw new Error(`counters depend on bytes outside the packets: ${states.join(" | ")}`);
  const [world] = worlds;
  const used: number[] = [];
  for (let i = 0; i < 3; i++) {
    await world.router.swap(world.text);
    world.router.runFor(0.1);
    used.push(world.router.memory.heapUsed);
  }
  if (used[2] > used[1]) throw new Error(`a hot swap loses ${used[2] - used[1]} bytes of heap`);
  for (const { router, canaries } of worlds) {
    router.close();
    canaries.check();
    canaries.checkPool();
    if (canaries.inUse !== 0) throw new Error(`${canaries.inUse} slots in use after the router was closed`);
  }
}
