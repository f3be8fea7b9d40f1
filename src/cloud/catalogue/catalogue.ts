// The catalogue: what the configuration says, with what was changed at run time over it, and the ways to find it.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import { canonicalEid, type EidPrefix, eidText } from "../../net/eid.js";
import { hostPrefix } from "../../net/prefix.js";
import { EidTable, type Page, type Prefixed } from "../eid-table.js";
import { type Change, changeKey } from "./changes.js";
import { parseEntry } from "./entry-text.js";
import {
  type AccessNetwork,
  type CatalogueChange,
  CatalogueError,
  type DataCentre,
  type Entry,
  type EntryKind,
  type EntryOf,
  KINDS,
  type User,
  type VirtualMachine,
} from "./model.js";

/** Whose an EID-prefix is. */
export interface Owner extends Prefixed {
  readonly kind: "vm" | "user";
  readonly name: string;
}

/** What a data centre has taken. */
export interface Load {
  readonly vms: number;
  /** Bytes. */
  readonly memory: number;
}

export interface CatalogueOptions {
  /** Most entries of all kinds. */
  readonly capacity: number;
  /** Instance ID of EIDs that entries name without one. */
  readonly iid: number;
  /** A change is to be kept; null: there is none any more. */
  readonly keep: (key: Uint8Array, change: Change | null) => void;
  readonly tell: (change: CatalogueChange) => void;
}

export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #entries: Readonly<Record<EntryKind, LargeMap<string, Entry>>> = {
    dc: new LargeMap(),
    access: new LargeMap(),
    service: new LargeMap(),
    vm: new LargeMap(),
    user: new LargeMap(),
  };
  /** What the configuration says, and what stands over it, by `nameOf`. */
  readonly #configured = new LargeMap<string, Entry>();
  readonly #changes = new LargeMap<string, Change>();
  readonly #networks = new LargeMap<string, DataCentre | AccessNetwork>();
  readonly #owners = new EidTable<Owner>();
  readonly #members = {
    vmsOf: new LargeMap<string, Set<string>>(),
    vmsAt: new LargeMap<string, Set<string>>(),
  };
  readonly #users = new LargeMap<string, LargeMap<string, true>>();
  readonly #loads = new LargeMap<string, Load>();

  constructor(options: CatalogueOptions) {
    this.#options = options;
  }

  // ---- Reading -----------------------------------------------------------------

  get<K extends EntryKind>(kind: K, name: string): EntryOf<K> | null {
    return (this.#entries[kind].get(name) as EntryOf<K> | undefined) ?? null;
  }

  /** All of a kind, in the order in which they came; from that of the name `from` on, where it is there. */
  all<K extends EntryKind>(kind: K, from?: string): IterableIterator<EntryOf<K>> {
    return this.#entries[kind].values(from) as IterableIterator<EntryOf<K>>;
  }

  count(kind: EntryKind): number {
    return this.#entries[kind].size;
  }

  get size(): number {
    return KINDS.reduce((n, kind) => n + this.count(kind), 0);
  }

  /** The parts of a service, by name. */
  vmsOf(service: string): VirtualMachine[] {
    return [...(this.#members.vmsOf.get(service) ?? [])].map((name) => this.get("vm", name)!);
  }

  /** The virtual machines at a data centre. */
  vmsAt(dc: string): VirtualMachine[] {
    return [...(this.#members.vmsAt.get(dc) ?? [])].map((name) => this.get("vm", name)!);
  }

  /** Names of those who use a service; they may come and go meanwhile. */
  usersOf(service: string): Iterable<string> {
    return this.#users.get(service)?.keys() ?? [];
  }

  userCount(service: string): number {
    return this.#users.get(service)?.size ?? 0;
  }

  loadOf(dc: string): Load {
    return this.#loads.get(dc) ?? { vms: 0, memory: 0 };
  }

  /** The data centre or access network that an RLOC (4 or 16 bytes) is a locator of. */
  network(rloc: Uint8Array): DataCentre | AccessNetwork | null {
    return this.#networks.get(addressText(rloc)) ?? null;
  }

  /** Whose the EID-prefix is: the longest of a user's or a virtual machine's that covers it. */
  owner(prefix: EidPrefix): Owner | null {
    return this.#owners.covering(prefix);
  }

  /** Owners of EID-prefixes within one, some at a time. */
  ownersWithin(prefix: EidPrefix, from: EidPrefix | null, most: number): Page<Owner> {
    return this.#owners.within(prefix, from, most);
  }

  /** What stands over the configuration for an entry; null: nothing. */
  changeOf(kind: EntryKind, name: string): Change | null {
    return this.#changes.get(nameOf(kind, name)) ?? null;
  }

  /** All that was changed at run time. */
  *changed(): IterableIterator<{ readonly kind: EntryKind; readonly name: string; readonly change: Change }> {
    for (const [key, change] of this.#changes) {
      const [kind, name] = key.split(" ");
      yield { kind: kind as EntryKind, name, change };
    }
  }

  // ---- Filling ------------------------------------------------------------------

  /** Adds what the configuration says. What it names may follow: `check`. Throws CatalogueError. */
  configure(entry: Entry): void {
    if (this.#configured.has(nameOf(entry.kind, entry.name)))
      throw new CatalogueError("TAKEN", `there is a ${entry.kind} '${entry.name}' already`);
    this.#put(entry);
    this.#configured.set(nameOf(entry.kind, entry.name), entry);
  }

  /** What entries of the configuration name that is not there: an error each. */
  *check(): IterableIterator<{ readonly entry: Entry; readonly error: CatalogueError }> {
    for (const entry of this.#configured.values()) {
      const missing = this.#missing(entry, true);
      if (missing !== null) yield { entry, error: missing };
    }
  }

  /** Puts what was changed in an earlier run over the configuration; nobody is told. Throws CatalogueError or KeyError. */
  restore(kind: EntryKind, name: string, change: Change): void {
    const key = nameOf(kind, name);
    const entry = this.#effective(kind, name, change);
    const missing = entry === null ? null : this.#missing(entry, false);
    if (missing !== null) throw missing;
    this.#replace(this.get(kind, name), entry);
    this.#changes.set(key, change);
  }

  /**
   * Takes over what another controller of the same store has changed; null: it has reset it. What has become of the entry,
   * for those who listen. Throws CatalogueError or KeyError.
   */
  follow(kind: EntryKind, name: string, change: Change | null): CatalogueChange["what"][] {
    const former = this.get(kind, name);
    if (change === null) {
      this.#replace(former, this.#configured.get(nameOf(kind, name)) ?? null);
      this.#changes.delete(nameOf(kind, name));
    } else this.restore(kind, name, change);
    const entry = this.get(kind, name);
    if (former === null || entry === null)
      return former === entry ? [] : [entry === null ? "removed" : "added"];
    const told: CatalogueChange["what"][] = [];
    if (entry.kind === "dc" && entry.drained !== (former as DataCentre).drained)
      told.push(entry.drained ? "drained" : "undrained");
    if (entry.kind === "vm" && former.kind === "vm") {
      if (entry.pinned !== former.pinned) told.push(entry.pinned ? "pinned" : "unpinned");
      if (entry.dc !== former.dc) told.push("placed");
    }
    return told.length > 0 ? told : ["changed"];
  }

  // ---- Changes at run time ----------------------------------------------------------

  /** Adds an entry, in place of one with its kind and name. Throws CatalogueError or KeyError. */
  add(text: string): Entry {
    const entry = parseEntry(text, this.#options.iid);
    const { kind, name } = entry;
    const former = this.get(kind, name);
    // Where a virtual machine is and what an operator has ordered are told apart from what it is.
    if (former?.kind === "vm" && entry.kind === "vm" && former.dc !== entry.dc)
      throw new CatalogueError("IN_USE", `vm '${name}' is in dc '${former.dc}': it moves by a migration`);
    this.#change(kind, name, { entry: text }, former === null ? "added" : "changed");
    const { tell } = this.#options;
    if (entry.kind === "dc" && entry.drained !== ((former as DataCentre | null)?.drained ?? false))
      tell({ kind, name, what: entry.drained ? "drained" : "undrained" });
    if (entry.kind === "vm" && former !== null && entry.pinned !== (former as VirtualMachine).pinned)
      tell({ kind, name, what: entry.pinned ? "pinned" : "unpinned" });
    return this.get(kind, name)!;
  }

  /** Throws CatalogueError: it is not there (`UNKNOWN`), or others need it (`IN_USE`). */
  remove(kind: EntryKind, name: string): void {
    this.#need(kind, name);
    const needed =
      kind === "dc"
        ? this.#members.vmsAt.get(name)
        : kind === "service"
          ? this.#members.vmsOf.get(name)
          : undefined;
    if (needed !== undefined) {
      const [first] = needed;
      const more = needed.size > 1 ? ` and ${needed.size - 1} more` : "";
      throw new CatalogueError("IN_USE", `${kind} '${name}' still has the virtual machine '${first}'${more}`);
    }
    this.#change(kind, name, { removed: true }, "removed");
  }

  /** Undoes what was changed of an entry: it is what the configuration says. Throws CatalogueError. */
  reset(kind: EntryKind, name: string): void {
    const key = nameOf(kind, name);
    if (!this.#changes.has(key))
      throw new CatalogueError("UNKNOWN", `nothing of a ${kind} '${name}' was changed`);
    const former = this.get(kind, name);
    const entry = this.#configured.get(key) ?? null;
    if (former?.kind === "vm" && entry?.kind === "vm" && former.dc !== entry.dc)
      throw new CatalogueError("IN_USE", `vm '${name}' is in dc '${former.dc}': it moves by a migration`);
    if (entry === null && former !== null) {
      this.remove(kind, name);
    } else {
      const missing = entry === null ? null : this.#missing(entry, false);
      if (missing !== null) throw missing;
      this.#replace(former, entry);
    }
    this.#changes.delete(key);
    this.#options.keep(changeKey(kind, name), null);
    if (entry !== null) this.#options.tell({ kind, name, what: former === null ? "added" : "changed" });
  }

  /** A drained data centre takes no virtual machines, and is to be rid of those it has. Throws CatalogueError. */
  drain(dc: string, drained: boolean): void {
    if (this.#need("dc", dc).drained === drained) return;
    this.#change("dc", dc, { ...this.#kept("dc", dc), drained }, drained ? "drained" : "undrained");
  }

  /** A pinned virtual machine stays where it is. Throws CatalogueError. */
  pin(vm: string, pinned: boolean): void {
    if (this.#need("vm", vm).pinned === pinned) return;
    this.#change("vm", vm, { ...this.#kept("vm", vm), pinned }, pinned ? "pinned" : "unpinned");
  }

  /** A virtual machine is in another data centre now. Throws CatalogueError. */
  place(vm: string, dc: string): void {
    if (this.#need("vm", vm).dc === dc) return;
    this.#need("dc", dc);
    this.#change("vm", vm, { ...this.#kept("vm", vm), dc }, "placed");
  }

  #kept(kind: EntryKind, name: string): Change {
    return this.#changes.get(nameOf(kind, name)) ?? {};
  }

  #need<K extends EntryKind>(kind: K, name: string): EntryOf<K> {
    const entry = this.get(kind, name);
    if (entry === null) throw new CatalogueError("UNKNOWN", `there is no ${kind} '${name.slice(0, 64)}'`);
    return entry;
  }

  #change(kind: EntryKind, name: string, change: Change, what: CatalogueChange["what"]): void {
    const key = nameOf(kind, name);
    const former = this.get(kind, name);
    const entry = this.#effective(kind, name, change);
    const missing = entry === null ? null : this.#missing(entry, false);
    if (missing !== null) throw missing;
    this.#replace(former, entry);
    // Of what was never in the configuration nothing is left.
    const gone = entry === null && !this.#configured.has(key);
    if (gone) this.#changes.delete(key);
    else this.#changes.set(key, change);
    this.#options.keep(changeKey(kind, name), gone ? null : change);
    this.#options.tell({ kind, name, what });
  }

  /** The entry that a change makes of what is configured; null: none. */
  #effective(kind: EntryKind, name: string, change: Change): Entry | null {
    if (change.removed) return null;
    const base =
      change.entry === undefined
        ? this.#configured.get(nameOf(kind, name))
        : parseEntry(change.entry, this.#options.iid);
    if (base === undefined || base.kind !== kind || base.name !== name)
      throw new CatalogueError("UNKNOWN", `there is no ${kind} '${name}' to change`);
    if (base.kind === "dc") return { ...base, drained: change.drained ?? base.drained };
    if (base.kind === "vm")
      return { ...base, pinned: change.pinned ?? base.pinned, dc: change.dc ?? base.dc };
    return base;
  }

  /** What an entry names that is not there. Users may name services that are still to come, but for the configuration's. */
  #missing(entry: Entry, configured: boolean): CatalogueError | null {
    const error = (kind: EntryKind, name: string): CatalogueError | null =>
      this.#entries[kind].has(name) ? null : new CatalogueError("UNKNOWN", `there is no ${kind} '${name}'`);
    if (entry.kind === "vm") return error("dc", entry.dc) ?? error("service", entry.service);
    if (entry.kind !== "user" || !configured) return null;
    for (const service of entry.uses) {
      const missing = error("service", service);
      if (missing !== null) return missing;
    }
    return null;
  }

  // ---- Tables ----------------------------------------------------------------------

  /** Throws CatalogueError, and then nothing has changed. */
  #replace(former: Entry | null, entry: Entry | null): void {
    if (former !== null) this.#take(former, entry !== null);
    if (entry === null) return;
    try {
      this.#put(entry);
    } catch (e) {
      if (former !== null) this.#put(former);
      throw e;
    }
  }

  #put(entry: Entry): void {
    this.#checkFree(entry);
    const { kind, name } = entry;
    this.#entries[kind].set(name, entry);
    switch (entry.kind) {
      case "dc":
      case "access":
        for (const rloc of entry.rlocs) this.#networks.set(addressText(rloc), entry);
        break;
      case "vm":
        join(this.#members.vmsOf, entry.service, name);
        join(this.#members.vmsAt, entry.dc, name);
        this.#weigh(entry, 1);
        for (const prefix of eidsOf(entry)) this.#owners.set({ kind: "vm", name, prefix });
        break;
      case "user":
        for (const prefix of eidsOf(entry)) this.#owners.set({ kind: "user", name, prefix });
        for (const service of entry.uses) {
          const users = this.#users.get(service) ?? new LargeMap<string, true>();
          this.#users.set(service, users.set(name, true));
        }
        break;
    }
  }

  /** `stays`: another one takes its place in the table. */
  #take(entry: Entry, stays: boolean): void {
    const { kind, name } = entry;
    if (!stays) this.#entries[kind].delete(name);
    switch (entry.kind) {
      case "dc":
      case "access":
        for (const rloc of entry.rlocs) this.#networks.delete(addressText(rloc));
        break;
      case "vm":
        leave(this.#members.vmsOf, entry.service, name);
        leave(this.#members.vmsAt, entry.dc, name);
        this.#weigh(entry, -1);
        for (const prefix of eidsOf(entry)) this.#owners.delete(prefix);
        break;
      case "user":
        for (const prefix of eidsOf(entry)) this.#owners.delete(prefix);
        for (const service of entry.uses) {
          const users = this.#users.get(service)!;
          users.delete(name);
          if (users.size === 0) this.#users.delete(service);
        }
        break;
    }
  }

  #weigh({ dc, memory }: VirtualMachine, sign: number): void {
    const load = this.loadOf(dc);
    this.#loads.set(dc, { vms: load.vms + sign, memory: load.memory + sign * memory });
  }

  #checkFree(entry: Entry): void {
    if (!this.#entries[entry.kind].has(entry.name) && this.size >= this.#options.capacity)
      throw new CatalogueError("FULL", `the catalogue holds ${this.#options.capacity} entries already`);
    if (entry.kind === "dc" || entry.kind === "access")
      for (const rloc of entry.rlocs) {
        const other = this.network(rloc);
        if (other !== null)
          throw new CatalogueError(
            "TAKEN",
            `${addressText(rloc)} is a locator of ${other.kind} '${other.name}' already`,
          );
      }
    if (entry.kind !== "vm" && entry.kind !== "user") return;
    for (const prefix of eidsOf(entry)) {
      const other = this.#owners.get(prefix);
      if (other !== null)
        throw new CatalogueError(
          "TAKEN",
          `${eidText(prefix)} is an EID of ${other.kind} '${other.name}' already`,
        );
    }
  }
}

/** The EID-prefixes of a virtual machine or a user, without bits beyond their lengths. */
export function eidsOf(entry: VirtualMachine | User): EidPrefix[] {
  if (entry.kind === "user") return entry.eids.map(canonicalEid);
  return entry.eids.map(({ iid, address }) => ({ iid, eid: hostPrefix(address) }));
}

function nameOf(kind: EntryKind, name: string): string {
  return `${kind} ${name}`;
}

function join(groups: LargeMap<string, Set<string>>, group: string, name: string): void {
  const members = groups.get(group);
  if (members === undefined) groups.set(group, new Set([name]));
  else members.add(name);
}

function leave(groups: LargeMap<string, Set<string>>, group: string, name: string): void {
  const members = groups.get(group)!;
  members.delete(name);
  if (members.size === 0) groups.delete(group);
}
