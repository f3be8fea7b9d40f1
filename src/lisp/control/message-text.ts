// A LISP control message in one line, for logs and people.

import { addressText } from "../../net/address.js";
import { addressBits, type EidFields, type LispAddress } from "../../wire/lisp-control/address.js";
import type { GeoAngle, PathHop } from "../../wire/lisp-control/lcaf.js";
import type { LispControlMessage } from "../../wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../wire/lisp-control/record.js";
import { ACTIONS } from "../mapping.js";
import { nonceText } from "./nonce-policy.js";

/**
 * An address as text: an IP address, `[7]10.0.0.1` within instance 7, `-` for none; an LCAF with what is in it,
 * `path(10.0.0.1:S 10.0.0.2)`, `list(10.0.0.1 fd00::1)`.
 */
export function lispAddressText(address: LispAddress): string {
  switch (address.kind) {
    case "none":
      return "-";
    case "ip":
      return addressText(address.address);
    case "name":
      return JSON.stringify(address.name);
    case "mac":
      return Array.from(address.address, (b) => b.toString(16).padStart(2, "0")).join(":");
    case "instance":
      return `[${address.iid}]${lispAddressText(address.address)}`;
    case "list":
      return `list(${address.addresses.map(lispAddressText).join(" ")})`;
    case "path":
      return `path(${address.hops.map((h) => `${lispAddressText(h.address)}${hopFlags(h)}`).join(" ")})`;
    case "replication":
      return `replication(${address.entries.map((e) => `${lispAddressText(e.address)}@${e.level}`).join(" ")})`;
    case "geo":
      return `geo(${angleText(address.latitude)}${address.north ? "N" : "S"} ${angleText(address.longitude)}${address.east ? "E" : "W"})${inner(address.address)}`;
    case "source-destination":
      return `source(${lispAddressText(address.source)}/${address.sourceLength} ${lispAddressText(address.destination)}/${address.destinationLength})`;
    case "nat":
      return `nat(${[address.globalEtr, address.ms, address.privateEtr, ...address.rtrs].map(lispAddressText).join(" ")})`;
    case "opaque":
      return `lcaf-${address.lcafType}(${Buffer.from(address.body).toString("hex")})`;
  }
}

/** L, P and S bits of a hop (RFC 8060, section 4.6). */
function hopFlags(hop: PathHop): string {
  const set = `${hop.lookup ? "L" : ""}${hop.probe ? "P" : ""}${hop.strict ? "S" : ""}`;
  return set === "" ? "" : `:${set}`;
}

function angleText({ degrees, minutes, seconds }: GeoAngle): string {
  return `${degrees}-${minutes}-${seconds}-`;
}

function inner(address: LispAddress): string {
  return address.kind === "none" ? "" : lispAddressText(address);
}

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
    case "encapsulated-control":
      return `ECM (${m.inner === null ? "unreadable" : messageText(m.inner.message)})`;
    default:
      return `${m.type}${"nonce" in m ? ` ${nonceText(m.nonce)}` : ""}`;
  }
}

function recordsText(records: readonly EidRecord[]): string {
  return records.map(eidRecordText).join("; ");
}
