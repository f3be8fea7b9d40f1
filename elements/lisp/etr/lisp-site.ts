import type { ArgValues } from "../../../src/lang/args/spec.js";
import { unquote } from "../../../src/lang/args/text.js";
import { type RecordFields, recordOfMapping } from "../../../src/lisp/control/control-records.js";
import { SiteMappings } from "../../../src/lisp/etr/site-mappings.js";
import {
  type Mapping,
  MappingError,
  mappingText,
  parseEidAndInstance,
  parseMapping,
} from "../../../src/lisp/mapping.js";
import { SiteRecords } from "../../../src/lisp/tables/site-records.js";
import { eidName, IID_MAX } from "../../../src/net/eid.js";
import { prefixText } from "../../../src/net/prefix.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import type { Offers } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";

const args = {
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of mappings that name none" },
  TTL: {
    type: "unsigned",
    default: "1440",
    min: 1,
    doc: "minutes for which others may keep a mapping that says nothing else",
  },
  CAPACITY: { type: "unsigned", default: "65536", min: 1, doc: "most mappings it holds" },
  MAPPINGS: {
    type: "any",
    positional: true,
    rest: true,
    doc: "mappings it begins with, as the add handler takes them",
  },
} as const;

/**
 * The EID-prefixes of this site with the RLOCs of its tunnel routers.
 *
 * LISPRegistrar registers what stands here, LISPMapReplier answers for it, and LISPSMRSender tells others when it
 * changes. A mapping is written as for LISPMapCache: `EID-PREFIX RLOC[/PRIORITY[/WEIGHT]]... [ttl SECONDS] [iid N]
 * [version N]`; others are told its ttl in whole minutes. The order of locators is that in which Locator-Status-Bits
 * count them: ascending addresses, IPv4 first. A mapping that has a Map-Version gets the next one when it changes, and
 * keeps counting over a hot swap (RFC 9302, section 6); 4095 is followed by 1. One that takes a part of a shorter prefix
 * over follows that one's version, and that one its, when it goes. A hot swap takes the new configuration's mappings and keeps those that
 * handlers added.
 *
 * @example LISPSite(192.168.1.0/24 192.0.2.1/1/75 192.0.2.2/1/25, fd01::/64 192.0.2.1)
 * @see LISPRegistrar, LISPMapReplier, LISPSMRSender, LISPMapCache
 */
export class LISPSite extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    handlers: {
      add: { write: true, doc: "adds a mapping, or replaces the one for the same EID-prefix" },
      remove: { write: true, doc: "removes the mapping of an EID-prefix: `EID-PREFIX [iid N]`" },
      table: { read: true, doc: "every mapping, a line each, as the add handler takes it" },
      size: { read: true, doc: "number of mappings" },
    },
  } as const satisfies ElementSpec;

  /** What others read, and may change. */
  mappings = this.#ofCapacity(0);
  #records: SiteRecords | null = null;
  #ttl = 0;
  #iid = 0;
  #configured: ReadonlySet<string> = new Set();

  override offers(): Partial<Offers> {
    return { LISPSite: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#iid = values.IID;
    this.#ttl = values.TTL;
    this.mappings = this.#ofCapacity(values.CAPACITY);
    for (const text of values.MAPPINGS) {
      if (unquote(text.trim()) === "") continue;
      try {
        this.mappings.begin(parseMapping(unquote(text), values.IID));
      } catch (e) {
        if (!(e instanceof MappingError)) throw e;
        errors.error(`mapping '${text}': ${e.message}`);
      }
    }
    this.#configured = new Set([...this.mappings.entries()].map(eidName));
  }

  #ofCapacity(capacity: number): SiteMappings {
    return new SiteMappings(capacity, (line) => this.router.log(`${this.declaration}: ${line}`));
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPSite)) return;
    for (const m of old.mappings.entries()) {
      const own = this.mappings.get(m.iid, m.eid);
      if (own !== null || old.#configured.has(eidName(m))) this.mappings.follow(m, own);
      else this.mappings.keep(m);
    }
  }

  override cleanup(): void {
    this.#records?.destroy();
    this.#records = null;
  }

  /** The mappings in the router's memory, for LISPEncap and LISPDecap, from the first time they are asked for. Throws MemoryError. */
  get records(): SiteRecords {
    this.#records ??= new SiteRecords(this.memory, this.mappings);
    return this.#records;
  }

  /** Minutes for which others may keep a mapping of ours. */
  minutes(mapping: Mapping): number {
    return mapping.ttl === null ? this.#ttl : Math.max(1, Math.floor(mapping.ttl / 60));
  }

  /** What others are told of a mapping; with its own TTL where `fields` have none. */
  record(mapping: Mapping, fields: Omit<RecordFields, "ttl"> & { readonly ttl?: number }): EidRecord {
    return recordOfMapping(mapping, { ...fields, ttl: fields.ttl ?? this.minutes(mapping) });
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      add: {
        write: (text) =>
          asHandlerError(
            () => this.mappings.set(parseMapping(unquote(text.trim()), this.#iid)),
            MappingError,
          ),
      },
      remove: { write: (text) => asHandlerError(() => this.#remove(text), MappingError) },
      table: { read: () => [...this.mappings.entries()].map((m) => `${mappingText(m)}\n`).join("") },
      size: { read: () => this.mappings.size },
    };
  }

  #remove(text: string): void {
    const { iid, eid } = parseEidAndInstance(text, this.#iid);
    if (!this.mappings.delete(iid, eid))
      throw new MappingError(`no mapping for '${prefixText(eid)}' in instance ${iid}`);
  }
}
