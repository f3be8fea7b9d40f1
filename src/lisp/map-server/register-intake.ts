// Taking Map-Registers into the mapping database (RFC 9301, sections 5.6 and 8.2).

import { createHash } from "node:crypto";
import { LargeMap } from "../../collections/large-map.js";
import { addressScope, addressText } from "../../net/address.js";
import { type EidPrefix, eidText } from "../../net/eid.js";
import { MemoryError } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import { keyText } from "../../store/key-text.js";
import { LispControlError } from "../../wire/lisp-control/error.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { MapRegister } from "../../wire/lisp-control/registration.js";
import {
  type AuthenticationKey,
  type AuthenticationScope,
  verifyAuthentication,
} from "../control/authentication.js";
import { impossibleRloc, tableEid } from "../control/control-records.js";
import { refusalText } from "../control/keys.js";
import { eidRecordText } from "../control/message-text.js";
import { type NonceGuard, nonceText } from "../control/nonce-policy.js";
import { DatabaseFullError } from "../database/loading.js";
import { entryKey } from "../database/records.js";
import { type Entry, type Registration, RegistrationError } from "../database/registration.js";
import type { Decided, Decision, RegistrationDatabase } from "../database/registration-database.js";
import type { Operation } from "../database/transaction.js";
import { MappingError } from "../mapping.js";
import { entryRecord, type Registrant, registered, withdrawn } from "./entries.js";
import type { PeerKeys } from "./peer-keys.js";
import { rawRecord, registeredMapping } from "./records.js";
import type { Site, Sites } from "./sites.js";

/** Why a Map-Register changes nothing. */
export type Refusal =
  | "unsupported_eid"
  | "bad_locator"
  | "not_authorized"
  | "bad_authentication"
  | "replayed"
  | "too_many_peers"
  | "busy"
  | "full";

export interface Refused {
  readonly refused: Refusal;
  /** What is wrong with the message, for the log; none where it is not the sender's doing. */
  readonly why?: string;
}

export interface Accepted {
  readonly site: Site;
  readonly key: AuthenticationKey;
  /** What the authentication data of the message covered. */
  readonly scope: AuthenticationScope;
  /** What is registered now, for the Map-Notify. */
  readonly records: readonly EidRecord[];
  /** Resolves once it is durable; null: it is already. */
  readonly durable: Promise<number> | null;
  /** A message that came again: nothing has changed. */
  readonly repeated: boolean;
}

export interface RegisterIntakeOptions {
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  readonly nonces: NonceGuard;
  readonly keys: PeerKeys;
  readonly clock: Clock;
  /** Seconds after which a registration that does not say otherwise (the T bit) ends. */
  readonly timeout: number;
  /** Transactions that may wait for the store. */
  readonly waitingMax: number;
}

export class RegisterIntake {
  readonly #options: RegisterIntakeOptions;
  /** Nonces of messages that wait for the store, by peer: the latest of each. */
  readonly #waiting = new LargeMap<string, bigint>();

  constructor(options: RegisterIntakeOptions) {
    this.#options = options;
  }

  /**
   * Registers all that a Map-Register says, or nothing. `bytes`: the message as it came, from address `source`. Where
   * other Map-Servers have the same database, what comes of it is known later; it rejects with StoreError.
   */
  register(
    message: MapRegister,
    bytes: Uint8Array,
    source: Uint8Array,
  ): Accepted | Refused | Promise<Accepted | Refused> {
    const { database, sites, nonces, keys, waitingMax } = this.#options;
    const prefixes: EidPrefix[] = [];
    for (const record of message.records) {
      const prefix = tableEid(record);
      if (prefix === null)
        return { refused: "unsupported_eid", why: `${eidRecordText(record)} is no IP prefix` };
      prefixes.push(prefix);
    }
    if (prefixes.length === 0) return { refused: "unsupported_eid" };
    // The keys to try are those of the site whose EID it is: a key of another one, however valid, does not help.
    const site = sites.owner(prefixes[0]);
    if (site === null) return { refused: "not_authorized", why: `${eidText(prefixes[0])} is no site's` };
    const { verdict, key, scope } = verifyAuthentication(bytes, message, site.keys);
    if (verdict !== "valid") {
      const why = refusalText(verdict, message.authentication, site.keys);
      return { refused: "bad_authentication", why: `${eidText(prefixes[0])} of site ${site.name}: ${why}` };
    }
    // Authentication data that protect nothing.
    if (key === null || scope === null) return { refused: "bad_authentication" };
    const strange = prefixes.find((p) => sites.owner(p) !== site);
    if (strange !== undefined)
      return { refused: "not_authorized", why: `${eidText(strange)} is not site ${site.name}'s` };
    const impossible = message.records.flatMap((r) => r.locators.map((l) => impossibleRloc(l.rloc)));
    const bad = impossible.find((address) => address !== null);
    if (bad !== undefined && bad !== null) {
      const why = `site ${site.name}: locator ${addressText(bad)} can be no RLOC: it is ${addressScope(bad)}`;
      return { refused: "bad_locator", why };
    }
    const peer = peerName(site, message, scope);
    const accepted = { site, key, scope, records: message.records, durable: null };
    const known = this.#known(peer, message.nonce);
    if (known === "repeat") return { ...accepted, repeated: true };
    if (known !== null) return { refused: known, why: this.#nonceText(known, site, message) };
    // The same message again, while the first one waits for the store.
    if (this.#waiting.get(peer) === message.nonce || database.waiting >= waitingMax)
      return { refused: "busy" };
    const decide = (): Decision<Accepted | Refused> => {
      const since = this.#known(peer, message.nonce);
      if (since === "repeat") return { operations: null, result: { ...accepted, repeated: true } };
      if (since !== null)
        return { operations: null, result: { refused: since, why: this.#nonceText(since, site, message) } };
      const changed = this.#changes(message, prefixes, source, site);
      if (changed === null) return { operations: null, result: { refused: "full" } };
      const operations: Operation[] = [{ nonce: peer, value: message.nonce }];
      for (const { key: of, entry } of changed.values())
        operations.push(entry === null ? { delete: of } : { put: entry });
      return { operations, result: { ...accepted, records: notified(message, changed), repeated: false } };
    };
    try {
      const decided = database.transact({ entries: prefixes, nonces: [peer] }, decide);
      const done = (d: Decided<Accepted | Refused>): Accepted | Refused => {
        if ("refused" in d.result || d.result.repeated) return d.result;
        nonces.accept(peer, message.nonce);
        keys.used(registrant(message, source, site), site, key);
        return { ...d.result, durable: d.durable };
      };
      if (!(decided instanceof Promise)) return done(decided);
      this.#waiting.set(peer, message.nonce);
      const over = (): void => {
        if (this.#waiting.get(peer) === message.nonce) this.#waiting.delete(peer);
      };
      return decided.then(done, refusal).finally(over);
    } catch (e) {
      return refusal(e);
    }
  }

  /** What is known of a nonce before anything else; null: it is fresh. */
  #known(peer: string, nonce: bigint): "repeat" | "replayed" | "too_many_peers" | null {
    const { database, nonces } = this.#options;
    const stored = nonces.knows(peer) ? null : database.nonce(peer);
    if (stored !== null) nonces.accept(peer, stored);
    const verdict = nonces.check(peer, nonce);
    if (verdict === "fresh") return null;
    return verdict === "replay" ? "replayed" : verdict === "full" ? "too_many_peers" : "repeat";
  }

  #nonceText(refused: "replayed" | "too_many_peers", site: Site, { nonce }: MapRegister): string {
    if (refused === "too_many_peers") return `site ${site.name}: nonces of no more xTRs can be kept`;
    const strict =
      "is not greater than that of the last one: a replay, or nonces that do not increase (NONCES lenient takes them)";
    const lenient = "was used before: a replay";
    return `site ${site.name}: nonce ${nonceText(nonce)} ${this.#options.nonces.policy === "strict" ? strict : lenient}`;
  }

  /** What becomes of each EID-prefix of the message; null when one has too many registrations. */
  #changes(
    message: MapRegister,
    prefixes: readonly EidPrefix[],
    source: Uint8Array,
    site: Site,
  ): Map<string, Changed> | null {
    const { database, clock } = this.#options;
    const changed = new Map<string, Changed>();
    const who = registrant(message, source, site);
    for (const [i, record] of message.records.entries()) {
      const key = prefixes[i];
      const name = keyText(entryKey(key));
      const mapping = registeredMapping(record);
      // Without locators it says what becomes of packets where nobody else is registered: it takes nothing from others.
      const isEmpty = record.locators.length === 0;
      const replaces = mapping !== null && !message.merge && !isEmpty;
      // What is replaced as a whole need not be read.
      const before = replaces ? null : changed.has(name) ? changed.get(name)!.entry : database.get(key);
      const left = before === null ? null : withdrawn(before, who);
      if (mapping === null || (isEmpty && (mapping.action === "no-action" || left !== null))) {
        if (before !== null) changed.set(name, { key, entry: left });
        continue;
      }
      const seconds = message.useTtl && mapping.ttl !== null ? mapping.ttl : this.#options.timeout;
      const registration: Registration = {
        ...who,
        mapping,
        nonce: message.nonce,
        expiry: clock.now() + seconds * 1e9,
        proxy: message.proxyReply,
        merge: message.merge,
        notify: message.wantNotify,
        raw: rawRecord(record),
      };
      const entry = registered(before, registration);
      if (entry === null) return null;
      changed.set(name, { key, entry });
    }
    return changed;
  }
}

function registrant({ ids }: MapRegister, source: Uint8Array, site: Site): Registrant {
  const siteId = ids?.siteId ?? null;
  return {
    xtrId: ids?.xtrId ?? null,
    siteId: siteId === null ? null : Buffer.from(siteId).readBigUInt64BE(),
    source,
    site: site.name,
  };
}

interface Changed {
  readonly key: EidPrefix;
  readonly entry: Entry | null;
}

/** What the database does not take; throws what is no fault of the message's or its size. */
function refusal(e: unknown): Refused {
  if (e instanceof DatabaseFullError || e instanceof MemoryError) return { refused: "full" };
  if (e instanceof RegistrationError || e instanceof MappingError || e instanceof LispControlError)
    return { refused: "unsupported_eid" };
  throw e;
}

/** The records of the Map-Notify: as they came, but merged ones as all xTRs together have them. */
function notified(message: MapRegister, changed: ReadonlyMap<string, Changed>): readonly EidRecord[] {
  if (!message.merge) return message.records;
  return message.records.map((record) => {
    const entry = changed.get(keyText(entryKey(tableEid(record)!)))?.entry ?? null;
    return entry === null || record.ttl === 0 ? record : entryRecord(entry);
  });
}

/**
 * The name under which an xTR's nonces are kept: site, key, and its xTR-ID and Site-ID where these are authenticated.
 * Where they are not, its locators stand for it, which are: named by anything that can be changed without the key, a
 * message could be replayed under another name.
 */
function peerName(site: Site, message: MapRegister, scope: AuthenticationScope): string {
  const { keyId, algorithm } = message.authentication;
  const start = `${site.name}/${keyId}.${algorithm}/`;
  if (message.ids !== null && scope !== "records") {
    const { xtrId, siteId } = message.ids;
    return `${start}${hexText(xtrId)}.${siteId === null ? "" : hexText(siteId)}`;
  }
  const hash = createHash("sha256");
  for (const { rloc, local } of message.records[0].locators)
    if (rloc.kind === "ip") hash.update(rloc.address).update(local ? "L" : "-");
  return `${start}${hash.digest("hex").slice(0, 32)}`;
}

function hexText(bytes: Uint8Array): string {
  // A view: a copy would be garbage with each Map-Register.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
