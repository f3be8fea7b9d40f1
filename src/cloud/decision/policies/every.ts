import { plan, planText } from "../plan.js";
import type { Policy, PolicySpec, PolicyValues, Situation, Verdict } from "../policy.js";

/** The usual baseline of decisions by a Markov process: every tenth handover. */
export class EveryPolicy implements Policy {
  static readonly spec = {
    doc: "to the nearest data centre that takes it, at every K-th move of a user",
    args: {
      K: { type: "unsigned", default: "10", min: 1, doc: "moves of a user from one migration to the next" },
    },
  } as const satisfies PolicySpec;

  readonly #k: number;

  constructor({ K }: PolicyValues<typeof EveryPolicy.spec>) {
    this.#k = K;
  }

  decide(situation: Situation): Verdict {
    const { user, reason } = situation;
    if (user === null || reason !== "moved") return { transfers: [], why: "nobody has moved" };
    const turn = user.moves % this.#k;
    if (turn !== 0)
      return {
        transfers: [],
        why: `move ${user.moves} of ${user.name}; the next at ${user.moves - turn + this.#k}`,
      };
    const best = plan(situation);
    return { transfers: best.transfers, why: `move ${user.moves} of ${user.name}; ${planText(best)}` };
  }
}
