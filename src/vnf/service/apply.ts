// Makes a running service what another descriptor says, touching only what differs.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { ConfigurationError } from "../../lang/diagnostics.js";
import type { FunctionDescriptor, ServiceDescriptor } from "../descriptor/model.js";
import { replicas } from "../descriptor/replicas.js";
import type { Fabric } from "../link/fabric.js";
import { type Changes, changes } from "./changes.js";
import { ServiceError } from "./error.js";
import type { ManagedFunction } from "./function.js";
import type { Guests } from "./guests.js";
import type { Hypervisors } from "./hypervisors.js";
import type { Links } from "./links.js";

/** The service, as far as it is changed. */
export interface ApplyTarget {
  descriptor: ServiceDescriptor;
  readonly functions: ReadonlyMap<string, ManagedFunction>;
  readonly fabric: Fabric;
  readonly links: Links;
  readonly guests: Guests;
  readonly hypervisors: Hypervisors;
  add(name: string, f: FunctionDescriptor): void;
  /** Ends an instance and takes away all that it has. */
  remove(name: string): Promise<void>;
  /** Makes what is to be there before links are laid. */
  prepare(): Promise<void>;
  /** Hot swap of its graph, as its descriptor has it now. */
  update(name: string): Promise<unknown>;
  /** A link is to do what its descriptor says now, and its faults. */
  renew(link: string): void;
  /** The faults of the descriptor are others. */
  planFaults(): void;
  tell(line: string): void;
}

/**
 * Returns what was done, a line each. `reread`: graphs whose files have changed count as others. Rejects, once all else
 * is done, with what new graphs have against them: their functions go on as they were.
 */
export async function applyDescriptor(
  target: ApplyTarget,
  next: ServiceDescriptor,
  reread: boolean,
): Promise<string[]> {
  const { functions, fabric, links } = target;
  target.guests.check(next);
  target.hypervisors.check(next);
  const { places } = target.guests;
  const wanted = replicas(next, places);
  const ends = [...wanted].flatMap(([name, f]) => fabric.plan(name, f));
  const { faults } = target.descriptor;
  const plan = changes(target.descriptor, next, {
    carries: (link) =>
      fabric.carries(
        link,
        ends.filter((e) => e.link === link),
      ),
    places,
    edited: (name) => reread && textOf(wanted.get(name)!.graph) !== functions.get(name)!.text,
  });
  const done: string[] = [];
  const say = (line: string): void => {
    done.push(line);
    target.tell(line);
  };
  for (const name of plan.removed) {
    await target.remove(name);
    say(`removed ${name}`);
  }
  for (const name of plan.remade) await functions.get(name)?.stop();
  target.descriptor = next;
  for (const name of plan.remade) {
    await fabric.withdraw(name);
    target.guests.withdrawn(name);
    functions.get(name)!.descriptor = wanted.get(name)!;
  }
  for (const name of plan.added) target.add(name, wanted.get(name)!);
  target.guests.settle();
  const { removed, relaid } = plan.links;
  await links.remove([...removed, ...relaid]);
  await target.prepare();
  await links.lay(next, relaid);
  const others = [...next.links.keys()].filter((link) => !relaid.includes(link));
  await links.plug(others, [...plan.added, ...plan.remade]);
  // Faults that last are those of a link that is laid anew, too.
  for (const name of relaid) target.renew(name);
  for (const name of plan.links.changed) {
    target.renew(name);
    say(`changed link ${name}`);
  }
  const refused = await update(target, plan, wanted, say);
  for (const name of plan.watched) {
    const f = functions.get(name)!;
    const { restart, health } = wanted.get(name)!;
    f.watch({ ...f.descriptor, restart, health });
    say(`changed how ${name} is watched`);
  }
  for (const name of [...plan.remade, ...plan.added]) {
    try {
      await functions.get(name)!.start();
      say(`${plan.added.includes(name) ? "added" : "restarted"} ${name}`);
    } catch (e) {
      refused.push(e);
    }
  }
  if (!isDeepStrictEqual(faults, next.faults)) {
    target.planFaults();
    say("planned the faults anew");
  }
  if (refused.length > 0) throw together(refused);
  return done;
}

/** One error that says all of them. */
function together(errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  if (errors.every((e) => e instanceof ConfigurationError))
    return new ConfigurationError(errors.flatMap((e) => e.diagnostics));
  return new ServiceError("REFUSED", errors.map((e) => (e instanceof Error ? e.message : e)).join("\n"));
}

/** Null when the file cannot be read. */
function textOf(graph: string): string | null {
  try {
    return readFileSync(graph, "latin1");
  } catch {
    return null;
  }
}

/** Swaps graphs; returns why some could not be: those stay, in the descriptor, too. */
async function update(
  target: ApplyTarget,
  { updated }: Changes,
  wanted: ReadonlyMap<string, FunctionDescriptor>,
  say: (line: string) => void,
): Promise<unknown[]> {
  const refused: unknown[] = [];
  for (const name of updated) {
    const f = target.functions.get(name)!;
    const before = f.descriptor;
    f.descriptor = wanted.get(name)!;
    try {
      if (f.state === "started") await target.update(name);
      // What failed may work now; what was stopped stays so.
      else if (f.state !== "stopped") await f.start();
      say(`updated ${name}`);
    } catch (e) {
      f.descriptor = before;
      refused.push(e);
      const functions = new Map(target.descriptor.functions);
      const { graph, parameters } = before;
      functions.set(before.name, { ...functions.get(before.name)!, graph, parameters });
      target.descriptor = { ...target.descriptor, functions };
    }
  }
  return refused;
}
