// From configuration text to a flat graph and the classes that it names, as one router sees them.

import { HIDDEN, hasSecrets } from "../lang/args/secrets.js";
import { type ConfigRegion, configRegions } from "../lang/config-regions.js";
import { ConfigurationError, type Diagnostic } from "../lang/diagnostics.js";
import { elaborate } from "../lang/elaborate.js";
import type { FlatGraph } from "../lang/flat.js";
import { parse } from "../lang/parser.js";
import type { ElementClass } from "./element.js";
import type { ElementLoader, RouterOptions } from "./options.js";
import type { Router } from "./router.js";

export interface FlattenOptions {
  readonly file: string;
  readonly variables: RouterOptions["variables"];
  /** Whether the graph is to replace one that runs. */
  readonly swapping: boolean;
}

/** Parses and flattens `text`, requiring its packages; warnings go to the router's log. Throws ConfigurationError. */
export async function flatten(router: Router, text: string, options: FlattenOptions): Promise<FlatGraph> {
  const { file, variables, swapping } = options;
  const { loader, readLibrary, blueprints, extra = [] } = router.options;
  const tree = blueprints?.tree(text, file) ?? parse(text, { file });
  const problems: Diagnostic[] = [];
  for (const requirement of tree.requirements) {
    if (requirement.kind !== "package") continue;
    try {
      await loader.require(requirement.value, file);
    } catch (e) {
      const message = e instanceof Error ? e.message : String(e);
      problems.push({ severity: "error", code: "package", landmark: null, message });
    }
  }
  const elaborating = { hasClass: (name: string) => loader.has(name), variables, readLibrary };
  const { graph, diagnostics } = blueprints?.elaborate(tree, elaborating) ?? elaborate(tree, elaborating);
  const errors = [...diagnostics, ...problems];
  for (const d of errors) if (d.severity === "warning") router.warn(d);
  if (errors.some((d) => d.severity === "error"))
    throw new ConfigurationError(
      await discreet(
        errors.filter((d) => d.severity === "error"),
        text,
        { file, loader },
      ),
      "parse",
    );
  if (extra.length === 0) return graph;
  const added = extra.map((e) => ({ ...e, config: e.config + (swapping ? (e.whenSwapped ?? "") : "") }));
  return { ...graph, elements: [...graph.elements, ...added] };
}

/**
 * The diagnostics without names that may be secrets, or the rest of one: a `)` in it ends the arguments, and the parser
 * takes what follows for elements.
 */
async function discreet(
  diagnostics: readonly Diagnostic[],
  text: string,
  { file, loader }: { readonly file: string; readonly loader: ElementLoader },
): Promise<Diagnostic[]> {
  const hidden: ConfigRegion[] = [];
  for (const region of configRegions(text)) {
    if (await mayHoldSecrets(region.owner, loader)) hidden.push(region);
  }
  return diagnostics.map((d) => {
    const { offset = -1, file: where } = d.landmark ?? {};
    if (where !== file || !hidden.some(({ from, tail }) => from <= offset && offset < tail)) return d;
    return { ...d, message: d.message.replace(/'[^']*'/g, `'${HIDDEN}'`) };
  });
}

/** Whether a class has secret arguments, or is not known. */
async function mayHoldSecrets(className: string, loader: ElementLoader): Promise<boolean> {
  try {
    return !loader.has(className) || hasSecrets((await loader.load(className)).spec.args ?? {});
  } catch {
    return true;
  }
}

/** The classes of `flat`'s elements, by name. */
export async function loadClasses(
  loader: ElementLoader,
  flat: FlatGraph,
): Promise<ReadonlyMap<string, ElementClass>> {
  const classes = new Map<string, ElementClass>();
  const names = new Set(flat.elements.map((e) => e.className));
  const load = async (name: string, loading: Promise<ElementClass>): Promise<void> =>
    void classes.set(name, await loading);
  // All files are read at once. Where all have been read before, nothing waits.
  const loading: Promise<void>[] = [];
  for (const name of names) {
    const found = loader.load(name);
    if (found instanceof Promise) loading.push(load(name, found));
    else classes.set(name, found);
  }
  if (loading.length > 0) await Promise.all(loading);
  return classes;
}
