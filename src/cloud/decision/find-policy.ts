// Finds and makes the policy that a configuration names: `NAME [ARGUMENT VALUE] ...`.

import { EMPTY_CONTEXT, parseArgs } from "../../lang/args/parse.js";
import { joinArgs, splitSpaces } from "../../lang/args/text.js";
import { nearest } from "../../lang/nearest.js";
import { SluiceError } from "../../sluice-error.js";
import { AlwaysPolicy } from "./policies/always.js";
import { EveryPolicy } from "./policies/every.js";
import { NearestPolicy } from "./policies/nearest.js";
import { NeverPolicy } from "./policies/never.js";
import type { Policy, PolicyClass } from "./policy.js";

/** A policy that is not there, cannot be used, or has arguments that it does not take. */
export class PolicyError extends SluiceError {
  readonly code = "POLICY";
}

export const OWN_POLICIES: Readonly<Record<string, PolicyClass>> = {
  always: AlwaysPolicy,
  never: NeverPolicy,
  every: EveryPolicy,
  nearest: NearestPolicy,
};

/** Policies that packages bring. */
export interface PolicySource {
  /** What a package's file exports under this name; null: no package that was required has such a policy. */
  part(kind: "policies", name: string): Promise<unknown> | null;
  parts(kind: "policies"): readonly string[];
}

/** Rejects with PolicyError. */
export async function findPolicy(text: string, source: PolicySource): Promise<Policy> {
  const [name = "", ...words] = splitSpaces(text);
  const found = Object.hasOwn(OWN_POLICIES, name) ? OWN_POLICIES[name] : await loaded(name, source);
  const config = joinArgs(argumentsOf(words, name));
  let policy: Policy;
  try {
    const { values, errors } = parseArgs(config, found.spec.args, EMPTY_CONTEXT);
    if (errors.length > 0) throw new PolicyError(errors.join("; "));
    policy = new found(values);
  } catch (e) {
    throw new PolicyError(`policy '${name}': ${(e as Error).message}`);
  }
  if (typeof policy.decide !== "function") throw new PolicyError(`policy '${name}' has no decide()`);
  return policy;
}

async function loaded(name: string, source: PolicySource): Promise<PolicyClass> {
  let found: unknown;
  try {
    found = await source.part("policies", name);
  } catch (e) {
    throw new PolicyError(`policy '${name}': ${(e as Error).message}`);
  }
  if (found === null) {
    const known = [...Object.keys(OWN_POLICIES), ...source.parts("policies")];
    const near = nearest(name, known);
    throw new PolicyError(
      `there is no policy '${name}' (${near === null ? `known are ${known.join(", ")}` : `is it '${near}'?`})`,
    );
  }
  const { spec } = found as Partial<PolicyClass>;
  if (typeof found !== "function" || typeof spec?.doc !== "string" || typeof spec.args !== "object")
    throw new PolicyError(`policy '${name}' is not a class with a static spec of doc and args`);
  return found as unknown as PolicyClass;
}

/** `K 10 MARGIN 5`: an argument each. */
function argumentsOf(words: readonly string[], name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    if (words[i + 1] === undefined) throw new PolicyError(`policy '${name}': no value behind '${words[i]}'`);
    found.push(`${words[i]} ${words[i + 1]}`);
  }
  return found;
}
