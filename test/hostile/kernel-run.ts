// Runs a kernel on hostile packets from a seed: for the tests, and for `npm run soak`.

import { SeededRandom } from "../../src/router/random.js";
import { HostilePackets } from "./generator.js";
import { CASES } from "./kernel-cases.js";
import { KernelTrial } from "./kernel-room.js";

/** Buffer sizes: the smallest, a middling one, the usual one. */
const SIZES = [256, 512, 2048];

/** Runs `name` on at least `packets` packets; returns how many there were. Throws with what went wrong and where. */
export function runKernel(name: string, seed: number, packets: number): number {
  const random = new SeededRandom(seed);
  const source = new HostilePackets(random);
  let done = 0;
  for (const size of SIZES) {
    const trial = new KernelTrial(source, random, size);
    for (let round = 0; trial.packets < packets / SIZES.length; round++) {
      try {
        trial.round(CASES[name]);
      } catch (e) {
        const at = `${name}, seed ${seed}, buffers of ${size}, round ${round}`;
        throw new Error(`${at}: ${e instanceof Error ? e.message : e}`, { cause: e });
      }
    }
    done += trial.packets;
  }
  return done;
}
