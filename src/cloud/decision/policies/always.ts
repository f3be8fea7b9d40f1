import { plan, planText } from "../plan.js";
import type { Policy, PolicySpec, Situation, Verdict } from "../policy.js";

/** What the first paper's experiments do: whenever a user is somewhere else, the nearest data centre. */
export class AlwaysPolicy implements Policy {
  static readonly spec = {
    doc: "to the nearest data centre that takes it, whenever a user moves",
    args: {},
  } as const satisfies PolicySpec;

  decide(situation: Situation): Verdict {
    const best = plan(situation);
    return { transfers: best.transfers, why: planText(best) };
  }
}
