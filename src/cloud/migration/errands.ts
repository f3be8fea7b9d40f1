// Does what a state asks for, over the seams, and notes what comes of it.

import { addressText, sameAddress } from "../../net/address.js";
import type { Announcement, GuestSpec, GuestStatus, Hypervisor } from "../hypervisor.js";
import { HypervisorError } from "../hypervisor.js";
import { ARMS, type Told } from "./arms.js";
import type { Knowledge } from "./knowledge.js";
import { holdOf, type SequenceOptions } from "./options.js";
import { type Promised, sourceRefusal, targetRefusal } from "./preflight.js";
import type { MigrationRecord, Refusal } from "./record.js";
import {
  MappingSystemError,
  type MigrationWorld,
  type RouterAnswer,
  type Side,
  type Signal,
} from "./seams.js";
import type { Claim, Errand } from "./stages.js";
import { errandName } from "./stages.js";

/** Of the migration whose errands these are. */
export interface ErrandContext {
  readonly record: MigrationRecord;
  readonly known: Knowledge;
  readonly world: MigrationWorld;
  readonly options: SequenceOptions;
  /** Room at the target that other migrations have been promised. */
  promised(): Promised;
  /** Whether it waits, halted, as others are about to leave from a target that is full. */
  waitsForRoom(): boolean;
  /** RLOCs of both ends are known better now. */
  locate(rlocs: MigrationRecord["rlocs"]): void;
  note(from: string, what: string, item?: string): void;
}

export function dcOf(record: MigrationRecord, side: Side): string {
  return side === "source" ? record.from : record.to;
}

/** Of CONFIRMED, what all tunnel routers must have heard: one that has not would deliver to it still. */
const EVERY_ROUTER = "tell source left";

/**
 * Resolves with whether it is done; not: it is to be tried again. What it was refused for is in the knowledge. Does not
 * reject.
 */
export async function perform(errand: Errand, context: ErrandContext): Promise<boolean> {
  try {
    return await ask(errand, context);
  } catch (error) {
    return failed(errand, context, error);
  }
}

async function ask(errand: Errand, context: ErrandContext): Promise<boolean> {
  const { record, known, options } = context;
  switch (errand.kind) {
    case "status":
      return status(errand.side, context);
    case "inCharge":
      return inCharge(errand.side, context);
    case "prepare": {
      const hypervisor = hypervisorAt("target", context);
      const guest: GuestSpec = {
        name: record.vm,
        memory: record.memory,
        mtu: record.mtu,
        addresses: record.eids.map(({ address }) => address),
      };
      known.landing = await hypervisor.prepareIncoming(
        record.id,
        guest,
        holdOf(options.patience),
        announcement(record, "target"),
      );
      return true;
    }
    case "migrate": {
      const announce = announcement(record, "source");
      await hypervisorAt("source", context).migrate(record.id, record.vm, known.landing!, {
        downtimeLimit: options.downtimeLimit,
        bandwidth: options.bandwidth,
        deadline: options.patience.running,
        ...(announce === undefined ? {} : { announce }),
      });
      return true;
    }
    case "look": {
      const looked = known.asks(errand.side, record);
      looked(await guestAt(hypervisorAt(errand.side, context), record.vm));
      return true;
    }
    case "locate":
      await locate(context);
      return true;
    case "cancel":
      await hypervisorAt(errand.side, context).cancel(record.id, isGone(errand.side, known));
      known.saw(errand.side, errand.side === "source" ? "running" : "absent");
      return true;
    case "tell":
      return tell(errand.told, context);
  }
}

/** Whether the source need not ask the target if it runs there: that has cancelled it. */
function isGone(side: Side, { done, target }: Knowledge): boolean {
  return side === "source" && target === "absent" && done.has(errandName({ kind: "cancel", side: "target" }));
}

/** What a rejection means: for what goes on a refusal, for the ways back and forward that it is tried again. */
function failed(errand: Errand, context: ErrandContext, error: unknown): boolean {
  const { record, known } = context;
  if (!(error instanceof HypervisorError || error instanceof MappingSystemError)) throw error;
  const name = errandName(errand);
  if (error.code === "UNREACHABLE") return false;
  if (error instanceof MappingSystemError) return false;
  const from = `hypervisor ${dcOf(record, "side" in errand ? errand.side : errand.kind === "prepare" ? "target" : "source")}`;
  if (error.code === "TOO_LATE") {
    // It may be that an event of long ago is on its way still.
    known.saw("target", "running");
    return true;
  }
  context.note(from, `refuses to ${name}: ${error.message}`);
  if (errand.kind === "prepare" || errand.kind === "migrate" || errand.kind === "status")
    known.refuse({ code: error.code, from, reason: error.message });
  return false;
}

function hypervisorAt(side: Side, { world, record }: ErrandContext): Hypervisor {
  const dc = dcOf(record, side);
  const hypervisor = world.hypervisor(dc);
  if (hypervisor === null) throw new HypervisorError("UNREACHABLE", `${dc} has no hypervisor any more`);
  return hypervisor;
}

async function guestAt(hypervisor: Hypervisor, name: string): Promise<GuestStatus | null> {
  if (hypervisor.guest !== undefined) return hypervisor.guest(name);
  return (await hypervisor.guests()).find((guest) => guest.name === name) ?? null;
}

async function status(side: Side, context: ErrandContext): Promise<boolean> {
  const { record, known } = context;
  const hypervisor = hypervisorAt(side, context);
  const [now, guest] = await Promise.all([hypervisor.status(), guestAt(hypervisor, record.vm)]);
  known.status[side] = now;
  const refusal: Refusal | null =
    side === "source" ? sourceRefusal(record, guest) : targetRefusal(record, now, guest, context.promised());
  if (refusal === null) return true;
  if (refusal.code === "FULL" && context.waitsForRoom()) return false;
  known.refuse(refusal);
  return true;
}

/** What the mapping system does not know is as the catalogue has it. */
async function inCharge(side: Side, context: ErrandContext): Promise<boolean> {
  const { record, world } = context;
  const dc = dcOf(record, side);
  let rlocs: readonly Uint8Array[] = [];
  try {
    rlocs = await world.mapping.inCharge(dc);
  } catch (error) {
    if (!(error instanceof MappingSystemError) || error.code !== "UNKNOWN") throw error;
  }
  if (rlocs.length === 0) {
    context.note("catalogue", `in charge of ${dc}: ${record.rlocs[side].map(addressText).join(" ")}`);
    return true;
  }
  context.note("mapping", `in charge of ${dc}: ${rlocs.map(addressText).join(" ")}`, "F14.3");
  context.locate({ ...context.record.rlocs, [side]: rlocs });
  return true;
}

function announcement(record: MigrationRecord, side: Side): Announcement | undefined {
  const arm = ARMS[record.arm];
  const announced = side === "source" ? arm.stop : arm.resume;
  const { iid } = record.eids[0];
  // An announcement has one instance ID; for others the controller's own signals have to do.
  if (announced === null || record.eids.some((eid) => eid.iid !== iid)) return undefined;
  const rlocs = announced.names === null ? [] : record.rlocs[announced.names];
  return { iid, locators: rlocs.map((rloc) => ({ rloc, priority: 1, weight: 100 })) };
}

async function tell(told: Told, context: ErrandContext): Promise<boolean> {
  const { record, known, world, options } = context;
  const dc = dcOf(record, told.to);
  const signal: Signal = {
    event: told.event,
    eids: record.eids,
    rlocs: told.names === null ? [] : record.rlocs[told.names],
    patience: holdOf(options.patience),
  };
  const name = errandName({ kind: "tell", told });
  // What is only told again is not worth a line.
  const note = (from: string, what: string, item = ""): void => {
    if (record.state !== "running") context.note(from, what, item);
  };
  const moves = told.event === "arrived" || told.event === "left";
  const forward = record.state === "resumed" || record.state === "redirected";
  note("controller", `tells the routers of ${dc}: ${told.event}`, moves && forward ? "F14.5 F15.4" : "");
  const answers = await world.routers.send(dc, signal);
  // One that has not got what is to leave cannot send it on.
  const refusing = answers.find(
    ({ status }) => status === "refused" || (status === "absent" && told.event === "leaving"),
  );
  if (refusing !== undefined) {
    const reason = refusing.status === "absent" ? "it is not here" : refusing.reason;
    note(`routers ${dc}`, `refuse ${told.event}: ${reason}`);
    if (record.state === "armed")
      known.refuse({ code: "REFUSED", from: `routers ${dc}`, reason: `${told.event}: ${reason}` });
    return false;
  }
  if (!heard(name, answers)) return false;
  note(`routers ${dc}`, `acknowledge ${told.event}`, told.event === "left" ? "F15.6" : "");
  if (moves) known.confirmed.add(name);
  return true;
}

/** One of several that is down does not hold a migration up, unless it could go on delivering to who has left. */
function heard(name: string, answers: readonly RouterAnswer[]): boolean {
  const answered = answers.filter(({ status }) => status !== "silent");
  return name === EVERY_ROUTER ? answered.length === answers.length : answered.length > 0;
}

async function locate({ record, known, world }: ErrandContext): Promise<void> {
  const found = await Promise.all(record.eids.map((eid) => world.mapping.locate(eid)));
  for (const [i, rlocs] of found.entries()) known.claims[i] = claimant(record, rlocs);
}

/** Whose tunnel routers these are. */
export function claimant(record: MigrationRecord, rlocs: readonly Uint8Array[]): Claim {
  const among = (known: readonly Uint8Array[]): boolean =>
    rlocs.length > 0 && rlocs.every((rloc) => known.some((other) => sameAddress(rloc, other)));
  if (among(record.rlocs.target)) return "target";
  return among(record.rlocs.source) ? "source" : "nobody";
}
