// All migrations of a controller: takes decisions, lets as many go on as there is room for, and goes on with what
// another one, or itself before a crash, has begun.

import type { EidPrefix } from "../../net/eid.js";
import { CodedError } from "../../sluice-error.js";
import type { HypervisorEvent } from "../hypervisor.js";
import { Admission, type Limits } from "./admission.js";
import type { ArmName } from "./arms.js";
import type { Ledger } from "./ledger.js";
import { Migration, type MigrationEnvironment } from "./migration.js";
import type { SequenceOptions } from "./options.js";
import { directoryRefusal, type Promised } from "./preflight.js";
import {
  type EndState,
  hasEnded,
  type MigrationRecord,
  type NextMove,
  type Refusal,
  TEXT_MAX,
  wallMs,
  withStep,
} from "./record.js";
import type { MigrationWorld } from "./seams.js";

/** Why a migration is not begun, or not cancelled. */
export class MigrationError extends CodedError {
  /**
   * As of `directoryRefusal`; `BUSY` (the virtual machine migrates), `TOO_MANY` (wait already), `STANDBY` (another
   * controller acts), `NO_MIGRATION`, `TOO_LATE`.
   */
  declare readonly code: string;
}

/**
 * What becomes of a decision about a virtual machine that migrates: `finish`: nothing, as it is refused; `queue`: it
 * waits until that migration has ended; `cancel`: that one goes back, where it is not too late, and then it has its turn.
 */
export const WHEN_BUSY = ["cancel", "finish", "queue"] as const;
export type WhenBusy = (typeof WHEN_BUSY)[number];

export interface MigrationsOptions {
  readonly world: MigrationWorld;
  readonly ledger: Ledger;
  readonly sequence: SequenceOptions;
  readonly limits: Limits;
  readonly whenBusy: WhenBusy;
  readonly arm: ArmName;
  /** Most that wait. */
  readonly waitingMax: number;
  /** Migrations that have ended which are remembered. */
  readonly remembered: number;
  readonly report: (text: string) => void;
  /** A migration has come to another state. */
  readonly entered: (record: MigrationRecord) => void;
  /** What has become of what a decision wanted of a virtual machine, unless `request` has rejected it. */
  readonly finished?: (decision: number, vm: string, outcome: FinishedOutcome, why: string) => void;
}

export type FinishedOutcome = "done" | "failed" | "cancelled";

export interface MigrationRequest {
  readonly vm: string;
  /** Data centre. */
  readonly to: string;
  /** For the history. */
  readonly reason: string;
  /** Default: the controller's. */
  readonly arm?: ArmName;
  /** Number of the decision that it carries out. */
  readonly decision?: number | null;
}

/** A migration that waits, or goes on. */
interface Ticket {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

type EndedRecord = MigrationRecord & { readonly state: EndState };

function isEnded(record: MigrationRecord): record is EndedRecord {
  return hasEnded(record.state);
}

const OUTCOMES: Readonly<Record<EndState, FinishedOutcome>> = {
  settled: "done",
  cancelled: "cancelled",
  failed: "failed",
};

export class Migrations {
  readonly #options: MigrationsOptions;
  readonly #admission: Admission<Ticket>;
  /** Those that go on, by ID. */
  readonly #running = new Map<string, Migration>();
  /** By virtual machine: the ID of its migration that has not ended. */
  readonly #busy = new Map<string, string>();
  /** What is remembered, by ID, in the order of numbers. */
  readonly #records = new Map<string, MigrationRecord>();
  /** IDs of those that wait until somebody has left their target. */
  readonly #roomless = new Map<string, string>();
  readonly #environment: MigrationEnvironment;
  #number = 0;
  #epoch = "";
  #acting = false;
  #closed = false;

  constructor(options: MigrationsOptions) {
    this.#options = options;
    this.#admission = new Admission(options.limits);
    this.#environment = {
      world: options.world,
      options: options.sequence,
      save: (record) => options.ledger.save([record]),
      promised: (migration) => this.#promised(migration),
      waitsForRoom: (migration) => this.#waitsForRoom(migration),
      entered: (migration) => this.#entered(migration),
      report: options.report,
    };
    options.ledger.onActing((acting) => this.#act(acting));
  }

  /** Whether this controller is the one that acts. */
  get acting(): boolean {
    return this.#acting;
  }

  /** Migrations that wait for their turn, and that go on. */
  get waiting(): number {
    return this.#admission.waiting.length;
  }
  get running(): number {
    return this.#running.size;
  }

  /** All that are remembered, the oldest first. Where another controller acts, as they are kept now. */
  records(): readonly MigrationRecord[] {
    if (!this.#acting) return this.#options.ledger.records();
    return [...this.#records.keys()].map((id) => this.#now(id));
  }

  /** By its number or ID; null: there is none. */
  find(name: string): MigrationRecord | null {
    return this.records().find(({ id, number }) => id === name || String(number) === name) ?? null;
  }

  /** Of one that goes on: bytes sent, and rounds. */
  progress(id: string): { readonly bytes: number; readonly rounds: number } {
    const known = this.#running.get(id)?.known;
    return { bytes: known?.bytes ?? 0, rounds: known?.rounds ?? 0 };
  }

  /**
   * Resolves once it is kept: from then on it is not lost. With its record; for a virtual machine that migrates, with
   * the record of that migration, which it is, or comes behind. Rejects with MigrationError, or with StoreError.
   */
  async request(request: MigrationRequest): Promise<MigrationRecord> {
    if (!this.#acting) throw new MigrationError("STANDBY", "another controller acts");
    const id = this.#busy.get(request.vm);
    if (id !== undefined) return this.#requestBusy(request, id);
    return this.#start(request, null);
  }

  /**
   * Sends a migration back, by its number, ID or virtual machine: resolves when that has begun. Rejects with
   * MigrationError (`NO_MIGRATION`, `TOO_LATE`, `STANDBY`).
   */
  async cancel(name: string, reason: string): Promise<void> {
    if (!this.#acting) throw new MigrationError("STANDBY", "another controller acts");
    const id = this.#busy.get(name) ?? this.find(name)?.id;
    const record = id === undefined ? undefined : this.#records.get(id);
    if (record === undefined || this.#busy.get(record.vm) !== id)
      throw new MigrationError("NO_MIGRATION", `no migration '${name}' goes on`);
    if (hasEnded(record.state)) throw new MigrationError("NO_MIGRATION", `'${name}' has ended`);
    await this.#follow(record.id, null);
    if (!(await this.#cancel(record.id, reason)))
      throw new MigrationError("TOO_LATE", `'${record.vm}' runs at ${record.to} already`);
  }

  /** A hypervisor's event. */
  event(dc: string, event: HypervisorEvent): void {
    const one = this.#running.get(event.migration);
    for (const migration of event.kind === "lost" ? this.#running.values() : one === undefined ? [] : [one])
      if (migration.record.from === dc || migration.record.to === dc) migration.event(dc, event);
  }

  /** A publication of the mapping system. */
  published(prefix: EidPrefix, rlocs: readonly Uint8Array[]): void {
    for (const migration of this.#running.values())
      if (migration.concerns(prefix)) migration.published(prefix, rlocs);
  }

  /** Stops acting: what goes on is gone on with by the next one who has the ledger. */
  close(): void {
    this.#closed = true;
    this.#act(false);
  }

  // ---- Acting ----------------------------------------------------------------------------

  #act(acting: boolean): void {
    if (acting === this.#acting || (acting && this.#closed)) return;
    this.#acting = acting;
    if (acting) this.#takeOver();
    else this.#standBack();
  }

  #standBack(): void {
    for (const migration of this.#running.values()) migration.halt();
    for (const id of this.#records.keys()) this.#admission.leave(id);
    this.#running.clear();
    this.#busy.clear();
    this.#records.clear();
    this.#roomless.clear();
  }

  #takeOver(): void {
    const records = this.#options.ledger.records();
    const { clock } = this.#options.world;
    // Hypervisors know migrations by name, for ever: controllers that know nothing of each other use other ones.
    this.#epoch = records.at(-1)?.id.replace(/-\d+$/, "") ?? `fmc-${wallMs(clock).toString(36)}`;
    this.#number = records.at(-1)?.number ?? 0;
    for (const record of records) {
      this.#records.set(record.id, record);
      if (hasEnded(record.state)) continue;
      this.#busy.set(record.vm, record.id);
      // Nothing of it has left the controller yet.
      if (record.state === "decided") this.#admission.wait(record);
      else this.#begin(record);
    }
    for (const record of records) if (hasEnded(record.state)) this.#goOn(record);
    this.#admit();
  }

  // ---- Requests --------------------------------------------------------------------------

  /** `behind`: what it comes behind, which forgets it in the same moment. */
  async #start(request: MigrationRequest, behind: MigrationRecord | null): Promise<MigrationRecord> {
    const { world, ledger, waitingMax, entered } = this.#options;
    const refusal = directoryRefusal(world.directory, request.vm, request.to);
    if (refusal !== null) throw new MigrationError(refusal.code, refusal.reason);
    if (this.waiting >= waitingMax)
      throw new MigrationError("TOO_MANY", `${this.waiting} migrations wait already`);
    const record = this.#newRecord(request);
    this.#busy.set(record.vm, record.id);
    this.#records.set(record.id, record);
    try {
      await ledger.save(behind === null ? [record] : [record, behind]);
    } catch (error) {
      // It may be kept all the same, and is to be found as what nobody waits for.
      await this.#end(record, { code: "STORE", from: "store", reason: (error as Error).message });
      throw error;
    }
    if (!this.#acting) throw new MigrationError("STANDBY", "another controller acts");
    entered(record);
    if (this.#now(record.id).state === "decided") {
      this.#admission.wait(record);
      this.#admit();
    }
    return record;
  }

  async #requestBusy(request: MigrationRequest, id: string): Promise<MigrationRecord> {
    const { whenBusy, arm, world } = this.#options;
    const record = this.#now(id);
    const { vm, to } = request;
    const goesThere = record.to === to && record.back === null;
    if (goesThere) {
      await this.#follow(id, null, request.decision);
      return this.#now(id);
    }
    if (whenBusy === "finish") throw new MigrationError("BUSY", `'${vm}' is in migration ${record.number}`);
    if (world.directory.site(to) === null)
      throw new MigrationError("NO_SITE", `there is no data centre '${to}'`);
    // Kept before that one is ended: what was accepted is not lost.
    const decision = request.decision ?? null;
    await this.#follow(id, {
      to,
      reason: request.reason.slice(0, TEXT_MAX),
      arm: request.arm ?? arm,
      decision,
    });
    if (whenBusy === "cancel" || !this.#running.has(id))
      await this.#cancel(id, `to ${to} instead: ${request.reason}`);
    return this.#now(id);
  }

  /** What comes behind a migration that has not ended; and the decision that it carries out, where that is another one now. */
  async #follow(id: string, next: NextMove | null, other?: number | null): Promise<void> {
    const record = this.#now(id);
    const decision = other ?? record.decision;
    if (record.next === next && record.decision === decision) return;
    this.#running.get(id)?.follow(next, decision);
    this.#records.set(id, { ...record, next, decision });
    await this.#options.ledger.save([this.#now(id)]);
  }

  /** Resolves with whether it is not too late. */
  async #cancel(id: string, reason: string): Promise<boolean> {
    const migration = this.#running.get(id);
    if (migration !== undefined) return migration.cancel(reason);
    if (!hasEnded(this.#now(id).state))
      await this.#end(this.#now(id), { code: "CANCELLED", from: "controller", reason });
    return true;
  }

  #newRecord(request: MigrationRequest): MigrationRecord {
    const { world, arm } = this.#options;
    const machine = world.directory.machine(request.vm)!;
    const number = ++this.#number;
    const reason = request.reason.slice(0, TEXT_MAX);
    const at = wallMs(world.clock);
    return {
      id: `${this.#epoch}-${number}`,
      number,
      vm: request.vm,
      from: machine.dc,
      to: request.to,
      arm: request.arm ?? arm,
      state: "decided",
      reason,
      decision: request.decision ?? null,
      memory: machine.memory,
      mtu: machine.mtu,
      eids: machine.eids,
      rlocs: {
        source: world.directory.site(machine.dc)!.rlocs,
        target: world.directory.site(request.to)!.rlocs,
      },
      back: null,
      next: null,
      history: withStep([], { at, state: "decided", from: "controller", item: "F13.4 F14.2", what: reason }),
    };
  }

  /** As it is at this moment. */
  #now(id: string): MigrationRecord {
    return this.#running.get(id)?.record ?? this.#records.get(id)!;
  }

  // ---- Turns -----------------------------------------------------------------------------

  #admit(): void {
    if (!this.#acting) return;
    const { directory } = this.#options.world;
    for (const { id } of this.#admission.admit((ticket) => !this.#roomless.has(ticket.id))) {
      const record = this.#records.get(id)!;
      // The catalogue may say otherwise by now.
      const refusal = directoryRefusal(directory, record.vm, record.to);
      if (refusal === null) this.#begin(record);
      else void this.#end(record, refusal);
    }
  }

  #begin(record: MigrationRecord): void {
    this.#admission.take(record);
    const migration = new Migration(record, this.#environment);
    this.#running.set(record.id, migration);
    migration.begin();
  }

  /** Room at its target that earlier ones have been promised whose hypervisor does not count them yet. */
  #promised({ record: { number, to } }: Migration): Promised {
    const others = [...this.#running.values()].filter(
      ({ record, known }) =>
        record.number < number &&
        record.to === to &&
        (record.state === "decided" || record.state === "armed") &&
        known.landing === null,
    );
    return { guests: others.length, memory: others.reduce((sum, { record }) => sum + record.memory, 0) };
  }

  /** Only for those that go on: two that wait for each other's room would wait for ever. */
  #waitsForRoom(migration: Migration): boolean {
    const { record } = migration;
    if (this.#admission.leaving(record.to) === 0) return false;
    migration.halt();
    this.#running.delete(record.id);
    this.#records.set(record.id, record);
    this.#roomless.set(record.id, record.to);
    this.#admission.putBack(record);
    queueMicrotask(() => this.#admit());
    return true;
  }

  #entered(migration: Migration): void {
    const { record } = migration;
    this.#records.set(record.id, record);
    this.#options.entered(record);
    if (isEnded(record)) this.#ended(record);
  }

  /** Ends one that does not go on. */
  async #end(record: MigrationRecord, back: Refusal): Promise<void> {
    const state = back.code === "CANCELLED" ? "cancelled" : "failed";
    const at = wallMs(this.#options.world.clock);
    const history = withStep(record.history, { at, state, from: back.from, item: "", what: back.reason });
    const ended: EndedRecord = { ...record, state, back, history };
    this.#records.set(record.id, ended);
    this.#admission.leave(record.id);
    await this.#options.ledger.save([ended]).catch((error) => this.#unkept(record.id, error));
    if (!this.#acting) return;
    this.#options.entered(ended);
    this.#ended(ended);
  }

  #ended(record: EndedRecord): void {
    this.#running.delete(record.id);
    this.#admission.leave(record.id);
    if (this.#busy.get(record.vm) === record.id) this.#busy.delete(record.vm);
    for (const [id, dc] of this.#roomless)
      if (dc === record.from || dc === record.to) this.#roomless.delete(id);
    this.#roomless.delete(record.id);
    if (record.decision !== null)
      this.#options.finished?.(record.decision, record.vm, OUTCOMES[record.state], record.back?.reason ?? "");
    this.#goOn(record);
    this.#admit();
    this.#forget();
  }

  /** Begins what comes behind one that has ended. */
  #goOn(record: MigrationRecord): void {
    const { next, vm } = record;
    if (next === null) return;
    const behind = { ...record, next: null };
    this.#records.set(record.id, behind);
    void this.#start({ vm, ...next }, behind).catch(async (error) => {
      if (!this.#acting || !(error instanceof MigrationError)) return;
      const isThere = error.code === "SAME_SITE";
      if (next.decision !== null)
        this.#options.finished?.(next.decision, vm, isThere ? "done" : "failed", error.message);
      if (!isThere) this.#options.report(`'${vm}' does not go on to ${next.to}: ${error.message}`);
      await this.#options.ledger.save([behind]).catch((e) => this.#unkept(record.id, e));
    });
  }

  #forget(): void {
    const ended = [...this.#records.values()].filter(({ state }) => hasEnded(state));
    const old = ended.slice(0, Math.max(0, ended.length - this.#options.remembered)).map(({ id }) => id);
    if (old.length === 0) return;
    for (const id of old) this.#records.delete(id);
    this.#options.ledger.forget(old).catch((error) => this.#unkept(old.join(" "), error));
  }

  #unkept(what: string, error: unknown): void {
    this.#options.report(`${what}: the store does not take it: ${(error as Error).message}`);
  }
}
