// A Map-Server for two sites, and what xTRs and ITRs send to it.

import * as assert from "uvu/assert";
import { type AuthenticationKey, authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import {
  type MapNotify,
  type MapRegister,
  mapRegister,
} from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, sentOf } from "../control.js";
import { Bench } from "../harness.js";

export const SITES = `a key secret-a key 2:newer-a hkdf eid 10.1.0.0/16 more eid fd01::/64 iid 7 eid 10.1.0.0/16,
  b key secret-b sha1 eid 10.2.0.0/16 eid 10.2.3.0/24`;
export const A: AuthenticationKey = { id: 1, secret: Buffer.from("secret-a") };
export const NEWER_A: AuthenticationKey = { id: 2, secret: Buffer.from("newer-a") };
export const B: AuthenticationKey = { id: 1, secret: Buffer.from("secret-b") };
export const MS = "192.0.2.100";

export function bench(more = "", log?: (line: string) => void): Promise<Bench> {
  return Bench.start(`feed :: Feed -> e :: LISPMapServer(${SITES}, RLOC4 ${MS} ${more}) -> out :: Sink`, log);
}

export interface Registering extends Partial<MapRegister> {
  readonly from?: string;
  readonly key?: AuthenticationKey;
  readonly algorithm?: number;
}

/** Registers `records`, by default as site a from 192.0.2.1 with key 1, and wanting a Map-Notify. */
export function register(
  b: Bench,
  nonce: number,
  records: readonly EidRecord[],
  fields: Registering = {},
): Uint8Array {
  const { from = "192.0.2.1", key = A, algorithm = 2, ...rest } = fields;
  const message = mapRegister({ nonce: BigInt(nonce), records, wantNotify: true, ...rest });
  const bytes = authenticate(message, key, algorithm, message.ids === null ? "records" : "ids");
  b.push("e", [packetOf(bytes, { from, to: MS })]);
  return bytes;
}

export function request(b: Bench, eid: string, fields: Partial<MapRequest> = {}, length = 32, ttl = 9): void {
  const inner = mapRequest({
    nonce: 99n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
    records: [{ eid: ipAddress(parseRloc(eid)), maskLength: length, subscribe: false }],
    ...fields,
  });
  const message = encapsulatedControl({
    ip: {
      version: 4,
      source: parseRloc("10.9.0.1"),
      destination: parseRloc("10.1.0.1"),
      tos: 0,
      id: 1,
      dontFragment: false,
      ttl,
      options: new Uint8Array(0),
    },
    sourcePort: 4000,
    destinationPort: 4342,
    udpChecksum: null,
    message: inner,
  });
  b.push("e", [packetOf(message, { from: "192.0.2.50", to: MS })]);
}

export const eidsOf = (m: { readonly records: readonly EidRecord[] }): string[] =>
  m.records.map((r) => (r.eid.kind === "ip" ? `${r.eid.address.join(".")}/${r.maskLength}` : r.eid.kind));
export const rlocsOf = (m: { readonly records: readonly EidRecord[] }): string[] =>
  m.records.flatMap((r) => r.locators.map((l) => (l.rloc.kind === "ip" ? l.rloc.address.join(".") : "")));

export function notifies(
  b: Bench,
): { readonly to: string; readonly message: MapNotify; readonly payload: Uint8Array }[] {
  return sentOf(b, "out", "map-notify").map((s) => {
    assert.equal([s.destinationPort, s.source], [4342, parseRloc(MS)]);
    return { to: s.destination.join("."), message: s.message, payload: s.payload };
  });
}

/** xTR-ID and Site-ID of xTR `n`. */
export const ids = (n: number): { xtrId: Uint8Array; siteId: Uint8Array } => ({
  xtrId: new Uint8Array(16).fill(n),
  siteId: new Uint8Array(8).fill(9),
});
