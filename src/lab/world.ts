// The world of a run, and time that passes in it.

import { RealWorld, SimulatedWorld, type World } from "../vnf/world.js";
import type { RunContext } from "./experiment.js";

/** A world of the kind that the run is for. */
export function worldOf({ world, seed }: RunContext): World {
  return world === "simulated" ? new SimulatedWorld(seed) : new RealWorld();
}

/** Lets `seconds` pass. Rejects when `signal` comes first, or has come. */
export async function pass(world: World, seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (world.simulation !== null) await world.simulation.runFor(seconds, signal);
  else
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = world.after(seconds, done);
      signal.addEventListener("abort", done);
    });
  signal.throwIfAborted();
}
