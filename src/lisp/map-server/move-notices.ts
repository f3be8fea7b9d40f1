// What xTRs are told of EIDs that have moved: as much at once as they acknowledge, the rest by and by.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import { prefixText } from "../../net/prefix.js";
import type { Random } from "../../router/random.js";
import type { XtrIds } from "../../wire/lisp-control/record.js";
import { randomNonce } from "../control/control-records.js";
import type { Registration } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { SLICE } from "../slice.js";
import { entryRecord, sameXtr } from "./entries.js";
import type { Notification, Notifications, Source } from "./notifications.js";
import type { PeerKeys } from "./peer-keys.js";
import { withdrawnRecord } from "./records.js";
import type { Site, Sites } from "./sites.js";

/** EID-prefixes that are kept for one xTR; with more, it is told whatever others have of its site. */
const OWED_MAX = 4096;

export interface MoveNoticesOptions {
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  readonly keys: PeerKeys;
  readonly notifications: Notifications;
  readonly random: Random;
  /** Counts one of the Map-Server's counters or drops. */
  readonly count: (name: "unsolicited" | "pending_full") => void;
}

/** An xTR, and what it is still to be told. */
interface Owed {
  readonly xtr: Registration;
  /** By `eidName`, the first first. */
  readonly changed: LargeMap<string, EidPrefix>;
  /** Goes through what the site has, a null after each slice; null: there is no need. */
  all: Iterator<EidPrefix | null> | null;
  /** It is to begin again. */
  again: boolean;
}

export class MoveNotices {
  readonly #options: MoveNoticesOptions;
  /** By name of the xTR. */
  readonly #owed = new LargeMap<string, Owed & { readonly source: Source }>();

  constructor(options: MoveNoticesOptions) {
    this.#options = options;
  }

  /** Has an xTR told what an EID-prefix is now. */
  tell(xtr: Registration, { iid, eid }: EidPrefix): void {
    if (this.#options.sites.get(xtr.site) === null) return;
    const owed = this.#of(xtr);
    owed.changed.set(eidName({ iid, eid }), { iid, eid });
    if (owed.changed.size > OWED_MAX) this.#fallBack(owed);
    this.#options.notifications.offer(xtrName(xtr), owed.source);
  }

  /** An xTR has registered an EID-prefix itself: what it was to be told of it before is not true any more. */
  knows(xtr: Registration, { iid, eid }: EidPrefix): void {
    const { notifications } = this.#options;
    if (xtr.merge || (notifications.size === 0 && this.#owed.size === 0)) return;
    const name = xtrName(xtr);
    this.#owed.get(name)?.changed.delete(eidName({ iid, eid }));
    notifications.cancel(name, noticeName({ iid, eid }));
  }

  /** Goes on with what another one had still to tell. */
  takeFrom(other: MoveNotices): void {
    for (const [, { xtr, changed, all, again }] of other.#owed) {
      const owed = this.#of(xtr);
      for (const [name, eid] of changed) owed.changed.set(name, eid);
      owed.again = again || all !== null;
      this.#options.notifications.offer(xtrName(xtr), owed.source, "soon");
    }
  }

  #of(xtr: Registration): Owed & { readonly source: Source } {
    const name = xtrName(xtr);
    const found = this.#owed.get(name);
    if (found !== undefined) return found;
    const source: Source = { next: () => this.#next(name), abandoned: () => void this.#owed.delete(name) };
    const owed = { xtr, changed: new LargeMap<string, EidPrefix>(), all: null, again: false, source };
    this.#owed.set(name, owed);
    return owed;
  }

  /** What others have is found again in the database: that needs no memory. What nobody has is not, and stays as long as there is room. */
  #fallBack(owed: Owed): void {
    const { database, count } = this.#options;
    for (const [name, eid] of owed.changed) if (database.get(eid) !== null) owed.changed.delete(name);
    if (owed.changed.size > OWED_MAX) {
      owed.changed.delete(owed.changed.first![0]);
      count("pending_full");
      return;
    }
    owed.again = true;
  }

  #next(name: string): Notification | "later" | null {
    const owed = this.#owed.get(name);
    const site = owed === undefined ? null : this.#options.sites.get(owed.xtr.site);
    for (;;) {
      const eid = owed === undefined || site === null ? "end" : this.#take(owed, site);
      if (eid === null) return "later";
      if (eid === "end") {
        this.#owed.delete(name);
        return null;
      }
      const notification = this.#notification(owed!.xtr, site!, eid);
      if (notification === null) continue;
      this.#options.count("unsolicited");
      return notification;
    }
  }

  /** The next EID-prefix to tell of; null: a slice is over. */
  #take(owed: Owed, site: Site): EidPrefix | null | "end" {
    const first = owed.changed.first;
    if (first !== undefined) {
      owed.changed.delete(first[0]);
      return first[1];
    }
    if (owed.all === null) {
      if (!owed.again) return "end";
      owed.again = false;
      owed.all = this.#within(site);
    }
    const { done, value } = owed.all.next();
    if (done !== true) return value;
    owed.all = null;
    return this.#take(owed, site);
  }

  /** All that is registered of a site. */
  *#within(site: Site): Generator<EidPrefix | null, undefined> {
    let looked = 0;
    for (const prefix of site.prefixes)
      for (const { iid, eid } of this.#options.database.subtree(prefix)) {
        yield { iid, eid };
        if (++looked % SLICE === 0) yield null;
      }
  }

  /** Null where the xTR knows it, as it has registered it itself. */
  #notification(xtr: Registration, site: Site, eid: EidPrefix): Notification | null {
    const { database, keys, random } = this.#options;
    const entry = database.get(eid);
    const own = entry?.registrations.find((r) => sameXtr(r, xtr));
    if (own !== undefined && !own.merge) return null;
    return {
      to: xtr.source,
      nonce: randomNonce(random),
      records: [entry === null ? withdrawnRecord(eid) : entryRecord(entry)],
      ids: idsOfXtr(xtr),
      key: keys.of(xtr, site),
      ackKeys: site.keys,
      name: noticeName(eid),
    };
  }
}

/** Of all that one xTR is told of an EID-prefix the last is sent. */
const noticeName = ({ iid, eid }: EidPrefix): string => `${iid} ${prefixText(eid)}`;

function idsOfXtr({ xtrId, siteId }: Registration): XtrIds | null {
  if (xtrId === null) return null;
  if (siteId === null) return { xtrId, siteId };
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(siteId);
  return { xtrId, siteId: new Uint8Array(bytes) };
}

function xtrName({ source, site, xtrId, siteId }: Registration): string {
  const id = xtrId === null ? "" : `${Buffer.from(xtrId).toString("hex")}.${siteId}`;
  return `xtr ${site} ${addressText(source)} ${id}`;
}
