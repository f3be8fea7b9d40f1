// What names mean in an element's arguments.

import type { ArgContext } from "../lang/args/context.js";
import { DATABASES } from "../lang/args/databases.js";
import type { AddressKind } from "./device.js";
import type { Element } from "./element.js";
import type { Graph } from "./graph.js";
import { prefixOf } from "./names.js";

/** The databases of names in which devices have their addresses. */
const DEVICE_ADDRESSES: Readonly<Record<string, AddressKind>> = {
  [DATABASES.ether]: "ether",
  [DATABASES.ip]: "ip",
  [DATABASES.ip6]: "ip6",
};

/** What AddressInfo and its like define in the graph, seen from one element, then the devices' own addresses. */
export class GraphContext implements ArgContext {
  readonly #graph: Graph;
  readonly #name: string;

  /** `name` is the element's. */
  constructor(graph: Graph, name: string) {
    this.#graph = graph;
    this.#name = name;
  }

  lookup(database: string, name: string): number | Uint8Array | undefined {
    const defined = this.#graph.names.lookup(database, prefixOf(this.#name), name);
    if (defined !== undefined) return defined;
    const kind = DEVICE_ADDRESSES[database];
    return kind === undefined ? undefined : (this.#graph.router.devices.address?.(name, kind) ?? undefined);
  }

  element(name: string): Element | undefined {
    return this.#graph.find(name, prefixOf(this.#name));
  }
}
