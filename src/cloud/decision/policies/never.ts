import type { Policy, PolicySpec, Verdict } from "../policy.js";

/** Services stay where they are, for comparison. */
export class NeverPolicy implements Policy {
  static readonly spec = { doc: "nothing ever moves for its users", args: {} } as const satisfies PolicySpec;

  decide(): Verdict {
    return { transfers: [], why: "the policy never migrates" };
  }
}
