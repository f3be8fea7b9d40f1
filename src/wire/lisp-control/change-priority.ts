// Change-Priority (Raad, Secci et al., CNSM 2013; Follow-Me Cloud): tells tunnel routers at once where an EID is. It has no
// number of its own: here it is a LISP Shared Extension (RFC 9304) of a sub-type that is not registered.
//
//   bits    field
//   0-3     Type = 15
//   4-15    Sub-type = 2014
//   16-19   H N R C: exactly one of them
//   20      A: an acknowledgement
//   21-23   Event
//   24-31   Record Count
//   64      Nonce
//   8 8 16  Key ID, Algorithm ID, Authentication Data Length; Authentication Data
//   8       Status (with A; else reserved)
//   24      Reserved
//           EID-Records (RFC 9301, section 5.4)

import type { Reader, Writer } from "./cursor.js";
import { type EidRecord, readEidRecord, repeat, writeEidRecord } from "./record.js";
import {
  type Authentication,
  NO_AUTHENTICATION,
  readAuthentication,
  writeAuthentication,
} from "./registration.js";

/** Sub-type of the Shared Extension: out of those that are first come, first served (RFC 9304, section 5.2). */
export const CHANGE_PRIORITY_SUBTYPE = 2014;

/**
 * `hypervisor` (H): to a tunnel router of the site that an EID comes to or leaves. `new` (N): to a tunnel router that had
 * it. `reply` (R): its answer, who talks with the EID. `cache` (C): to such a peer.
 */
export const CHANGE_ROLES = ["hypervisor", "new", "reply", "cache"] as const;
export type ChangeRole = (typeof CHANGE_ROLES)[number];

/** By number. The two without a name are not assigned. */
export const CHANGE_EVENTS = [
  "unassigned-0",
  "arrived",
  "left",
  "expect",
  "leaving",
  "cancel",
  "peers",
  "unassigned-7",
] as const;
export type ChangeEvent = (typeof CHANGE_EVENTS)[number];

/** What an acknowledgement says, by number. */
export const CHANGE_STATUSES = [
  /** What was asked is so. */
  "done",
  /** The key may not speak for one of the EIDs, or not in this role. */
  "unauthorized",
  /** An event that is not known, or not in this role. */
  "unknown-event",
  /** The EID is neither here nor armed, or nobody knows where it goes. */
  "not-hosted",
  /** No place, or no range, for the EID. */
  "no-room",
  /** The receiver does nothing for such messages. */
  "switched-off",
  /** A later message about the EID came first. */
  "superseded",
  /** The receiver knows better: it hosts the EID, or its configuration says where that is. */
  "contradicted",
  /** No record, an EID that is no single address of the receiver's instance, or locators that cannot be used. */
  "unusable",
  /** A reply to nothing that was asked. */
  "unexpected",
] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

const A_BIT = 0x0800;
const ROLE_SHIFT = 12;
const EVENT_SHIFT = 8;
const TYPE = (0xf000 | CHANGE_PRIORITY_SUBTYPE) * 0x10000;

export interface ChangePriority {
  readonly type: "change-priority";
  readonly role: ChangeRole;
  readonly event: ChangeEvent;
  /** A: acknowledges the message with this nonce. */
  readonly acknowledges: boolean;
  readonly nonce: bigint;
  readonly authentication: Authentication;
  /** Index into CHANGE_STATUSES, up to 255; 0 where it is no acknowledgement. */
  readonly status: number;
  readonly records: readonly EidRecord[];
  /** Reserved bits of the word that begins with the status, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

/** A plain message: what `fields` do not say is not set. */
export function changePriority(
  fields: Partial<ChangePriority> & Pick<ChangePriority, "role" | "event" | "nonce" | "records">,
): ChangePriority {
  return {
    type: "change-priority",
    acknowledges: false,
    authentication: NO_AUTHENTICATION,
    status: 0,
    ...fields,
  };
}

/** The name of a status; `status 200` for one without. */
export function statusName(status: number): string {
  return CHANGE_STATUSES[status] ?? `status ${status}`;
}

/** Throws BAD_FIELD where not exactly one of H, N, R and C is set. */
export function readChangePriority(r: Reader): ChangePriority {
  const at = r.at;
  const word = r.u32("Change-Priority") & 0xffff;
  const role = CHANGE_ROLES.findIndex((_, i) => word >>> ROLE_SHIFT === roleBit(i));
  if (role < 0)
    throw r.error("BAD_FIELD", `not exactly one role: 0x${(word >>> ROLE_SHIFT).toString(16)}`, at + 2);
  const acknowledges = (word & A_BIT) !== 0;
  const nonce = r.u64("nonce");
  const authentication = readAuthentication(r);
  const tail = r.u32("Status");
  return {
    type: "change-priority",
    role: CHANGE_ROLES[role],
    event: CHANGE_EVENTS[(word >>> EVENT_SHIFT) & 7],
    acknowledges,
    nonce,
    authentication,
    status: acknowledges ? tail >>> 24 : 0,
    records: repeat(word & 0xff, () => readEidRecord(r)),
    ...r.reserved({ reserved: (tail & tailReserved(acknowledges)) >>> 0 }),
    ...r.trailer(),
  };
}

export function writeChangePriority(w: Writer, m: ChangePriority): void {
  w.check(m.records.length, 255, "record count");
  w.check(m.status, m.acknowledges ? 0xff : 0, "status");
  const role = CHANGE_ROLES.indexOf(m.role);
  const event = CHANGE_EVENTS.indexOf(m.event);
  if (role < 0 || event < 0) throw w.error("BAD_FIELD", `no role '${m.role}', or no event '${m.event}'`);
  const flags = (roleBit(role) << ROLE_SHIFT) | (m.acknowledges ? A_BIT : 0) | (event << EVENT_SHIFT);
  w.u32(TYPE + flags + m.records.length, "Change-Priority");
  w.u64(m.nonce, "nonce");
  writeAuthentication(w, m.authentication);
  const reserved = w.reserved(m.reserved, tailReserved(m.acknowledges));
  w.u32(m.status * 0x1000000 + reserved, "Status");
  for (const record of m.records) writeEidRecord(w, record);
  if (m.trailer !== undefined) w.raw(m.trailer);
}

/** H is the first of the four bits. */
function roleBit(role: number): number {
  return 8 >>> role;
}

function tailReserved(acknowledges: boolean): number {
  return acknowledges ? 0xffffff : 0xffffffff;
}
