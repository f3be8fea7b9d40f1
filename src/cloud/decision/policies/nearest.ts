import { distanceText, plan, planText } from "../plan.js";
import type { Policy, PolicySpec, PolicyValues, Situation, Verdict } from "../policy.js";

/** The nearest data centre, but not for every step of a user: what is gained has to be worth it. */
export class NearestPolicy implements Policy {
  static readonly spec = {
    doc: "to the nearest data centre that takes it, where that is nearer by more than a margin",
    args: {
      MARGIN: { type: "real", default: "0", min: 0, doc: "kilometres that it has to be nearer to the users" },
      GAIN: {
        type: "real",
        default: "0",
        min: 0,
        max: 1,
        doc: "part of the distance that it has to be nearer",
      },
      HOLD: { type: "seconds", default: "0", doc: "time after a migration in which there is no other" },
    },
  } as const satisfies PolicySpec;

  readonly #values: PolicyValues<typeof NearestPolicy.spec>;

  constructor(values: PolicyValues<typeof NearestPolicy.spec>) {
    this.#values = values;
  }

  decide(situation: Situation): Verdict {
    const { MARGIN, GAIN, HOLD } = this.#values;
    const best = plan(situation);
    const stay = (why: string): Verdict => ({ transfers: [], why });
    if (best.transfers.length === 0) return stay(planText(best));
    const { present, planned } = best;
    if (present === null || planned === null) return stay(`not every distance is known (${planText(best)})`);
    const least = Math.max(MARGIN, GAIN * present);
    const gained = present - planned;
    if (gained <= 0) return stay(planText({ ...best, transfers: [] }));
    if (gained <= least) return stay(`${distanceText(gained)} nearer, no more than ${distanceText(least)}`);
    const since = situation.migrated === null ? Number.POSITIVE_INFINITY : situation.now - situation.migrated;
    if (since < HOLD) return stay(`it was migrated ${since.toFixed(1)} s ago, less than ${HOLD} s`);
    return { transfers: best.transfers, why: planText(best) };
  }
}
