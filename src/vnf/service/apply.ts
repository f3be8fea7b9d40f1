// Makes a running service what another descriptor says, touching only what differs.

import type { FunctionDescriptor, ServiceDescriptor } from "../descriptor/model.js";
import { replicas } from "../descriptor/replicas.js";
import type { Fabric } from "../link/fabric.js";
import { type Changes, changes } from "./changes.js";
import type { ManagedFunction } from "./function.js";
import type { Links } from "./links.js";

/** The service, as far as it is changed. */
export interface ApplyTarget {
  descriptor: ServiceDescriptor;
  readonly functions: ReadonlyMap<string, ManagedFunction>;
  readonly fabric: Fabric;
  readonly links: Links;
  add(name: string, f: FunctionDescriptor): void;
  /** Ends an instance and takes away all that it has. */
  remove(name: string): Promise<void>;
  /** Makes what is to be there before links are laid. */
  prepare(): Promise<void>;
  /** Hot swap of its graph, as its descriptor has it now. */
  update(name: string): Promise<unknown>;
  /** A link is to do what its descriptor says now, and its faults. */
  renew(link: string): void;
  tell(line: string): void;
}

/**
 * Returns what was done, a line each. Rejects, once all else is done, with what a function's new graph has against it:
 * that function goes on as it was.
 */
export async function applyDescriptor(target: ApplyTarget, next: ServiceDescriptor): Promise<string[]> {
  const { functions, fabric, links } = target;
  const wanted = replicas(next);
  const ends = [...wanted].flatMap(([name, f]) => fabric.plan(name, f));
  const plan = changes(target.descriptor, next, (link) =>
    fabric.carries(
      link,
      ends.filter((e) => e.link === link),
    ),
  );
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
    functions.get(name)!.descriptor = wanted.get(name)!;
  }
  for (const name of plan.added) target.add(name, wanted.get(name)!);
  const { removed, relaid } = plan.links;
  await links.remove([...removed, ...relaid]);
  await target.prepare();
  await links.lay(next, relaid);
  const others = [...next.links.keys()].filter((link) => !relaid.includes(link));
  await links.plug(others, [...plan.added, ...plan.remade]);
  for (const { name } of plan.links.changed) {
    target.renew(name);
    say(`changed link ${name}`);
  }
  const refused = await update(target, plan, wanted, say);
  for (const name of plan.watched) functions.get(name)!.descriptor = wanted.get(name)!;
  for (const name of [...plan.remade, ...plan.added]) {
    await functions.get(name)!.start();
    say(`${plan.added.includes(name) ? "added" : "restarted"} ${name}`);
  }
  if (refused.length > 0) throw refused[0];
  return done;
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
      await target.update(name);
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
