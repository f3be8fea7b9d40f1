// The catalogue as handlers show it: a line each, as `parseEntry` reads it, or a JSON object each.

import { splitSpaces } from "../../lang/args/text.js";
import { addressText } from "../../net/address.js";
import { prefixText } from "../../net/prefix.js";
import { linesOf } from "../../router/lines.js";
import type { Catalogue } from "./catalogue.js";
import { CatalogueError, type Entry, type EntryKind, KINDS } from "./model.js";

/** The kind that a word is. Throws CatalogueError (`UNKNOWN`). */
export function parseKind(word: string): EntryKind {
  const kind = KINDS.find((known) => known === word.toLowerCase());
  if (kind === undefined)
    throw new CatalogueError("UNKNOWN", `'${word.slice(0, 64)}' is none of ${KINDS.join(", ")}`);
  return kind;
}

/** Reads `KIND NAME`. Throws CatalogueError (`UNKNOWN`). */
export function parseNamed(text: string): { readonly kind: EntryKind; readonly name: string } {
  const [kind = "", name = "", more] = splitSpaces(text);
  if (name === "" || more !== undefined)
    throw new CatalogueError("UNKNOWN", `expected 'KIND NAME', KIND one of ${KINDS.join(", ")}`);
  return { kind: parseKind(kind), name };
}

/**
 * A line for each entry: of all, or of a kind, from a name on (`[KIND [from NAME]]`), in parts (`linesOf`). Throws
 * CatalogueError.
 */
export function entryLines(catalogue: Catalogue, text: string, line: (entry: Entry) => string): string {
  const [word, from, name, more] = splitSpaces(text);
  if ((from !== undefined && (from !== "from" || name === undefined)) || more !== undefined)
    throw new CatalogueError("UNKNOWN", "expected '[KIND [from NAME]]'");
  const kind = word === undefined ? null : parseKind(word);
  return linesOf(
    // Of all in turn, from an entry on: what follows its kind comes, too.
    following(catalogue, kind, name),
    (entry) => `${line(entry)}\n`,
    (next) => `${next.kind} from ${next.name}`,
  );
}

function* following(catalogue: Catalogue, kind: EntryKind | null, from?: string): IterableIterator<Entry> {
  for (const one of kind === null ? KINDS : [kind]) yield* catalogue.all(one, from);
}

/** One entry as an object for JSON. Addresses are texts, sizes bytes; an agent's key is left out. */
export function entryObject(catalogue: Catalogue, entry: Entry): Record<string, unknown> {
  const { kind, name } = entry;
  switch (entry.kind) {
    case "dc": {
      const { at, vms, memory, mtu, agent, drained } = entry;
      return {
        ...{ kind, name, at, vms, memory, mtu },
        rlocs: entry.rlocs.map(addressText),
        routers: entry.routers.map(addressText),
        agent: agent === null ? null : { address: addressText(agent.address), port: agent.port },
        drained,
        used: catalogue.loadOf(name),
      };
    }
    case "access":
      return { kind, name, at: entry.at, rlocs: entry.rlocs.map(addressText) };
    case "service": {
      const parts = catalogue.vmsOf(name).map((vm) => vm.name);
      return { ...entry, parts, users: catalogue.userCount(name) };
    }
    case "vm":
      return {
        ...entry,
        eids: entry.eids.map(({ iid, address }) => ({ iid, address: addressText(address) })),
      };
    case "user":
      return { ...entry, eids: entry.eids.map(({ iid, eid }) => ({ iid, prefix: prefixText(eid) })) };
  }
}
