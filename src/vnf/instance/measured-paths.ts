// What the elements of a function have measured of paths, in parts: packets wait meanwhile.

import "../../measure/path-offer.js";
import type { Element } from "../../router/element.js";
import type { PathsReply } from "./protocol.js";

/** Paths of one reply: each takes some microseconds to sum up. */
const AT_ONCE = 32;

/** The paths after `after`, the place of the last one of the reply before; null: from the first. */
export function measuredPaths(elements: readonly Element[], after: string | null): PathsReply {
  const found: PathsReply["paths"][number][] = [];
  const measuring = elements.filter((e) => e.offers().Paths !== undefined);
  // `ELEMENT SOURCE DESTINATION`; whatever has gone since begins its element anew.
  const [name, ...path] = after?.split(" ") ?? [];
  let index =
    name === undefined
      ? 0
      : Math.max(
          0,
          measuring.findIndex((e) => e.name === name),
        );
  let from = path.length === 0 ? undefined : path.join(" ");
  for (; index < measuring.length; index++) {
    const element = measuring[index];
    const table = element.offers().Paths!.paths;
    for (const each of table.paths(from)) {
      if (found.length === AT_ONCE) return { paths: found, next: `${element.name} ${each.name}` };
      found.push({ element: element.name, ...table.report(each) });
    }
    from = undefined;
  }
  return { paths: found, next: null };
}
