// How a configuration names a Map-Server and the secret shared with it.

import { findAddress } from "../../net/address.js";
import {
  ALGORITHM_NONE,
  type AuthenticationKey,
  type AuthenticationScope,
} from "../control/authentication.js";
import { addKey, KeyError, misplaced, readKey, wordsOf } from "../control/keys.js";
import { parseRloc } from "../mapping.js";

export interface MapServerConfig {
  readonly address: Uint8Array;
  /** Keys whose Map-Notifys are accepted; the first one authenticates what we send. */
  readonly keys: readonly AuthenticationKey[];
  /** What the authentication data of our messages covers. */
  readonly scope: AuthenticationScope;
  readonly proxyReply: boolean;
  readonly merge: boolean;
  readonly wantNotify: boolean;
  /** Whether Map-Registers bear an xTR-ID and Site-ID (the I bit). */
  readonly xtrId: boolean;
}

const NO_KEY: AuthenticationKey = { id: 0, secret: new Uint8Array(0), algorithms: [ALGORITHM_NONE] };
const FLAGS = ["no-key", "proxy-reply", "merge", "no-notify", "sign-records", "no-xtr-id"] as const;

/**
 * Reads `ADDRESS key [ID:]SECRET [sha1|sha256|hkdf]... [proxy-reply] [merge] [no-notify] [sign-records] [no-xtr-id]`; with `no-key`
 * in place of keys nothing is authenticated. Throws KeyError or MappingError; says no secret in it.
 */
export function parseMapServer(text: string): MapServerConfig {
  const words = wordsOf(text);
  const keys: AuthenticationKey[] = [];
  const flags = new Set<string>();
  // What is no address may be a key in its place.
  if (findAddress(words[0] ?? "") === null) throw new KeyError("word 1 is no address of a Map-Server");
  const address = parseRloc(words[0]);
  for (let i = 1; i < words.length; i++) {
    const word = words[i].toLowerCase();
    if (word === "key") {
      const { key, length } = readKey(words, i + 1);
      addKey(keys, key);
      i += length;
    } else if (FLAGS.some((flag) => flag === word)) flags.add(word);
    else throw misplaced(i, ["key", ...FLAGS]);
  }
  if (flags.has("no-key")) {
    if (keys.length > 0) throw new KeyError(`Map-Server '${words[0]}' has a key and 'no-key'`);
    keys.push(NO_KEY);
  }
  if (keys.length === 0) throw new KeyError(`Map-Server '${words[0]}' has no key`);
  return {
    address,
    keys,
    scope: flags.has("sign-records") ? "records" : "ids",
    proxyReply: flags.has("proxy-reply"),
    merge: flags.has("merge"),
    wantNotify: !flags.has("no-notify"),
    xtrId: !flags.has("no-xtr-id"),
  };
}
