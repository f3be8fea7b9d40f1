// Hostile packets for as long as one likes, through every kernel, element and codec that the tests take them through.
//
//   npm run soak -- [--seconds 60] [--packets N] [--seed N] [--only NAME]
//
// `--only lisp-control --packets 10000000` sends as many mutated LISP control messages through all codecs and control
// elements; `lisp-codec` through the codecs alone.
//
// `--only faults --count 1000` is another thing: as many simulated hours of conf/services/four-sites.yaml under random
// faults, one a seed from `--seed` (1) on; 1,000 without `--count`.
//
// Prints the seed of every failure; `--seed` with `--only` brings it back. Ends with status 1 if there was one.

import { parseArgs } from "node:util";
import { runControl } from "./hostile/control/run.js";
import { hostileClasses, runElement, settings } from "./hostile/element-run.js";
import { CASES } from "./hostile/kernel-cases.js";
import { runKernel } from "./hostile/kernel-run.js";
import { runLispCodec } from "./hostile/lisp-codec.js";
import { soakFaults } from "./vnf/faults/soak.js";

/** Packets of one kernel or one setting of an element at a turn. */
const TURN = 3000;
/** Messages for the codecs and the control elements at a turn: each turn makes seeds, or a world, of its own first. */
const MESSAGES = 20_000;
/** Seconds between two lines of progress. */
const PROGRESS = 5;

interface Target {
  readonly name: string;
  run(seed: number): number | Promise<number>;
}

function targets(only: string | undefined): Target[] {
  const kernels = Object.keys(CASES).map((name) => ({
    name,
    run: (seed: number) => runKernel(name, seed, TURN),
  }));
  const elements = hostileClasses().flatMap((name) =>
    settings(name).map((setting) => ({ name, run: (seed: number) => runElement(setting, seed, TURN) })),
  );
  const codec = {
    name: "lisp-codec",
    run: (seed: number) => {
      runLispCodec(seed, MESSAGES);
      return MESSAGES;
    },
  };
  const control = {
    name: "lisp-control",
    run: async (seed: number) => (await runControl(seed, MESSAGES)).messages,
  };
  return [...kernels, ...elements, codec, control].filter(({ name }) => only === undefined || name === only);
}

function number(option: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value >= 0)) throw new Error(`--${option} takes a number, not '${text}'`);
  return value;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string" },
      packets: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      count: { type: "string" },
    },
  });
  if (values.only === "faults") {
    const count = number("count", values.count, 1000);
    return (await soakFaults(number("seed", values.seed, 1), count)) === count ? 0 : 1;
  }
  const packetsMax = number("packets", values.packets, Number.POSITIVE_INFINITY);
  const seconds = number(
    "seconds",
    values.seconds,
    values.packets === undefined ? 60 : Number.POSITIVE_INFINITY,
  );
  const first = number("seed", values.seed, Date.now() >>> 0);
  const list = targets(values.only);
  if (list.length === 0)
    throw new Error(`no kernel, element or codec '${values.only}' takes hostile packets`);
  console.log(`seed ${first}, ${list.length} kernels, settings of elements and codecs`);

  // Hostile input makes errors by the million; a failure is looked at again with its seed.
  Error.stackTraceLimit = 0;
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const failures = new Map<string, string>();
  let packets = 0;
  let told = 0;
  let seed = first;
  const enough = (): boolean => elapsed() >= seconds || packets >= packetsMax;
  // What is asked for by name has one turn at least; a target that failed is not tried again.
  const due = (): boolean => !enough() || (seed === first && values.only !== undefined);
  for (; due(); seed++) {
    for (const { name, run } of list) {
      if (!due()) break;
      if (failures.has(name)) continue;
      try {
        packets += await run(seed);
      } catch (e) {
        const message = e instanceof Error ? e.message : String(e);
        failures.set(name, message);
        console.log(
          `FAIL ${message}\n     again with: npm run soak -- --seconds 0 --seed ${seed} --only ${name}`,
        );
      }
      if (elapsed() - told < PROGRESS) continue;
      told = elapsed();
      console.log(`${told.toFixed(0)} s: ${packets} packets, seed ${seed}, ${failures.size} failures`);
    }
    if (failures.size === new Set(list.map(({ name }) => name)).size) break;
  }
  const rate = packets / elapsed();
  console.log(
    `${packets} packets in ${elapsed().toFixed(1)} s (${rate.toFixed(0)} a second); those of kernels and elements each in two worlds`,
  );
  console.log(
    `seeds ${first} to ${seed - 1}: ${failures.size === 0 ? "nothing found" : `${failures.size} failures`}`,
  );
  return failures.size === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (e) {
  console.error(`soak: ${e instanceof Error ? e.message : e}`);
  process.exitCode = 2;
}
