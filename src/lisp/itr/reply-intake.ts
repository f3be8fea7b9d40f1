// What a Map-Reply changes: the map-cache, and whether the wait for it is over.

import { covers, type Prefix, prefixText } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { MapReply } from "../../wire/lisp-control/map-reply.js";
import { type Mapping, MappingError } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import { judgeReply, type ReplyPolicy } from "./reply-policy.js";
import type { ResolutionTrace } from "./resolution-history.js";
import type { Resolution } from "./resolutions.js";

export interface ReplyIntakeOptions {
  readonly policy: ReplyPolicy;
  readonly cache: () => MapCache;
  readonly count: (what: "installed" | "narrowed" | "foreign" | "unusable" | "cache_full") => void;
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
      else if (verdict.kind === "remove") {
        this.#options.cache().delete(resolution.iid, verdict.eid);
        trace?.add({ event: "removed", eid: prefixText(verdict.eid) });
      } else {
        this.#options.count(verdict.kind);
        trace?.refused(reply.records[i], verdict.kind);
      }
    }
    this.#forgetLonger(
      resolution,
      verdicts.flatMap((v) => (v.kind === "insert" ? [v.mapping.eid] : [])),
    );
    return verdicts.some((v) => v.kind === "insert" || v.kind === "remove");
  }

  /**
   * A reply has the longest prefix that is registered around what was asked for, and all within that one (section 5.5):
   * what the map-cache has longer around it is registered no more, as of a host that has gone home.
   */
  #forgetLonger({ iid, eid, trace }: Resolution, named: readonly Prefix[]): void {
    const around = named.filter((n) => covers(n, eid.address)).map((n) => n.length);
    if (around.length === 0) return;
    const cache = this.#options.cache();
    for (;;) {
      const found = cache.lookup(iid, eid.address);
      if (found === null || found.expiry === null || found.eid.length <= Math.max(...around)) return;
      cache.delete(iid, found.eid);
      trace?.add({ event: "removed", eid: prefixText(found.eid) });
    }
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
