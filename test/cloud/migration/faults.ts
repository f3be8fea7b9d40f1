// What can go wrong, and when: each fault, begun at the moment a migration comes to a state.

import type { State } from "../../../src/cloud/migration/record.js";
import type { Place } from "./network.js";
import { DCS, type Dc, type World } from "./world.js";

export interface Fault {
  readonly name: string;
  /** Seconds that it lasts. */
  readonly lasts: number;
  readonly strike: (world: World) => void;
  /** It is made up for: the migration ends at its target, unless it is wanted back. */
  readonly settles?: true;
}

/** States in which something is under way. */
export const STEPS: readonly State[] = [
  "decided",
  "armed",
  "requested",
  "running",
  "stopped",
  "resumed",
  "redirected",
  "cancelling",
];

function lose(world: World, seconds: number, from: readonly Place[], to: readonly Place[]): void {
  const cut = (a: Place, b: Place): boolean => from.includes(a) && to.includes(b);
  const weather = (m: { from: Place; to: Place }): "lost" | null =>
    m.from !== m.to && (cut(m.from, m.to) || cut(m.to, m.from)) ? "lost" : null;
  world.network.weather.add(weather);
  world.network.after(seconds, () => world.network.weather.delete(weather));
}

const ALL: readonly Place[] = ["ctl", "dc1", "dc2", "ms"];

function cut(name: string, lasts: number, from: readonly Place[], to: readonly Place[]): Fault {
  return { name, lasts, strike: (world) => lose(world, lasts, from, to) };
}

function atEach(name: string, lasts: number, strike: (world: World, dc: Dc) => void): Fault[] {
  return DCS.map((dc) => ({ name: `${name} at ${dc}`, lasts, strike: (world) => strike(world, dc) }));
}

export const FAULTS: readonly Fault[] = [
  { ...cut("messages lost", 0.08, ALL, ALL), settles: true },
  {
    name: "messages late and doubled",
    lasts: 2,
    strike(world) {
      const { random } = world.network;
      const weather = (): readonly number[] =>
        Array.from({ length: 1 + random.below(3) }, () => random.real() * 0.9);
      world.network.weather.add(weather);
      world.network.after(2, () => world.network.weather.delete(weather));
    },
  },
  {
    name: "every other message lost",
    lasts: 2,
    strike(world) {
      const { random } = world.network;
      const weather = (): "lost" | null => (random.below(2) === 0 ? "lost" : null);
      world.network.weather.add(weather);
      world.network.after(2, () => world.network.weather.delete(weather));
    },
  },
  ...atEach("hypervisor refuses", 0, (world, dc) => {
    for (const what of ["prepareIncoming", "migrate", "resume"] as const)
      world.hypervisors[dc].refuses.add(what);
  }),
  ...atEach("hypervisor stalls", 3, (world, dc) => {
    world.hypervisors[dc].stalledUntil = world.network.now + 3;
  }),
  ...atEach("tunnel router refuses", 0, (world, dc) => {
    for (const event of ["expect", "leaving", "arrived", "left", "cancel"] as const)
      world.routers[dc].refuses.add(event);
  }),
  ...atEach("tunnel router restarts", 2, (world, dc) => {
    const router = world.routers[dc];
    router.crash();
    world.network.after(2, () => router.restart());
    // It finds the host again when that sends a packet.
    const speak = (): void => {
      for (const place of DCS) world.hypervisors[place].speak();
      if (world.network.now < 100) world.network.after(0.5, speak);
    };
    world.network.after(2.2, speak);
  }),
  { name: "controller killed", lasts: 0.5, strike: (world) => world.kill(0.5), settles: true },
  ...atEach("agent and tunnel router apart", 1.5, (world, dc) => {
    const weather = (m: { from: Place; to: Place }): "lost" | null =>
      m.from === dc && m.to === dc ? "lost" : null;
    world.network.weather.add(weather);
    world.network.after(1.5, () => world.network.weather.delete(weather));
  }),
  {
    name: "it does not come up at dc2, and dc1's agent is not heard",
    lasts: 1.5,
    strike(world) {
      world.hypervisors.dc2.refuses.add("resume");
      const weather = (m: { from: Place; to: Place }): "lost" | null =>
        m.from === "dc1" && m.to === "dc1" ? "lost" : null;
      world.network.after(0.01, () => world.network.weather.add(weather));
      world.network.after(1.5, () => world.network.weather.delete(weather));
    },
  },
  {
    name: "no agent is heard",
    lasts: 3,
    strike(world) {
      const weather = (m: { from: Place; to: Place; what: string }): "lost" | null =>
        (m.from === "ctl" || m.to === "ctl") && m.from !== "ms" && m.to !== "ms" && !m.what.startsWith("H ")
          ? "lost"
          : null;
      world.network.weather.add(weather);
      world.network.after(3, () => world.network.weather.delete(weather));
    },
  },
  ...atEach("events not kept", 1.5, (world, dc) => {
    world.hypervisors[dc].forgetsUntil = world.network.now + 1.5;
  }).map((fault) => ({ ...fault, settles: true as const })),
  {
    name: "Map-Server gone",
    lasts: 3,
    strike(world) {
      world.server.up = false;
      world.network.after(3, () => {
        world.server.up = true;
      });
    },
  },
  {
    name: "store down",
    lasts: 1,
    strike(world) {
      world.store.downUntil = world.network.now + 1;
    },
  },
  cut("dc1 cut off from all", 3, ["dc1"], ALL),
  cut("dc2 cut off from all", 3, ["dc2"], ALL),
  cut("dc1 and dc2 apart", 3, ["dc1"], ["dc2"]),
  cut("controller cut off", 3, ["ctl"], ALL),
];
