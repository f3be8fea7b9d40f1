// Which Map-Servers a Map-Resolver asks for which EID-prefixes.

import { splitSpaces } from "../../lang/args/text.js";
import { type EidPrefix, IID_MAX } from "../../net/eid.js";
import { MappingError, parseEid, parseRloc } from "../mapping.js";
import { PrefixTable } from "./prefix-table.js";

interface Route {
  readonly servers: readonly Uint8Array[];
  /** Of the one that is asked next. */
  next: number;
}

/** Reads `EID-PREFIX ADDRESS... [iid N]`; `iid`: the instance ID where none is given. Throws MappingError. */
function parseRoute(
  text: string,
  iid: number,
): { readonly prefix: EidPrefix; readonly servers: readonly Uint8Array[] } {
  const words = splitSpaces(text.trim());
  const at = words.indexOf("iid");
  if (at >= 0) {
    const [, number = ""] = words.splice(at, 2);
    iid = Number(number);
    if (!/^\d+$/.test(number) || iid > IID_MAX)
      throw new MappingError(`instance ID '${number}' is not a whole number from 0 to ${IID_MAX}`);
  }
  const [prefix = "", ...servers] = words;
  const eid = parseEid(prefix);
  if (servers.length === 0) throw new MappingError("expected the address of a Map-Server");
  return { prefix: { iid, eid }, servers: servers.map(parseRloc) };
}

export class Routes {
  readonly #table = new PrefixTable<Route>();

  /** `iid`: the instance ID where the text gives none. Throws MappingError. */
  add(text: string, iid = 0): void {
    const { prefix, servers } = parseRoute(text, iid);
    if (!this.#table.add(prefix, { servers, next: 0 }))
      throw new MappingError(`'${splitSpaces(text)[0]}' is there twice`);
  }

  get size(): number {
    return this.#table.size;
  }

  /** The longest prefix around an EID-prefix that has Map-Servers; null: none has. */
  find(prefix: EidPrefix): { readonly value: Route; readonly length: number } | null {
    return this.#table.covering(prefix);
  }

  /** Length of the shortest prefix around the address, which none covers, that overlaps with none. */
  holeLength(iid: number, address: Uint8Array): number {
    return this.#table.holeLength(iid, address);
  }

  /** The Map-Servers take turns: an ITR that asks again for want of an answer asks another one. null: none is `usable`. */
  choose(route: Route, usable: (address: Uint8Array) => boolean): Uint8Array | null {
    for (let i = 0; i < route.servers.length; i++) {
      const server = route.servers[route.next];
      route.next = (route.next + 1) % route.servers.length;
      if (usable(server)) return server;
    }
    return null;
  }
}
