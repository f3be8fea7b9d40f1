// Whose Change-Priority messages count, and for which EIDs: how configurations write it.

import { coversEid, type EidPrefix, IID_MAX } from "../../net/eid.js";
import { covers, findPrefix, type Prefix } from "../../net/prefix.js";
import type { ChangeRole } from "../../wire/lisp-control/change-priority.js";
import type { AuthenticationKey } from "../control/authentication.js";
import { addKey, idsOf, KeyError, misplaced, readKey, wordsOf } from "../control/keys.js";

/** Those who share a key: what they may say, and from where. */
export interface Trust {
  /** At least one: the first one signs, all are taken. */
  readonly keys: readonly AuthenticationKey[];
  /** EID-prefixes that they may speak for; null: all. */
  readonly eids: readonly EidPrefix[] | null;
  /** Addresses that they have; none: any. */
  readonly at: readonly Prefix[];
  readonly roles: readonly ChangeRole[];
}

const ROLES: Readonly<Record<string, readonly ChangeRole[]>> = {
  hypervisors: ["hypervisor"],
  routers: ["new", "reply", "cache"],
};
const KEYWORDS = ["key", "iid", "eid", "at", ...Object.keys(ROLES)];
/** In place of an EID-prefix. */
const ANY = "any";

/**
 * Reads `key [ID:]SECRET [sha1|sha256|hkdf]... [iid N] eid EID-PREFIX... [at ADDRESS-PREFIX]... [hypervisors|routers]`. An
 * instance ID counts for the EID-prefixes behind it (for those before it `defaultIid`); `eid any` is every EID. With
 * `hypervisors` only messages of role H are taken, with `routers` all others. Throws KeyError, which says nothing that may
 * be a secret.
 */
export function parseTrust(text: string, defaultIid = 0): Trust {
  const words = wordsOf(text);
  const keys: AuthenticationKey[] = [];
  const eids: EidPrefix[] = [];
  const at: Prefix[] = [];
  const roles = new Set<ChangeRole>();
  let iid = defaultIid;
  let any = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i].toLowerCase();
    const next = words[i + 1] ?? "";
    if (word === "key") {
      const { key, length } = readKey(words, i + 1);
      addKey(keys, key);
      i += length;
    } else if (word === "iid") {
      iid = Number(next);
      if (!/^\d+$/.test(next) || iid > IID_MAX)
        throw new KeyError(`word ${i + 2} is no instance ID, a whole number from 0 to ${IID_MAX}`);
      i++;
    } else if (word === "eid" && next.toLowerCase() === ANY) {
      any = true;
      i++;
    } else if (word === "eid") {
      eids.push({ iid, eid: prefixAt(words, ++i, "EID-prefix") });
    } else if (word === "at") {
      at.push(prefixAt(words, ++i, "prefix of addresses"));
    } else if (Object.hasOwn(ROLES, word)) {
      for (const role of ROLES[word]) roles.add(role);
    } else throw misplaced(i, KEYWORDS);
  }
  if (keys.length === 0) throw new KeyError("there is no key ('key [ID:]SECRET')");
  if (eids.length === 0 && !any) throw new KeyError("there is no EID-prefix ('eid PREFIX', 'eid any')");
  return {
    keys,
    eids: any ? null : eids,
    at,
    roles: roles.size === 0 ? Object.values(ROLES).flat() : [...roles],
  };
}

function prefixAt(words: readonly string[], at: number, what: string): Prefix {
  const prefix = findPrefix(words[at] ?? "");
  if (prefix === null) throw new KeyError(`word ${at + 1} is no ${what}`);
  return prefix;
}

/** Most of those who may have made a message: each costs a MAC. */
const WITH_ONE_ID = 16;

/** All that is trusted. */
export class Trusted {
  readonly #all: readonly Trust[];

  /** Throws KeyError where one key ID has too many secrets to try them all. */
  constructor(all: readonly Trust[]) {
    this.#all = all;
    const ids = new Map<number, number>();
    for (const id of all.flatMap(({ keys }) => keys.flatMap(idsOf))) ids.set(id, (ids.get(id) ?? 0) + 1);
    for (const [id, count] of ids)
      if (count > WITH_ONE_ID)
        throw new KeyError(
          `${count} keys with ID ${id}, at most ${WITH_ONE_ID} can be: give them IDs of their own`,
        );
  }

  /** Nobody is. */
  get none(): boolean {
    return this.#all.length === 0;
  }

  /** Those who may have sent a message with this key ID from this address. */
  from(address: Uint8Array, keyId: number): Trust[] {
    return this.#all.filter(
      (trust) => isAt(trust, address) && trust.keys.some((key) => idsOf(key).includes(keyId)),
    );
  }

  /** Whose key a message to this address is signed with; null: nobody there may hear it. */
  to(address: Uint8Array, role: ChangeRole, eids: readonly EidPrefix[]): Trust | null {
    return this.#all.find((trust) => isAt(trust, address) && maySay(trust, role, eids)) ?? null;
  }
}

/** Whether a role is one of theirs, and all the EIDs are. */
export function maySay(trust: Trust, role: ChangeRole, eids: readonly EidPrefix[]): boolean {
  if (!trust.roles.includes(role)) return false;
  return trust.eids === null || eids.every((eid) => trust.eids!.some((outer) => coversEid(outer, eid)));
}

function isAt({ at }: Trust, address: Uint8Array): boolean {
  return at.length === 0 || at.some((prefix) => covers(prefix, address));
}
