// A LISP control message in one line, for logs and people.

import { addressBits, type EidFields } from "../../wire/lisp-control/address.js";
import { type ChangePriority, statusName } from "../../wire/lisp-control/change-priority.js";
import type { LispControlMessage } from "../../wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../wire/lisp-control/record.js";
import { lispAddressText } from "../address-text.js";
import { ACTIONS } from "../mapping.js";
import { nonceText } from "./nonce-policy.js";

/** The EID of a record, of any kind, with the mask length where that counts. */
function recordEidText({ eid, maskLength }: EidFields): string {
  return addressBits(eid) === null ? lispAddressText(eid) : `${lispAddressText(eid)}/${maskLength}`;
}

/** `192.0.2.1/1/100`, with `/down` behind it where the R bit is clear. */
export function rlocText(l: RlocRecord): string {
  return `${lispAddressText(l.rloc)}/${l.priority}/${l.weight}${l.reachable ? "" : "/down"}`;
}

/** `10.1.0.0/16 ttl 1440 192.0.2.1/1/100`, the TTL in minutes. */
export function eidRecordText(record: EidRecord): string {
  const what =
    record.locators.length > 0
      ? record.locators.map(rlocText)
      : [ACTIONS[record.action] ?? `action ${record.action}`];
  return [recordEidText(record), "ttl", record.ttl, ...what].join(" ");
}

/** Words for the bits that are set. */
function flags(bits: Readonly<Record<string, boolean>>): string {
  return Object.entries(bits)
    .filter(([, set]) => set)
    .map(([name]) => ` ${name}`)
    .join("");
}

/** A message in one line: its type, nonce, bits that are set, and records, separated by semicolons. */
export function messageText(m: LispControlMessage): string {
  switch (m.type) {
    case "map-request": {
      const bits = { probe: m.probe, smr: m.smr, "smr-invoked": m.smrInvoked, pitr: m.proxyItr };
      const asked = m.records.map((r) => `${recordEidText(r)}${flags({ subscribe: r.subscribe })}`);
      const itrs = m.itrRlocs.map(lispAddressText).join(" ");
      return `Map-Request ${nonceText(m.nonce)}${flags(bits)} ${asked.join("; ")} from ${lispAddressText(m.sourceEid)} at ${itrs}`;
    }
    case "map-reply":
      return `Map-Reply ${nonceText(m.nonce)}${flags({ probe: m.probe, "echo-nonce": m.echoNonce })} ${recordsText(m.records)}`;
    case "map-register": {
      const bits = { proxy: m.proxyReply, merge: m.merge, notify: m.wantNotify, "use-ttl": m.useTtl };
      const { keyId, algorithm } = m.authentication;
      return `Map-Register ${nonceText(m.nonce)} key ${keyId}.${algorithm}${flags(bits)} ${recordsText(m.records)}`;
    }
    case "map-notify":
    case "map-notify-ack": {
      const { keyId, algorithm } = m.authentication;
      const name = m.type === "map-notify" ? "Map-Notify" : "Map-Notify-Ack";
      return `${name} ${nonceText(m.nonce)} key ${keyId}.${algorithm} ${recordsText(m.records)}`;
    }
    case "change-priority":
      return changePriorityText(m);
    case "encapsulated-control":
      return `ECM (${m.inner === null ? "unreadable" : messageText(m.inner.message)})`;
    default:
      return `${m.type}${"nonce" in m ? ` ${nonceText(m.nonce)}` : ""}`;
  }
}

function changePriorityText(m: ChangePriority): string {
  const { keyId, algorithm } = m.authentication;
  const what = m.acknowledges ? `acknowledged: ${statusName(m.status)} ` : "";
  return `Change-Priority ${nonceText(m.nonce)} key ${keyId}.${algorithm} ${m.role} ${m.event} ${what}${recordsText(m.records)}`.trimEnd();
}

function recordsText(records: readonly EidRecord[]): string {
  return records.map(eidRecordText).join("; ");
}
