// What a Map-Reply changes: the map-cache, and whether the wait for it is over.

import { eidName } from "../../net/eid.js";
import { coversPrefix, type Prefix, prefixText } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { MapReply } from "../../wire/lisp-control/map-reply.js";
import { type Mapping, MappingError } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import { judgeReply, type ReplyPolicy } from "./reply-policy.js";
import type { ResolutionTrace } from "./resolution-history.js";
import type { Resolution } from "./resolutions.js";

/** Mappings of the map-cache that are looked at in one go. */
const PAGE = 64;

export interface ReplyIntakeOptions {
  readonly policy: ReplyPolicy;
  readonly cache: () => MapCache;
  readonly count: (what: "installed" | "narrowed" | "foreign" | "unusable" | "cache_full") => void;
  /** Runs something when the next timers fire. */
  readonly later: (run: () => void) => void;
  /** Asks for a mapping that may be registered no more; false: it cannot be asked for. */
  readonly ask: (iid: number, eid: Prefix) => boolean;
  /** A mapping was put into the map-cache; `echoes`: its site says that it echoes nonces (E bit). */
  readonly installed: (mapping: Mapping, echoes: boolean) => void;
}

export class ReplyIntake {
  readonly #options: ReplyIntakeOptions;

  constructor(options: ReplyIntakeOptions) {
    this.#options = options;
  }

  /**
   * Does what the records say, as far as they are for the resolution; `from`: the address of the sender, as text. Returns
   * false where nothing in it is for us: whoever guessed a nonce shall not end the wait for the true answer.
   */
  take(resolution: Resolution, reply: MapReply, from: string): boolean {
    const { trace } = resolution;
    trace?.reply(from, reply);
    const verdicts = judgeReply(resolution, reply.records, this.#options.policy);
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict.kind === "insert") this.#install(verdict.mapping, verdict.narrowed, reply.echoNonce, trace);
      else if (verdict.kind === "remove") this.#withdrawn(resolution, verdict.eid);
      else {
        this.#options.count(verdict.kind);
        trace?.refused(reply.records[i], verdict.kind);
      }
    }
    const inserted = verdicts.flatMap((v) => (v.kind === "insert" ? [v.mapping] : []));
    if (inserted.length > 0) this.#forgetOthers(resolution, inserted);
    return inserted.length > 0 || verdicts.some((v) => v.kind === "remove");
  }

  /**
   * A reply has the longest prefix that is registered around what was asked for, and all within that one; or where
   * there is none, what is within the one that was asked for (section 5.5). What else the map-cache has around that is
   * registered no more, as of a host that has gone home, or of a prefix that was split.
   */
  #forgetOthers(resolution: Resolution, inserted: readonly Mapping[]): void {
    const { iid, eid } = resolution;
    const named = new Set(inserted.map(eidName));
    let longest: Mapping | null = null;
    for (const m of inserted)
      if (coversPrefix(m.eid, eid) && (longest === null || m.eid.length > longest.eid.length)) longest = m;
    this.#removeAround(resolution, longest?.eid.length ?? 0, named);
    // Of what is within a prefix that is to be asked for nothing is said.
    if (longest === null || longest.locators.length > 0 || longest.action !== "send-map-request")
      this.#askWithin(iid, longest?.eid ?? eid, named, null);
  }

  /** A TTL of 0: nothing is registered for this prefix around what was asked for, nor for what we have of it. */
  #withdrawn(resolution: Resolution, eid: Prefix): void {
    this.#options.cache().delete(resolution.iid, eid);
    resolution.trace?.add({ event: "removed", eid: prefixText(eid) });
    this.#removeAround(resolution, eid.length, new Set());
  }

  /** Removes the mappings around the EID that was asked for, of `length` bits or more, but for the `named` ones and those that are there for good. */
  #removeAround({ iid, eid, trace }: Resolution, length: number, named: ReadonlySet<string>): void {
    const cache = this.#options.cache();
    for (const m of cache.around(iid, eid.address)) {
      if (m.expiry === null || m.eid.length < length || named.has(eidName(m))) continue;
      if (cache.delete(iid, m.eid)) trace?.add({ event: "removed", eid: prefixText(m.eid) });
    }
  }

  /**
   * Asks for the mappings within `eid` that a reply does not name, in slices: they may be registered no more, or be
   * others', of which the ETR that has answered does not know. What cannot be asked for is forgotten.
   */
  #askWithin(iid: number, eid: Prefix, named: ReadonlySet<string>, after: Prefix | null): void {
    const { cache, later, ask } = this.#options;
    const page = cache().within(iid, eid, PAGE, after);
    for (const m of page)
      if (m.expiry !== null && !named.has(eidName(m)) && !ask(iid, m.eid)) cache().delete(iid, m.eid);
    const last = page.at(-1);
    if (page.length === PAGE && last !== undefined) later(() => this.#askWithin(iid, eid, named, last.eid));
  }

  #install(mapping: Mapping, narrowed: boolean, echoes: boolean, trace: ResolutionTrace | null): void {
    const { cache, count, installed } = this.#options;
    try {
      cache().insert(mapping);
      count("installed");
      installed(mapping, echoes);
      trace?.installed(mapping, narrowed);
      if (narrowed) count("narrowed");
    } catch (e) {
      if (!(e instanceof MapCacheFullError || e instanceof MemoryError || e instanceof MappingError)) throw e;
      count("cache_full");
      trace?.cacheFull(mapping);
    }
  }
}
