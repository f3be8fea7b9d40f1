// Faults by chance: what goes wrong in an hour of four-sites.yaml, all of it from a seed.

import { SeededRandom } from "../../../src/router/random.js";
import type { Fault } from "../../../src/vnf/descriptor/model.js";
import type { Cause } from "./bounds.js";
import { HOSTS, SITES } from "./four-sites.js";

/** A host that moves is no fault, but what gives mappings something to be wrong about. */
export type Mishap =
  | {
      readonly kind: string;
      readonly cause: Cause;
      readonly after: number;
      readonly duration: number;
      readonly fault: Fault;
    }
  | {
      readonly kind: "move";
      readonly cause: "move";
      readonly after: number;
      readonly duration: 0;
      readonly host: number;
      readonly site: number;
    };

/** Longest that a fault lasts, seconds. */
export const FAULT_MAX = 40;
/** Most mishaps that come together, and seconds from one to the next at most. */
const TOGETHER = 4;
const GAP = 20;

/** A function's crash, as a cause. */
export function crashOf(name: string): Cause {
  if (name === "ms" || name === "core") return `${name} crash`;
  return name.startsWith("xtr") ? "xtr crash" : "host crash";
}

const ACCESS = ["access1", "access2", "access3", "access4", "access-ms"] as const;
const LINKS = [...ACCESS, ...SITES] as const;
const ROUTERS = ["xtr1", "xtr2", "xtr3", "xtr4", "ms", "core"] as const;

export class RandomFaults {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed ^ 0x6661756c);
  }

  /** Mishaps that come together, `after` seconds after the one before each. */
  next(): Mishap[] {
    return Array.from({ length: 1 + this.#below(TOGETHER) }, () => this.#one());
  }

  #one(): Mishap {
    const after = this.#between(0, GAP);
    const duration = this.#between(0.5, FAULT_MAX);
    const link = this.#of(LINKS);
    const fault = (kind: string, cause: Cause, f: Fault): Mishap => ({
      kind,
      cause,
      after,
      duration,
      fault: f,
    });
    const cut = link.startsWith("access") ? "access link" : "site link";
    switch (this.#below(10)) {
      case 0:
      case 1:
        return fault("link down", cut, { kind: "link-down", link });
      case 2:
        return fault("loss", cut, { kind: "link-change", link, change: { loss: this.#between(0.05, 0.6) } });
      case 3:
        return fault("delay", "delay", {
          kind: "link-change",
          link,
          change: { delay: this.#between(0.001, 0.3) },
        });
      case 4:
      case 5: {
        const name = this.#of([...ROUTERS, "ms", ...HOSTS]);
        return fault("crash", crashOf(name), { kind: "crash", function: name });
      }
      case 6: {
        const seconds = Math.round(this.#between(-7200, 7200));
        const name = this.#of(ROUTERS);
        const cause = name === "ms" ? "ms clock" : "xtr clock";
        return fault("clock jump", cause, { kind: "clock", function: name, seconds });
      }
      case 7: {
        const failure = this.#of(["fail", "slow", "lose"] as const);
        return fault(`store ${failure}`, "store", { kind: "store", function: "ms", failure });
      }
      default:
        return {
          kind: "move",
          cause: "move",
          after,
          duration: 0,
          host: this.#below(4),
          site: this.#below(4),
        };
    }
  }

  #below(n: number): number {
    return Math.floor(this.#random.real() * n);
  }
  #between(least: number, most: number): number {
    return least + this.#random.real() * (most - least);
  }
  #of<T>(list: readonly T[]): T {
    return list[this.#below(list.length)];
  }
}
