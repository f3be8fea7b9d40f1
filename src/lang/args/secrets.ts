// Configuration text as others may see it.

import type { FlatGraph } from "../flat.js";
import { Arguments } from "./arguments.js";
import type { ArgSpecs } from "./spec.js";
import { joinArgs, splitArgs } from "./text.js";

/** Stands where a secret was. Nothing that reads secrets may take it for one. */
export const HIDDEN = "***";

/** Whether an element whose spec declares `specs` may have secrets in its configuration. */
export function hasSecrets(specs: ArgSpecs): boolean {
  return Object.values(specs).some((spec) => spec.secret);
}

/**
 * `config` with HIDDEN in place of the text of every argument that `specs` calls secret, and of those that it does not
 * know; unchanged where there is no secret argument.
 */
export function withoutSecrets(config: string, specs: ArgSpecs): string {
  if (!hasSecrets(specs)) return config;
  const texts = splitArgs(config);
  const shown: string[] = texts.map((text) => (text === "" ? "" : HIDDEN));
  const args = new Arguments(texts);
  for (const [name, spec] of Object.entries(specs)) {
    args.take(name, spec);
    // Of several only one has been looked at: another may be anything.
    const several = args.taken.length > 1 && !spec.many && !spec.rest;
    for (const { place, keyword } of args.taken) {
      const text = texts[place];
      if (!spec.secret && !several) shown[place] = text;
      else if (keyword > 0) shown[place] = `${text.slice(0, keyword)} ${HIDDEN}`;
    }
  }
  return joinArgs(shown);
}

/** `graph` with every configuration as `withoutSecrets` has it; `argsOf` gives the arguments that a class declares. */
export function graphWithoutSecrets(graph: FlatGraph, argsOf: (className: string) => ArgSpecs): FlatGraph {
  const elements = graph.elements.map((e) => ({
    ...e,
    config: withoutSecrets(e.config, argsOf(e.className)),
  }));
  return { ...graph, elements };
}
