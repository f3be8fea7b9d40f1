// What tshark has to say of a LISP packet of ours, by what our own decoders read in it.

import { nonceText } from "../../../../src/lisp/control/nonce-policy.js";
import { addressText } from "../../../../src/net/address.js";
import type { LispAddress } from "../../../../src/wire/lisp-control/address.js";
import type { MapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { LispControlMessage } from "../../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import type { MapNotify, MapRegister } from "../../../../src/wire/lisp-control/registration.js";

/** Values of tshark's fields: "" for one that is not there, several separated by commas. */
export type Fields = Readonly<Record<string, string>>;

const bit = (value: boolean): string => (value ? "1" : "0");
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const list = (values: readonly (string | number | boolean)[]): string =>
  values.map((v) => (typeof v === "boolean" ? bit(v) : String(v))).join(",");

/** IP addresses of one family among addresses, as tshark writes them. */
function ofFamily(addresses: readonly LispAddress[], bytes: 4 | 16): string {
  return list(
    addresses.flatMap((a) => (a.kind === "ip" && a.address.length === bytes ? [addressText(a.address)] : [])),
  );
}

/** What is inside instance-ID LCAFs, and the instance IDs. */
function instances(eids: readonly LispAddress[], prefix: "lisp.lcaf.iid"): Fields {
  const inside = eids.flatMap((e) => (e.kind === "instance" ? [e] : []));
  return {
    [prefix]: list(inside.map((e) => e.iid)),
    [`${prefix}.ipv4`]: ofFamily(
      inside.map((e) => e.address),
      4,
    ),
    [`${prefix}.ipv6`]: ofFamily(
      inside.map((e) => e.address),
      16,
    ),
  };
}

function requestFields(m: MapRequest): Fields {
  const eids = m.records.map((r) => r.eid);
  return {
    "lisp.nonce": `0x${nonceText(m.nonce)}`,
    "lisp.irc": String(m.itrRlocs.length - 1),
    "lisp.records": String(m.records.length),
    "lisp.mreq.flags.auth": bit(m.authoritative),
    "lisp.mreq.flags.mrp": bit(m.mapData !== null),
    "lisp.mreq.flags.probe": bit(m.probe),
    "lisp.mreq.flags.smr": bit(m.smr),
    "lisp.mreq.flags.pitr": bit(m.proxyItr),
    "lisp.mreq.flags.smri": bit(m.smrInvoked),
    "lisp.mreq.srceid.ipv4": ofFamily([m.sourceEid], 4),
    "lisp.mreq.srceid_ipv6": ofFamily([m.sourceEid], 16),
    "lisp.mreq.itr_rloc_ipv4": ofFamily(m.itrRlocs, 4),
    "lisp.mreq.itr_rloc_ipv6": ofFamily(m.itrRlocs, 16),
    "lisp.mreq.record.prefix.length": list(m.records.map((r) => r.maskLength)),
    "lisp.mreq.record.prefix.ipv4": ofFamily(eids, 4),
    "lisp.mreq.record.prefix.ipv6": ofFamily(eids, 16),
    ...instances([m.sourceEid, ...eids], "lisp.lcaf.iid"),
  };
}

function recordFields(records: readonly EidRecord[]): Fields {
  const eids = records.map((r) => r.eid);
  const locators = records.flatMap((r) => r.locators);
  return {
    "lisp.records": String(records.length),
    "lisp.mapping.ttl": list(records.map((r) => r.ttl)),
    "lisp.mapping.loccnt": list(records.map((r) => r.locators.length)),
    "lisp.mapping.eid.masklen": list(records.map((r) => r.maskLength)),
    "lisp.mapping.act": list(records.map((r) => r.action)),
    "lisp.mapping.auth": list(records.map((r) => r.authoritative)),
    "lisp.mapping.ver": list(records.map((r) => r.version)),
    "lisp.mapping.eid.ipv4": ofFamily(eids, 4),
    "lisp.mapping.eid.ipv6": ofFamily(eids, 16),
    "lisp.loc.priority": list(locators.map((l) => l.priority)),
    "lisp.loc.weight": list(locators.map((l) => l.weight)),
    "lisp.loc.multicast_priority": list(locators.map((l) => l.mpriority)),
    "lisp.loc.multicast_weight": list(locators.map((l) => l.mweight)),
    "lisp.loc.flags.local": list(locators.map((l) => l.local)),
    "lisp.loc.flags.probe": list(locators.map((l) => l.probed)),
    "lisp.loc.flags.reach": list(locators.map((l) => l.reachable)),
    "lisp.loc.locator": list(locators.map((l) => (l.rloc.kind === "ip" ? addressText(l.rloc.address) : "?"))),
    ...instances(eids, "lisp.lcaf.iid"),
  };
}

function replyFields(m: MapReply): Fields {
  return {
    "lisp.nonce": `0x${nonceText(m.nonce)}`,
    "lisp.mrep.flags.probe": bit(m.probe),
    "lisp.mrep.flags.enlr": bit(m.echoNonce),
    "lisp.mrep.flags.sec": bit(m.security),
    ...recordFields(m.records),
  };
}

function registeredFields(m: MapRegister | MapNotify): Fields {
  const { keyId, algorithm, data } = m.authentication;
  return {
    "lisp.nonce": `0x${nonceText(m.nonce)}`,
    // tshark knows one field of 16 bits, from before RFC 9301.
    "lisp.keyid": `0x${(keyId * 256 + algorithm).toString(16).padStart(4, "0")}`,
    "lisp.authlen": String(data.length),
    // tshark's word for none.
    "lisp.auth": data.length === 0 ? "<MISSING>" : hexOf(data),
    ...(m.type !== "map-register"
      ? {}
      : {
          "lisp.mreg.flags.pmr": bit(m.proxyReply),
          "lisp.mreg.flags.sec": bit(m.security),
          "lisp.mreg.flags.xtrid": bit(m.ids !== null),
          "lisp.mreg.flags.wmn": bit(m.wantNotify),
          "lisp.xtrid": m.ids === null ? "" : hexOf(m.ids.xtrId),
          "lisp.siteid": m.ids?.siteId ? hexOf(m.ids.siteId) : "",
        }),
    ...recordFields(m.records),
  };
}

const TYPES: Readonly<Record<string, string>> = {
  "map-request": "1",
  "map-reply": "2",
  "map-register": "3",
  "map-notify": "4",
};

/** What tshark has to read in a control message; null for types that it does not know. */
export function controlFields(message: LispControlMessage): Fields | null {
  if (message.type === "encapsulated-control") {
    const inner = message.inner === null ? null : controlFields(message.inner.message);
    if (inner === null) return null;
    const ecm = { "lisp.ecm.flags.sec": bit(message.security), "lisp.ecm.flags.ddt": bit(message.ddt) };
    return { ...inner, ...ecm, "lisp.type": `8,${inner["lisp.type"]}` };
  }
  const type = TYPES[message.type];
  if (type === undefined) return null;
  const fields =
    message.type === "map-request"
      ? requestFields(message)
      : message.type === "map-reply"
        ? replyFields(message)
        : registeredFields(message as MapRegister | MapNotify);
  return { "lisp.type": type, ...fields };
}

/** The same for a data header: its first 8 bytes (RFC 9300, section 5.1). */
export function dataFields(header: Uint8Array): Fields {
  const view = new DataView(header.buffer, header.byteOffset, 8);
  const [flags, first, second] = [header[0], view.getUint32(0) & 0xffffff, view.getUint32(4)];
  const has = (mask: number): boolean => (flags & mask) !== 0;
  const iid = has(0x08);
  return {
    "lisp-data.flags.nonce": bit(has(0x80)),
    "lisp-data.flags.lsb": bit(has(0x40)),
    "lisp-data.flags.enr": bit(has(0x20)),
    "lisp-data.flags.mv": bit(has(0x10)),
    "lisp-data.flags.iid": bit(iid),
    "lisp-data.nonce": has(0x80) ? String(first) : "",
    "lisp-data.srcmapver": has(0x10) ? String(first >>> 12) : "",
    "lisp-data.dstmapver": has(0x10) ? String(first & 0xfff) : "",
    "lisp-data.iid": iid ? String(second >>> 8) : "",
  };
}
