// The hypervisor of a site whose virtual machines are functions of the service: the one that its agent asks its router
// for by the name `service`.

import { randomBytes } from "node:crypto";
import {
  type GuestSpec,
  type GuestStatus,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "../../cloud/hypervisor.js";
import { Listeners } from "../../router/listeners.js";
import { held } from "../world.js";
import { Incoming } from "./incoming.js";
import { Outgoing } from "./outgoing.js";
import { NAME_MOST, RecordError, SECRET_BYTES, sameSecret } from "./records.js";
import type { Site, SiteGuest } from "./site.js";
import { type GuestStream, Streams } from "./streams.js";

/** Migrations that are over and still told of. */
const OVER_MOST = 1024;
/** Seconds in which a stream says what it is. */
const INTRODUCTION = 10;

export class ServiceHypervisor implements Hypervisor {
  readonly streams: Streams;
  readonly #site: Site;
  readonly #listeners: Listeners<[event: HypervisorEvent]>;
  /** By migration, those that are over as well. */
  readonly #incoming = new Map<string, Incoming>();
  readonly #outgoing = new Map<string, Outgoing>();
  /** Migrations that were cancelled before they were known. */
  readonly #never = new Set<string>();

  constructor(site: Site) {
    this.#site = site;
    this.#listeners = new Listeners("a hypervisor's events", (line) => site.report("service", line));
    this.streams = new Streams(site.world, (stream) => void this.#introduce(stream));
  }

  /** Whether it takes part in a migration. */
  get migrates(): boolean {
    return this.#busy > 0;
  }

  get #name(): string {
    return this.#site.descriptor.name;
  }

  async status(): Promise<HypervisorStatus> {
    const { descriptor, mtu } = this.#site;
    const here = this.#here();
    const taken = here.reduce((sum, guest) => sum + guest.memory, 0);
    return {
      driver: "service",
      memory: { total: descriptor.memory, free: Math.max(0, descriptor.memory - taken) },
      guests: { most: descriptor.guests, now: here.length },
      migrations: descriptor.migrations,
      mtu,
    };
  }

  async guests(): Promise<readonly GuestStatus[]> {
    return this.#here();
  }

  /** Those that are here, leave, or will come. */
  #here(): GuestStatus[] {
    const here = new Map<string, GuestStatus>();
    const { descriptor } = this.#site;
    for (const { name, memory, addresses, mtu, at } of this.#site.guests()) {
      const out = [...this.#outgoing].find(([, m]) => m.guest === name && leaves(m));
      const [migration, leaving] = out ?? [null, null];
      if (at !== descriptor.name && leaving === null) continue;
      const running = this.#site.instance(name) === null ? "stopped" : "running";
      const state = leaving === null || leaving.state === "running" ? running : "paused";
      here.set(name, { name, state, memory, addresses, mtu, migration });
    }
    for (const [migration, { guest, outcome }] of this.#incoming)
      if (outcome === null && !here.has(guest.name))
        here.set(guest.name, { ...guest, state: "incoming", migration });
    return [...here.values()];
  }

  /** Migrations under way. */
  get #busy(): number {
    const incoming = [...this.#incoming.values()].filter((m) => m.outcome === null);
    return incoming.length + [...this.#outgoing.values()].filter(leaves).length;
  }

  async prepareIncoming(migration: string, guest: GuestSpec, patience: number): Promise<Landing> {
    const known = this.#incoming.get(migration);
    if (known?.outcome === null) return known.landing;
    this.#begin(migration);
    const { carrier } = this.streams;
    const { descriptor, mtu } = this.#site;
    const refuse = (code: string, message: string): never => {
      throw new HypervisorError(code, message);
    };
    const here = this.#here();
    const machine = this.#machine(guest.name);
    if (here.some((g) => g.name === guest.name))
      refuse("BUSY", `'${guest.name}' is at '${this.#name}' already`);
    if (machine === null) return refuse("UNSUITED", `'${guest.name}' is no virtual machine of this service`);
    // Whatever a controller takes it for.
    const memory = Math.max(guest.memory, machine.memory);
    const unsuited = this.#site.unsuited(guest.name);
    if (unsuited !== null) refuse("UNSUITED", unsuited);
    if (guest.mtu > mtu)
      refuse(
        "UNSUITED",
        `'${guest.name}' sends packets of ${guest.mtu} bytes: the links of '${this.#name}' carry ${mtu}`,
      );
    const free = descriptor.memory - here.reduce((sum, g) => sum + g.memory, 0);
    if (memory > free || here.length >= descriptor.guests)
      refuse("FULL", `'${this.#name}' has ${free} bytes and ${descriptor.guests - here.length} places left`);
    if (carrier === null)
      return refuse("FAILED", `the agent of '${this.#name}' carries no streams (GuestStreams)`);
    const secret = this.#secret();
    const landing: Landing = { address: carrier.address, port: carrier.port, secret };
    const incoming = new Incoming({ ...guest, memory }, landing, patience, this.#site, (kind, reason) =>
      this.#tell(kind, guest.name, migration, { bytes: 0, rounds: 0 }, reason),
    );
    this.#keep(this.#incoming, migration, incoming, (m) => m.outcome !== null);
    return landing;
  }

  /** Throws HypervisorError where migration `name` can not be begun. */
  #begin(name: string): void {
    if (this.#never.has(name) || this.#incoming.has(name) || this.#outgoing.has(name))
      throw new HypervisorError("FAILED", `migration '${name}' is over`);
    if (Buffer.byteLength(name) > NAME_MOST)
      throw new HypervisorError("FAILED", `a migration's name has ${NAME_MOST} bytes at most`);
    const { migrations } = this.#site.descriptor;
    if (this.#busy >= migrations)
      throw new HypervisorError("BUSY", `'${this.#name}' does ${migrations} migrations at once`);
  }

  #machine(name: string): SiteGuest | null {
    return this.#site.guests().find((g) => g.name === name) ?? null;
  }

  #secret(): Uint8Array {
    const { world } = this.#site;
    if (world.simulation === null) return randomBytes(SECRET_BYTES);
    return Uint8Array.from({ length: SECRET_BYTES }, () => Math.floor(world.random() * 256));
  }

  async migrate(migration: string, guest: string, to: Landing, options: MigrationOptions): Promise<void> {
    const known = this.#outgoing.get(migration);
    if (known !== undefined && known.guest === guest && known.state !== "failed") return;
    if (this.#machine(guest)?.at !== this.#name || this.#site.instance(guest) === null)
      throw new HypervisorError("NO_GUEST", `'${guest}' does not run at '${this.#name}'`);
    this.#begin(migration);
    if ([...this.#outgoing.values()].some((m) => m.guest === guest && leaves(m)))
      throw new HypervisorError("BUSY", `'${guest}' is being migrated already`);
    if (this.streams.carrier === null)
      throw new HypervisorError("FAILED", `the agent of '${this.#name}' carries no streams (GuestStreams)`);
    const outgoing = new Outgoing(
      migration,
      guest,
      to,
      options,
      this.#site,
      this.streams,
      (kind, progress, reason) => this.#tell(kind, guest, migration, progress, reason),
    );
    this.#keep(this.#outgoing, migration, outgoing, (m) => !leaves(m));
    outgoing
      .run()
      .catch((e: Error) => this.#site.report(guest, `migration ${migration} at ${this.#name}: ${e.message}`));
  }

  async cancel(migration: string, gone = false): Promise<void> {
    const incoming = this.#incoming.get(migration);
    const outgoing = this.#outgoing.get(migration);
    if (incoming === undefined && outgoing === undefined) this.#forbid(migration);
    incoming?.fail("cancelled");
    if (incoming?.outcome === "resumed" || incoming?.resuming)
      throw new HypervisorError("TOO_LATE", `'${incoming.guest.name}' runs at '${this.#name}'`);
    await outgoing?.cancel(gone);
  }

  onEvent(listener: (event: HypervisorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** What it gives back is the listeners': it goes on with its site. */
  close(): void {}

  /** The site is gone. */
  end(): void {
    this.streams.close();
  }

  /** Listens to what a stream that somebody has opened says that it is. */
  async #introduce(stream: GuestStream): Promise<void> {
    const cancel = this.#site.world.after(INTRODUCTION, () => stream.abort("it says nothing"));
    try {
      const record = await stream.next();
      if (record.type !== "begin" && record.type !== "ask") throw new RecordError("a record out of turn");
      const incoming = this.#incoming.get(record.migration);
      if (incoming === undefined || !sameSecret(record.secret, incoming.landing.secret))
        throw new RecordError("a migration that is not expected, or another secret");
      cancel();
      if (record.type === "begin") await incoming.take(stream);
      else await incoming.answer(stream);
    } catch (e) {
      this.#site.report(this.#name, `a stream was refused: ${(e as Error).message}`);
      stream.abort();
    } finally {
      cancel();
    }
  }

  #tell(
    kind: HypervisorEvent["kind"],
    guest: string,
    migration: string,
    { bytes, rounds }: { readonly bytes: number; readonly rounds: number },
    reason = "",
  ): void {
    const at = Math.round(this.#site.world.now() * 1e9);
    if (kind !== "progress")
      this.#site.report(
        guest,
        `migration ${migration} at ${this.#name}: ${kind}${reason === "" ? "" : `: ${reason}`}`,
      );
    this.#listeners.tell({ kind, guest, migration, at, bytes, rounds, reason });
  }

  #forbid(migration: string): void {
    this.#never.add(migration);
    if (this.#never.size > OVER_MOST) this.#never.delete(this.#never.values().next().value!);
  }

  /** Keeps a migration, and forgets the oldest of those that are over where they are too many. */
  #keep<T>(all: Map<string, T>, name: string, one: T, over: (m: T) => boolean): void {
    all.set(name, one);
    if (all.size <= OVER_MOST) return;
    for (const [old, m] of all) {
      if (!over(m)) continue;
      all.delete(old);
      this.#forbid(old);
      return;
    }
  }
}

/** Whether its machine is, or may be, this site's still. */
function leaves({ state }: Outgoing): boolean {
  return state !== "completed" && state !== "failed";
}

/** `hypervisor` for a caller inside a router: in simulated time what it does takes Node's turns and no time. */
export function heldHypervisor(hypervisor: Hypervisor, world: Parameters<typeof held>[0]): Hypervisor {
  return {
    status: () => held(world, hypervisor.status()),
    guests: () => held(world, hypervisor.guests()),
    prepareIncoming: (...words) => held(world, hypervisor.prepareIncoming(...words)),
    migrate: (...words) => held(world, hypervisor.migrate(...words)),
    // Takes time.
    cancel: (...words) => hypervisor.cancel(...words),
    onEvent: (listener) => hypervisor.onEvent(listener),
    close: () => hypervisor.close(),
  };
}
