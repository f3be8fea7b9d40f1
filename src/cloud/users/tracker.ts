// Who is where: users, by what their EIDs are registered with, and which site has a virtual machine's EID.

import { LargeMap } from "../../collections/large-map.js";
import { SLICE, SLICE_REST } from "../../lisp/slice.js";
import { type EidPrefix, eidName, sameEid } from "../../net/eid.js";
import { hostPrefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { type Catalogue, eidsOf, type Owner } from "../catalogue/catalogue.js";
import type { CatalogueChange } from "../catalogue/model.js";
import { EidTable } from "../eid-table.js";
import { isWhole, type Registration, said, sameRegistration } from "./registrations.js";
import { placeName, type Whereabouts, whereabouts } from "./whereabouts.js";

/** A user is in another place. */
export interface UserMove {
  readonly user: string;
  /** By which of the user's EIDs it is known. */
  readonly eid: EidPrefix;
  /** null: it was not known, or nowhere. */
  readonly from: Whereabouts | null;
  /** null: none of its EIDs is registered any more. */
  readonly to: Whereabouts | null;
  /** How often it has moved from one place to another, this time included. */
  readonly moves: number;
}

/** What an EID of a virtual machine is registered with has changed. */
export interface VmClaim {
  readonly vm: string;
  readonly eid: EidPrefix;
  readonly from: Whereabouts | null;
  readonly to: Whereabouts | null;
}

export interface UserState {
  readonly name: string;
  /** The one of its EIDs that moved last. */
  readonly eid: EidPrefix;
  readonly where: Whereabouts | null;
  readonly moves: number;
}

interface EidState {
  readonly owner: Owner;
  readonly where: Whereabouts | null;
  /** `placeName` of where it is, or was when it was registered last; null: it never was. */
  readonly last: string | null;
}

export interface TrackerOptions {
  readonly clock: Clock;
  readonly catalogue: Catalogue;
  /** Most EID-prefixes of which it is known what they are registered with. */
  readonly capacity: number;
  readonly timer: (fire: () => void) => Timer;
}

export interface TrackerEvents {
  moved(move: UserMove): void;
  claimed(claim: VmClaim): void;
  /** The network where a user is is another one by the catalogue: the user has not moved. */
  relabelled(user: string): void;
  /** An EID-prefix is somebody's from now on, or nobody's any more. */
  wanted(prefix: EidPrefix, wanted: boolean): void;
  count(name: "not_ours" | "unusable" | "table_full"): void;
}

/** Work in slices: does one, and returns whether there is more. */
type Job = () => boolean;

export class Tracker {
  readonly #options: TrackerOptions;
  readonly #events: TrackerEvents;
  readonly #registered = new EidTable<Registration>();
  /** By `eidName`. */
  readonly #eids = new LargeMap<string, EidState>();
  readonly #users = new LargeMap<string, UserState>();
  /** The EIDs of each user and virtual machine, as they were last, by kind and name. */
  readonly #owned = new LargeMap<string, readonly EidPrefix[]>();
  readonly #jobs: Job[] = [];
  readonly #turn: Timer;

  constructor(options: TrackerOptions, events: TrackerEvents) {
    this.#options = options;
    this.#events = events;
    this.#turn = options.timer(() => this.#work());
  }

  /** Takes up all users and virtual machines that the catalogue has. */
  start(): void {
    const { catalogue } = this.#options;
    for (const kind of ["user", "vm"] as const) {
      const all = catalogue.all(kind);
      this.#later(() => {
        for (let i = 0; i < SLICE; i++) {
          const { done, value } = all.next();
          if (done) return false;
          this.#own(kind, value.name);
        }
        return true;
      });
    }
  }

  // ---- Reading --------------------------------------------------------------------

  /** null: it is not in the catalogue, or was never seen. */
  user(name: string): UserState | null {
    return this.#users.get(name) ?? null;
  }

  /** Where an EID of a user or a virtual machine is; null: it is nobody's, or not registered. */
  where(eid: EidPrefix): Whereabouts | null {
    return this.#eids.get(eidName(eid))?.where ?? null;
  }

  /** What holds for an EID-prefix, anybody's: what is registered within it does not count. */
  registration({ iid, eid }: EidPrefix): Registration | null {
    // What is registered around it may be known only of parts of it.
    const first = { iid, eid: hostPrefix(eid.address) };
    return this.#registered.covering(first, ({ length }) => length <= eid.length);
  }

  get registered(): EidTable<Registration> {
    return this.#registered;
  }

  // ---- What Map-Servers say ----------------------------------------------------------

  /**
   * Takes the records of a Map-Notify for `subscribed`; with `whole` what it does not name is nobody's. Returns whether
   * it is to be asked for anew, as what holds for it now nobody has said.
   */
  told(subscribed: EidPrefix, records: readonly EidRecord[], whole: boolean): boolean {
    let again = false;
    const named = new Set<string>();
    const changed: EidPrefix[] = [];
    for (const record of records) {
      const what = said(subscribed, record);
      if (what.kind === "set") {
        const { prefix } = what.registration;
        named.add(eidName(prefix));
        if (this.#set(what.registration)) changed.push(prefix);
      } else if (what.kind === "gone") {
        again ||= sameEid(what.prefix, subscribed);
        if (this.#registered.delete(what.prefix)) changed.push(what.prefix);
      } else this.#events.count(what.kind);
    }
    if (whole && isWhole(subscribed, records)) this.#forgetOthers(subscribed, named, changed);
    // Only now: one record of a message says nothing without the others.
    for (const prefix of changed) this.#changed(prefix);
    return again;
  }

  /** Whether that is news. */
  #set(registration: Registration): boolean {
    const former = this.#registered.get(registration.prefix);
    if (former !== null && sameRegistration(former, registration)) return false;
    if (former === null && this.#registered.size >= this.#options.capacity) {
      this.#events.count("table_full");
      return false;
    }
    this.#registered.set(registration);
    return true;
  }

  /** What is registered of just this EID-prefix is not known any more. */
  forget(prefix: EidPrefix): void {
    if (this.#registered.delete(prefix)) this.#changed(prefix);
  }

  /** Those of the first slice are added to `changed`. */
  #forgetOthers(within: EidPrefix, named: ReadonlySet<string>, changed: EidPrefix[]): void {
    const others = (
      from: EidPrefix | null,
    ): { readonly old: EidPrefix[]; readonly next: EidPrefix | null } => {
      const { items, next } = this.#registered.within(within, from, SLICE);
      const old = items.map(({ prefix }) => prefix).filter((prefix) => !named.has(eidName(prefix)));
      for (const prefix of old) this.#registered.delete(prefix);
      return { old, next };
    };
    const first = others(null);
    changed.push(...first.old);
    let from = first.next;
    if (from === null) return;
    this.#later(() => {
      const { old, next } = others(from);
      for (const prefix of old) this.#changed(prefix);
      from = next;
      return next !== null;
    });
  }

  /** What holds for owners of EIDs within a prefix may have changed. */
  #changed(prefix: EidPrefix): void {
    const { catalogue } = this.#options;
    const around = catalogue.owner(prefix);
    if (around !== null && !sameEid(around.prefix, prefix)) this.#look(around);
    let from: EidPrefix | null = null;
    const job = (): boolean => {
      const { items, next } = catalogue.ownersWithin(prefix, from, SLICE);
      for (const owner of items) this.#look(owner);
      from = next;
      return next !== null;
    };
    if (job()) this.#later(job);
  }

  #later(job: Job): void {
    this.#jobs.push(job);
    if (!this.#turn.scheduled) this.#turn.scheduleAfter(0);
  }

  #work(): void {
    const job = this.#jobs[0];
    // What comes while it works stands behind it.
    if (job !== undefined && !job()) this.#jobs.shift();
    if (this.#jobs.length > 0) this.#turn.scheduleAfter(SLICE_REST);
  }

  // ---- Owners -----------------------------------------------------------------------

  /** Looks where an EID is now. */
  #look(owner: Owner): void {
    const name = eidName(owner.prefix);
    const former = this.#eids.get(name);
    const before = former?.where ?? null;
    const where = this.#whereabouts(owner.prefix, before);
    const last = former?.last ?? null;
    this.#eids.set(name, { owner, where, last: where === null ? last : placeName(where) });
    if (owner.kind === "vm") {
      if (!sameWhere(before, where))
        this.#events.claimed({ vm: owner.name, eid: owner.prefix, from: before, to: where });
    } else this.#lookForUser(owner, last, where);
  }

  #whereabouts(prefix: EidPrefix, before: Whereabouts | null): Whereabouts | null {
    const now = this.#options.clock.now();
    const where = whereabouts(this.registration(prefix), this.#options.catalogue, now);
    if (where === null || before === null || placeName(where) !== placeName(before)) return where;
    return { ...where, since: before.since };
  }

  /** A user is where that of its EIDs is that moved last. `last`: where this one was known to be. */
  #lookForUser({ name, prefix }: Owner, last: string | null, where: Whereabouts | null): void {
    const user = this.#users.get(name) ?? { name, eid: prefix, where: null, moves: 0 };
    const own = sameEid(user.eid, prefix);
    if (where === null) {
      if (own && user.where !== null) this.#settle(user, this.#lastOf(name) ?? { eid: prefix, where: null });
      return;
    }
    const place = placeName(where);
    // One that is heard of for the first time, or again where it was, may have been there for long.
    const moved = last !== null && last !== place;
    if (moved || user.where === null || place === placeName(user.where)) {
      if (moved || user.where === null || own) this.#settle(user, { eid: prefix, where });
    }
  }

  #settle(
    user: UserState,
    { eid, where }: { readonly eid: EidPrefix; readonly where: Whereabouts | null },
  ): void {
    const from = user.where;
    if (placeName(from) === placeName(where)) {
      const since = Math.min(from?.since ?? 0, where?.since ?? 0);
      this.#users.set(user.name, { ...user, eid, where: where === null ? null : { ...where, since } });
      return;
    }
    const moves = user.moves + Number(from !== null && where !== null);
    this.#users.set(user.name, { ...user, eid, where, moves });
    this.#events.moved({ user: user.name, eid, from, to: where, moves });
  }

  /** The one of a user's registered EIDs that moved last. */
  #lastOf(user: string): { readonly eid: EidPrefix; readonly where: Whereabouts } | null {
    let last: { readonly eid: EidPrefix; readonly where: Whereabouts } | null = null;
    for (const eid of this.#owned.get(`user ${user}`) ?? []) {
      const where = this.where(eid);
      if (where !== null && (last === null || where.since > last.where.since)) last = { eid, where };
    }
    return last;
  }

  // ---- Changes of the catalogue -------------------------------------------------------

  catalogueChanged({ kind, name, what }: CatalogueChange): void {
    if (kind === "user" || kind === "vm") {
      if (what === "added" || what === "changed" || what === "removed") this.#own(kind, name);
    } else if (kind === "dc" || kind === "access") {
      if (what === "added" || what === "changed" || what === "removed") this.#relabel();
    }
  }

  /** Takes up the EIDs that a user or virtual machine has now, and lets go those that it has no more. */
  #own(kind: "user" | "vm", name: string): void {
    const entry = this.#options.catalogue.get(kind, name);
    const key = `${kind} ${name}`;
    const now = entry === null ? [] : eidsOf(entry);
    for (const prefix of this.#owned.get(key) ?? []) {
      if (now.some((other) => sameEid(other, prefix))) continue;
      const id = eidName(prefix);
      // It may be another's already.
      const { owner } = this.#eids.get(id) ?? {};
      if (owner?.kind !== kind || owner.name !== name) continue;
      this.#eids.delete(id);
      this.#events.wanted(prefix, false);
      this.#lostEid(kind, name, prefix);
    }
    if (entry === null) {
      this.#owned.delete(key);
      if (kind === "user") this.#users.delete(name);
      return;
    }
    this.#owned.set(key, now);
    for (const prefix of now) {
      this.#events.wanted(prefix, true);
      this.#look({ kind, name, prefix });
    }
  }

  #lostEid(kind: "user" | "vm", name: string, prefix: EidPrefix): void {
    const user = kind === "user" ? this.#users.get(name) : undefined;
    if (
      user === undefined ||
      !sameEid(user.eid, prefix) ||
      this.#options.catalogue.get("user", name) === null
    )
      return;
    this.#settle(user, this.#lastOf(name) ?? { eid: prefix, where: null });
  }

  /** Locators belong to other networks now: nobody has moved for that. */
  #relabel(): void {
    const all = this.#eids.entries();
    this.#later(() => {
      for (let i = 0; i < SLICE; i++) {
        const { done, value } = all.next();
        if (done) return false;
        const [id, state] = value;
        const { owner, where: before } = state;
        if (before === null) continue;
        const found = whereabouts(this.registration(owner.prefix), this.#options.catalogue, before.since);
        this.#eids.set(id, { ...state, where: found, last: found === null ? state.last : placeName(found) });
        const user = owner.kind === "user" ? this.#users.get(owner.name) : undefined;
        if (user === undefined || !sameEid(user.eid, owner.prefix) || found === null) continue;
        const where = { ...found, since: user.where?.since ?? found.since };
        this.#users.set(owner.name, { ...user, where });
        if (placeName(user.where) !== placeName(where)) this.#events.relabelled(owner.name);
      }
      return true;
    });
  }

  /** Goes on with what another one knows of the same users. */
  takeFrom(other: Tracker): void {
    for (const [name, user] of other.#users)
      if (this.#options.catalogue.get("user", name) !== null) this.#users.set(name, user);
    for (const [id, state] of other.#eids)
      if (this.#options.catalogue.get(state.owner.kind, state.owner.name) !== null) this.#eids.set(id, state);
    for (const [key, eids] of other.#owned) this.#owned.set(key, eids);
    let from: EidPrefix | null = null;
    do {
      const { items, next }: ReturnType<EidTable<Registration>["page"]> = other.#registered.page(from, SLICE);
      for (const item of items) this.#registered.set(item);
      from = next;
    } while (from !== null);
  }

  /** Every EID of users and virtual machines, from one (`eidName`) on. */
  eids(from?: string): IterableIterator<EidState> {
    return this.#eids.values(from);
  }

  /** Every user that was seen, from one on. */
  users(from?: string): IterableIterator<UserState> {
    return this.#users.values(from);
  }

  /** The EIDs of a user or virtual machine. */
  owned(kind: "user" | "vm", name: string): readonly EidPrefix[] {
    return this.#owned.get(`${kind} ${name}`) ?? [];
  }
}

function sameWhere(a: Whereabouts | null, b: Whereabouts | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && placeName(a) === placeName(b) && locatorNames(a) === locatorNames(b);
}

function locatorNames({ locators }: Whereabouts): string {
  return locators.map((l) => `${l.rloc.join(".")}/${l.priority}/${l.weight}`).join(" ");
}
