// The names in IP patterns (IPFilter, IPClassifier, trace filters).

import { parseEther, parseIP, parseIPPrefix } from "../lang/args/address.js";
import type { ArgContext, Parsed } from "../lang/args/context.js";
import { DATABASES } from "../lang/args/databases.js";
import { lookupNumber } from "../lang/args/names.js";
import type { PatternNames } from "../packet/classify/ip-words.js";

/** How IP patterns look names up: as other arguments do in `context`. */
export function patternNames(context: ArgContext): PatternNames {
  const value = <T>(parsed: Parsed<T>): T | undefined => ("value" in parsed ? parsed.value : undefined);
  return {
    number: (database, word) => lookupNumber(context, database, word),
    ip: (word) => value(parseIP(word, context)),
    ipPrefix: (word) => {
      if (word.includes("/")) return value(parseIPPrefix(word, context));
      // A bare address is a host; a name may be a net as well.
      const bytes = context.lookup(DATABASES.ipPrefix, word.replace(/:(ip4?)?net$/i, ""));
      if (!(bytes instanceof Uint8Array) || bytes.length !== 8) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return { address: view.getUint32(0), mask: view.getUint32(4) };
    },
    ether: (word) => value(parseEther(word, context)),
  };
}
