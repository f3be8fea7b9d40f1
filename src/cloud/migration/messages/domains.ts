// Which EID-prefix is the domain of which data centre: what the mapping system is asked for to learn its tunnel routers.

import { splitSpaces, unquote } from "../../../lang/args/text.js";
import { MappingError, parseEidAndInstance } from "../../../lisp/mapping.js";
import type { EidPrefix } from "../../../net/eid.js";

export interface Domain {
  /** Data centre. */
  readonly dc: string;
  readonly prefix: EidPrefix;
}

/** Reads `DC EID-PREFIX [iid N]`. Throws MappingError. */
export function parseDomain(text: string): Domain {
  const [dc = "", ...rest] = splitSpaces(unquote(text.trim()));
  if (rest.length === 0)
    throw new MappingError(`expected 'DC EID-PREFIX [iid N]', not '${text.slice(0, 100)}'`);
  return { dc, prefix: parseEidAndInstance(rest.join(" ")) };
}
