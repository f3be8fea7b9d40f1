// The Map-Resolvers that are asked, and which of them is worth asking first.

import { splitSpaces, unquote } from "../../lang/args/text.js";
import { addressText, sameAddress } from "../../net/address.js";
import { MappingError, parseRloc } from "../mapping.js";

interface Server {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Our RLOC of the same address family. */
  readonly source: Uint8Array;
  asked: number;
  answered: number;
  unanswered: number;
}

export class ServerList {
  readonly #servers: readonly Server[];
  #preferred = 0;

  /** Servers of an address family that none of `rlocs` is of are left out. */
  constructor(addresses: readonly Uint8Array[], rlocs: readonly Uint8Array[]) {
    const servers: Server[] = [];
    for (const address of addresses) {
      const source = rlocs.find((r) => r.length === address.length);
      if (source !== undefined) servers.push({ address, source, asked: 0, answered: 0, unanswered: 0 });
    }
    this.#servers = servers;
  }

  /** Whether there is none to ask. */
  get none(): boolean {
    return this.#servers.length === 0;
  }

  at(index: number): Server {
    return this.#servers[index];
  }

  /** The server to ask: the preferred one, or, where `last` has not answered, the one after it. -1: there is none. */
  choose(last: number): number {
    if (this.none) return -1;
    return last < 0 ? this.#preferred : (last + 1) % this.#servers.length;
  }

  /** Where the server `index` of another list stands in this one; -1: not here. */
  indexIn(other: ServerList, index: number): number {
    if (index < 0) return -1;
    const { address } = other.at(index);
    return this.#servers.findIndex((s) => sameAddress(s.address, address));
  }

  asked(index: number): void {
    this.#servers[index].asked++;
  }

  answered(index: number): void {
    if (index < 0) return;
    this.#servers[index].answered++;
    this.#preferred = index;
  }

  /** It did not answer in time: the next one is preferred. */
  unanswered(index: number): void {
    this.#servers[index].unanswered++;
    if (index === this.#preferred) this.#preferred = (index + 1) % this.#servers.length;
  }

  text(): string {
    return this.#servers
      .map((s, i) => {
        const mark = i === this.#preferred ? "preferred" : "-";
        return `${addressText(s.address)} ${mark} ${s.asked} ${s.answered} ${s.unanswered}\n`;
      })
      .join("");
  }
}

/** Reads addresses separated by spaces, of any number of arguments. */
export function resolverAddresses(
  texts: readonly string[],
  errors: { error(message: string): void },
): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const word of texts.flatMap((text) => splitSpaces(unquote(text.trim())))) {
    try {
      found.push(parseRloc(word));
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      errors.error(`MAP_RESOLVER: ${e.message}`);
    }
  }
  return found;
}
