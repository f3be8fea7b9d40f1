// How a configuration names a Map-Server and the secret shared with it.

import { splitSpaces } from "../lang/args/text.js";
import {
  ALGORITHM_HKDF,
  ALGORITHM_NONE,
  ALGORITHM_SHA1,
  ALGORITHM_SHA256,
  type AuthenticationKey,
  type AuthenticationScope,
} from "./authentication.js";
import { MappingError, parseRloc } from "./mapping.js";

export interface MapServerConfig {
  readonly address: Uint8Array;
  /** Keys whose Map-Notifys are accepted; the first one authenticates what we send. */
  readonly keys: readonly AuthenticationKey[];
  readonly algorithm: number;
  readonly scope: AuthenticationScope;
  readonly proxyReply: boolean;
  readonly merge: boolean;
  readonly wantNotify: boolean;
}

const ALGORITHMS: Readonly<Record<string, number>> = {
  none: ALGORITHM_NONE,
  sha1: ALGORITHM_SHA1,
  sha256: ALGORITHM_SHA256,
  hkdf: ALGORITHM_HKDF,
};

/**
 * Reads `ADDRESS [key [ID:]SECRET]... [algorithm none|sha1|sha256|hkdf] [proxy-reply] [merge] [no-notify] [sign-ids]`.
 * Key ID 1 where none is given, algorithm sha256. Throws MappingError.
 */
export function parseMapServer(text: string): MapServerConfig {
  const words = splitSpaces(text.trim());
  const keys: AuthenticationKey[] = [];
  let algorithm: number = ALGORITHM_SHA256;
  const flags = new Set<string>();
  const address = parseRloc(words[0] ?? "");
  for (let i = 1; i < words.length; i++) {
    const word = words[i].toLowerCase();
    if (word === "key") keys.push(parseKey(words[++i]));
    else if (word === "algorithm") algorithm = parseAlgorithm(words[++i]);
    else if (["proxy-reply", "merge", "no-notify", "sign-ids"].includes(word)) flags.add(word);
    else throw new MappingError(`'${words[i]}' means nothing for a Map-Server`);
  }
  if (keys.length === 0 && algorithm !== ALGORITHM_NONE)
    throw new MappingError(`Map-Server '${words[0]}' has no key`);
  if (algorithm === ALGORITHM_NONE)
    keys.unshift({ id: 0, secret: new Uint8Array(0), algorithms: [ALGORITHM_NONE] });
  return {
    address,
    keys: keys.map((key) => ({ ...key, algorithms: [algorithm] })),
    algorithm,
    scope: flags.has("sign-ids") ? "ids" : "records",
    proxyReply: flags.has("proxy-reply"),
    merge: flags.has("merge"),
    wantNotify: !flags.has("no-notify"),
  };
}

function parseKey(text: string | undefined): AuthenticationKey {
  const [, id = "1", secret = ""] = /^(?:(\d{1,3}):)?(.*)$/s.exec(text ?? "") ?? [];
  if (secret === "") throw new MappingError("expected a secret after 'key'");
  if (Number(id) > 255) throw new MappingError(`key ID ${id} is not a whole number from 0 to 255`);
  return { id: Number(id), secret: new TextEncoder().encode(secret) };
}

function parseAlgorithm(text: string | undefined): number {
  const found = Object.hasOwn(ALGORITHMS, text ?? "") ? ALGORITHMS[text!] : undefined;
  if (found === undefined)
    throw new MappingError(
      `unknown algorithm '${text ?? ""}', it should be one of ${Object.keys(ALGORITHMS).join(", ")}`,
    );
  return found;
}
