// What was changed at run time, beside the configuration: one record an entry, as the store has it.

import { CatalogueError, type EntryKind, KINDS } from "./model.js";

/** What stands over the configuration. */
export interface Change {
  /** The text of the whole entry, as it was given; not there: the configuration's. */
  readonly entry?: string;
  readonly removed?: true;
  /** Of a data centre. */
  readonly drained?: boolean;
  /** Of a virtual machine. */
  readonly pinned?: boolean;
  readonly dc?: string;
}

const PREFIX = "fmc/catalogue/";
const FORMAT = 1;

export function changeKey(kind: EntryKind, name: string): Uint8Array {
  return Buffer.from(`${PREFIX}${kind}/${name}`);
}

/** The entry that a key of the store is for; null: it is another element's. Throws CatalogueError (`ENTRY`). */
export function keyedEntry(key: Uint8Array): { readonly kind: EntryKind; readonly name: string } | null {
  const text = Buffer.from(key).toString("latin1");
  if (!text.startsWith(PREFIX)) return null;
  const [, kind, name] = /^([a-z]+)\/([\w.-]{1,64})$/.exec(text.slice(PREFIX.length)) ?? [];
  if (name === undefined || !KINDS.includes(kind as EntryKind))
    throw new CatalogueError("ENTRY", "a key that is none of the catalogue's");
  return { kind: kind as EntryKind, name };
}

export function encodeChange(change: Change): Uint8Array {
  return Buffer.from(JSON.stringify({ format: FORMAT, ...change }));
}

const FIELDS: Readonly<Record<keyof Change, (value: unknown) => boolean>> = {
  entry: (v) => typeof v === "string",
  removed: (v) => v === true,
  drained: (v) => typeof v === "boolean",
  pinned: (v) => typeof v === "boolean",
  dc: (v) => typeof v === "string",
};

/** Throws CatalogueError (`ENTRY`) for bytes that no such program has written. */
export function decodeChange(bytes: Uint8Array): Change {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new CatalogueError("ENTRY", "a value that is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CatalogueError("ENTRY", "a value that is no object");
  const { format, ...fields } = value as Record<string, unknown>;
  if (format !== FORMAT)
    throw new CatalogueError(
      "ENTRY",
      `a value of format ${JSON.stringify(format)}; this program knows ${FORMAT}`,
    );
  for (const [name, field] of Object.entries(fields))
    if (!Object.hasOwn(FIELDS, name) || !FIELDS[name as keyof Change](field))
      throw new CatalogueError("ENTRY", `a value with an unknown field '${name.slice(0, 40)}'`);
  return fields as Change;
}
