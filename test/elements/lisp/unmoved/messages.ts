// Messages as an attacker, or a peer, would send them to the world of world.ts.

import { type AuthenticationKey, authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapReply, mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { LispControlMessage, PlainControlMessage } from "../../../../src/wire/lisp-control/message.js";
import {
  type MapNotify,
  type MapRegister,
  mapNotify,
  mapRegister,
} from "../../../../src/wire/lisp-control/registration.js";
import { record } from "../control.js";

export const XTR = "192.0.2.1";
export const MS = "192.0.2.100";
export const OTHER = "192.0.2.50";
export const key = (secret: string, id = 0): AuthenticationKey => ({ id, secret: Buffer.from(secret) });
export const A = key("secret-a");
export const B = key("secret-b");
export const HUB = key("hub", 3);
export const IDS = { xtrId: new Uint8Array(16).fill(5), siteId: new Uint8Array(8).fill(9) };

export function eidRequest(eid: string, fields: Partial<MapRequest> = {}): MapRequest {
  return mapRequest({
    nonce: 77n,
    itrRlocs: [ipAddress(parseRloc(OTHER))],
    records: [{ eid: ipAddress(parseRloc(eid)), maskLength: 32, subscribe: false }],
    ...fields,
  });
}

export const subscription = (nonce: bigint, fields: Partial<MapRequest> = {}): MapRequest =>
  eidRequest("10.1.0.7", {
    nonce,
    ids: IDS,
    records: [{ eid: ipAddress(parseRloc("10.1.0.0")), maskLength: 16, subscribe: true }],
    ...fields,
  });

export function inEcm(
  message: PlainControlMessage,
  bits: { ddt?: boolean; reserved?: number } = {},
): LispControlMessage {
  const ip = { version: 4, tos: 0, id: 0, dontFragment: false, ttl: 9, options: new Uint8Array(0) } as const;
  return encapsulatedControl(
    {
      ip: { ...ip, source: parseRloc(OTHER), destination: parseRloc("10.1.0.1") },
      sourcePort: 4342,
      destinationPort: 4342,
      udpChecksum: null,
      message,
    },
    bits,
  );
}

export const registering = (fields: Partial<MapRegister>): MapRegister =>
  mapRegister({
    nonce: 2n ** 63n,
    wantNotify: true,
    proxyReply: true,
    records: [record("10.1.0.0/16", OTHER)],
    ...fields,
  });
export const signed = (message: MapRegister | MapNotify, by = A, algorithm = 2): Uint8Array =>
  authenticate(message, by, algorithm, message.ids === null ? "records" : "ids");

/** A message with one bit of its last byte changed. */
export function bent(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1] ^= 1;
  return copy;
}

/** A Map-Notify that the xTR would take at its word. */
export const moved = (fields: Partial<MapNotify> = {}): MapNotify =>
  mapNotify({ type: "map-notify", nonce: 7n, records: [record("10.1.0.9/32", OTHER)], ...fields });
export const replyTo = (request: MapRequest, eid: string, rloc = OTHER, fields = {}): MapReply =>
  mapReply({ nonce: request.nonce, records: [record(eid, rloc, fields)] });
export const info = (type: "info-request" | "info-reply"): LispControlMessage => ({
  type,
  nonce: 1n,
  authentication: { keyId: 0, algorithm: 0, data: new Uint8Array(0) },
  ttl: 1440,
  eid: ipAddress(parseRloc("10.1.0.0")),
  maskLength: 16,
  nat: { kind: "none" },
});
export const referral = (nonce: bigint): LispControlMessage => ({
  type: "map-referral",
  nonce,
  records: [
    {
      ...{ ttl: 1440, eid: ipAddress(parseRloc("10.3.0.0")), maskLength: 16, action: 1, version: 0 },
      ...{ authoritative: false, incomplete: false, signatures: [] },
      referrals: record("10.3.0.0/16", OTHER).locators,
    },
  ],
});

/** A Map-Notify for the subscription that a Map-Request asked for, its nonce `by` more. */
export function publication(
  { nonce, ids }: MapRequest,
  by: bigint,
  rloc = "192.0.2.2",
  signer = HUB,
): Uint8Array {
  const records = [record("10.2.0.0/16", rloc)];
  return signed(mapNotify({ type: "map-notify", nonce: nonce + by, ids, records }), signer);
}
