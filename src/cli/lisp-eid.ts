// What the commands about an EID have in common: how it is given.

import { MappingError, parseEid } from "../lisp/mapping.js";
import { IID_MAX } from "../net/eid.js";
import { UsageError } from "./command.js";
import { type OptionSpec, parseOptions, wholeOption } from "./options.js";

/** The option for the instance ID. */
export const IID_OPTION: OptionSpec = {
  long: "iid",
  value: "yes",
  valueName: "IID",
  doc: "instance ID of the EID (0)",
};

export interface EidWords {
  readonly eid: string;
  readonly iid: number;
  /** Values of the options that were given, by name. */
  readonly given: ReadonlyMap<string, string>;
}

/** Reads the words of a command about one EID, whose options have IID_OPTION. Throws UsageError. */
export function eidWords(words: readonly string[], options: readonly OptionSpec[]): EidWords {
  const given = new Map<string, string>();
  let eid: string | null = null;
  for (const { name, value } of parseOptions(words, options)) {
    if (name !== null) given.set(name, value);
    else if (eid !== null) throw new UsageError("more than one EID given");
    else eid = value;
  }
  if (eid === null) throw new UsageError("no EID given");
  usage(() => parseEid(eid));
  return { eid, iid: wholeOption("iid", given.get("iid") ?? "0", 0, IID_MAX), given };
}

/** What `read` gives; a MappingError is one of usage. */
export function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    if (e instanceof MappingError) throw new UsageError(e.message);
    throw e;
  }
}
