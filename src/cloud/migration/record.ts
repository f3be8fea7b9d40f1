// One migration as it is kept: what a controller needs to go on with it that knows nothing else, and its history.

import { addressText, findAddress } from "../../net/address.js";
import { IID_MAX } from "../../net/eid.js";
import { type Clock, wallTime } from "../../router/clock.js";
import { StoreError } from "../../router/store.js";
import { ARM_NAMES, type ArmName } from "./arms.js";
import type { MovingEid } from "./seams.js";

export const STATES = [
  "decided",
  "armed",
  "requested",
  "running",
  "stopped",
  "resumed",
  "redirected",
  "settled",
  "cancelling",
  "cancelled",
  "failed",
] as const;
export type State = (typeof STATES)[number];

/** A state is kept before what belongs to it is asked for: it says what may have happened. */
export type EndState = "settled" | "cancelled" | "failed";

export function hasEnded(state: State): state is EndState {
  return state === "settled" || state === "cancelled" || state === "failed";
}

/** Why a migration is not begun, or goes back. */
export interface Refusal {
  /** As of MigrationError and HypervisorError. */
  readonly code: string;
  /** Who says so: `hypervisor dc1`, `controller`. */
  readonly from: string;
  readonly reason: string;
}

/** A line of a migration's history. */
export interface Step {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly state: State;
  /** Who said or did it: `controller`, `hypervisor dc1`, `routers dc2`, `mapping`. */
  readonly from: string;
  /** Of the paper, where it has a name there: `F15.4`; "" otherwise. */
  readonly item: string;
  readonly what: string;
}

/** A decision about a virtual machine. */
export interface NextMove {
  /** Data centre. */
  readonly to: string;
  readonly reason: string;
  readonly arm: ArmName;
  readonly decision: number | null;
}

export interface MigrationRecord {
  /** For ever: hypervisors know the migration by it. */
  readonly id: string;
  /** Order among the migrations of a store. */
  readonly number: number;
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  readonly arm: ArmName;
  readonly state: State;
  /** Why it was decided. */
  readonly reason: string;
  /** Number of the decision that it carries out; null: it was asked for otherwise. */
  readonly decision: number | null;
  /** Bytes. */
  readonly memory: number;
  readonly mtu: number;
  readonly eids: readonly MovingEid[];
  /** RLOCs of the tunnel routers at both ends. */
  readonly rlocs: { readonly source: readonly Uint8Array[]; readonly target: readonly Uint8Array[] };
  /** Why it goes back, or did. */
  readonly back: Refusal | null;
  /** What was decided about the virtual machine meanwhile, and comes behind this. */
  readonly next: NextMove | null;
  readonly history: readonly Step[];
}

/** Lines of a history; of more, those in the middle are left out. */
const HISTORY_MAX = 96;
const HISTORY_FIRST = 32;
/** Characters of a reason, or of a line of a history. */
export const TEXT_MAX = 200;
/** Bytes of a record, addresses of one virtual machine or data centre. */
const BYTES_MAX = 65_536;
const ADDRESSES_MAX = 64;
const FORMAT = 1;

/** Wall clock, milliseconds since 1970. */
export function wallMs(clock: Clock): number {
  const { seconds, nanoseconds } = wallTime(clock, clock.now());
  return seconds * 1000 + Math.floor(nanoseconds / 1e6);
}

/** A history with one line more. */
export function withStep(history: readonly Step[], step: Step): readonly Step[] {
  const more = [...history, { ...step, what: step.what.slice(0, TEXT_MAX) }];
  return more.length > HISTORY_MAX ? more.toSpliced(HISTORY_FIRST, 1) : more;
}

export function encodeRecord(record: MigrationRecord): Uint8Array {
  const { eids, rlocs, ...rest } = record;
  return Buffer.from(
    JSON.stringify({
      format: FORMAT,
      ...rest,
      eids: eids.map(({ iid, address }) => ({ iid, address: addressText(address) })),
      rlocs: { source: rlocs.source.map(addressText), target: rlocs.target.map(addressText) },
    }),
  );
}

/** Throws StoreError for bytes that no such program has written. */
export function decodeRecord(bytes: Uint8Array): MigrationRecord {
  if (bytes.length > BYTES_MAX) throw new StoreError("the record of a migration is too long");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new StoreError("the record of a migration is no JSON");
  }
  const o = fields(value, "the record");
  if (o.format !== FORMAT) throw new StoreError("a migration in a format that this program does not know");
  const rlocs = fields(o.rlocs, "rlocs");
  return {
    id: text(o, "id"),
    number: whole(o, "number", Number.MAX_SAFE_INTEGER),
    vm: text(o, "vm"),
    from: text(o, "from"),
    to: text(o, "to"),
    arm: one(o, "arm", ARM_NAMES),
    state: one(o, "state", STATES),
    reason: text(o, "reason"),
    decision: decisionOf(o),
    memory: whole(o, "memory", Number.MAX_SAFE_INTEGER),
    mtu: whole(o, "mtu", 65_535),
    eids: list(o, "eids", ADDRESSES_MAX).map((item) => {
      const eid = fields(item, "an EID");
      return { iid: whole(eid, "iid", IID_MAX), address: address(eid.address) };
    }),
    rlocs: {
      source: list(rlocs, "source", ADDRESSES_MAX).map(address),
      target: list(rlocs, "target", ADDRESSES_MAX).map(address),
    },
    back: o.back === null ? null : refusal(o.back),
    next: o.next === null ? null : nextMove(o.next),
    history: list(o, "history", HISTORY_MAX).map(step),
  };
}

function nextMove(value: unknown): NextMove {
  const o = fields(value, "next");
  return {
    to: text(o, "to"),
    reason: text(o, "reason"),
    arm: one(o, "arm", ARM_NAMES),
    decision: decisionOf(o),
  };
}

function decisionOf(o: Fields): number | null {
  return o.decision === null ? null : whole(o, "decision", Number.MAX_SAFE_INTEGER);
}

function refusal(value: unknown): Refusal {
  const o = fields(value, "back");
  return { code: text(o, "code"), from: text(o, "from"), reason: text(o, "reason", 1000) };
}

function step(value: unknown): Step {
  const o = fields(value, "a step");
  return {
    at: whole(o, "at", Number.MAX_SAFE_INTEGER),
    state: one(o, "state", STATES),
    from: text(o, "from"),
    item: text(o, "item"),
    what: text(o, "what"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new StoreError(`a migration whose ${what} is no object`);
  return value as Fields;
}

function text(o: Fields, name: string, most = TEXT_MAX): string {
  const value = o[name];
  if (typeof value !== "string" || value.length > most) throw wrong(name);
  return value;
}

function whole(o: Fields, name: string, most: number): number {
  const value = o[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) throw wrong(name);
  return value;
}

function one<T extends string>(o: Fields, name: string, known: readonly T[]): T {
  const value = known.find((word) => word === o[name]);
  if (value === undefined) throw wrong(name);
  return value;
}

function list(o: Fields, name: string, most: number): readonly unknown[] {
  const value = o[name];
  if (!Array.isArray(value) || value.length > most) throw wrong(name);
  return value;
}

function address(value: unknown): Uint8Array {
  const found = typeof value === "string" ? findAddress(value) : null;
  if (found === null) throw wrong("address");
  return Uint8Array.from(found);
}

function wrong(name: string): StoreError {
  return new StoreError(`a migration whose field '${name}' cannot be read`);
}
