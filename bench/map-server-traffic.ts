// What a Map-Server under test is sent: signed Map-Registers, and Map-Requests in ECMs, as whole IP packets.

import { type AuthenticationKey, authenticate } from "../src/lisp/control/authentication.js";
import type { Entry } from "../src/lisp/database/registration.js";
import { registeredMapping } from "../src/lisp/map-server/records.js";
import { parseRloc } from "../src/lisp/mapping.js";
import type { SeededRandom } from "../src/router/random.js";
import { ipAddress } from "../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../src/wire/lisp-control/encapsulated.js";
import { mapRequest } from "../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../src/wire/lisp-control/message.js";
import type { EidRecord, XtrIds } from "../src/wire/lisp-control/record.js";
import { mapRegister } from "../src/wire/lisp-control/registration.js";
import { writeUdpPacket } from "../src/wire/udp-packet.js";

export type Family = 4 | 6;

export const KEY: AuthenticationKey = { id: 1, secret: Buffer.from("secret"), algorithms: [2] };
/** Sites that may register anything, with KEY. */
export const SITES = "all key 1:secret sha256 eid 0.0.0.0/0 more eid ::/0 more";
export const MAP_SERVER = "192.0.2.100";
/** EID-prefixes of one xTR: its nonces are kept once. */
const OF_XTR = 1000;

const server = parseRloc(MAP_SERVER);
const xtrAddress = parseRloc("192.0.2.1");
const locators: EidRecord["locators"] = [75, 25].map((weight, i) => ({
  rloc: ipAddress(parseRloc(`192.0.2.${i + 1}`)),
  priority: 1,
  weight,
  mpriority: 255,
  mweight: 0,
  local: true,
  probed: false,
  reachable: true,
}));

/** The n-th EID-prefix of a family: a /24, or a /56. */
export function prefix(family: Family, n: number): { readonly address: Uint8Array; readonly length: number } {
  if (family === 4) return { address: Uint8Array.of(n >>> 16, n >>> 8, n, 0), length: 24 };
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, n >>> 24, n >>> 16, n >>> 8, n]);
  return { address, length: 56 };
}

export function record(family: Family, n: number): EidRecord {
  const { address, length } = prefix(family, n);
  return {
    ttl: 1440,
    eid: ipAddress(address),
    maskLength: length,
    action: 0,
    authoritative: true,
    version: 0,
    locators,
  };
}

/** The xTR that registers the n-th prefix of a family. */
export function idsOf(family: Family, n: number): XtrIds {
  const xtrId = new Uint8Array(16);
  xtrId[0] = family;
  new DataView(xtrId.buffer).setUint32(12, Math.floor(n / OF_XTR));
  return { xtrId, siteId: new Uint8Array(8) };
}

/** A Map-Register with the `count` prefixes from the n-th on, all of one xTR, as UDP payload. */
export function register(family: Family, n: number, count: number, nonce: bigint): Uint8Array {
  const records = Array.from({ length: count }, (_, i) => record(family, n + i));
  const message = mapRegister({
    nonce,
    records,
    proxyReply: true,
    useTtl: true,
    wantNotify: true,
    ids: idsOf(family, n),
  });
  return authenticate(message, KEY, 2, "ids");
}

/** In an IP packet from the xTR to the Map-Server. */
export function packet(payload: Uint8Array): Uint8Array {
  return writeUdpPacket({
    source: xtrAddress,
    destination: server,
    sourcePort: 4342,
    destinationPort: 4342,
    payload,
  });
}

/** An ECM with a Map-Request for an address in one of the first `count` prefixes. */
export function request(family: Family, count: number, random: SeededRandom): Uint8Array {
  const { address } = prefix(family, random.below(count));
  address[address.length - 1] = 1 + random.below(254);
  const message = mapRequest({
    nonce: (BigInt(random.u32()) << 32n) | BigInt(random.u32()),
    itrRlocs: [ipAddress(xtrAddress)],
    records: [{ eid: ipAddress(address), maskLength: address.length * 8, subscribe: false }],
  });
  const ecm = encapsulatedControl({
    ip: {
      version: 4,
      source: xtrAddress,
      destination: server,
      tos: 0xc0,
      id: 0,
      dontFragment: false,
      ttl: 64,
      options: new Uint8Array(0),
    },
    sourcePort: 4342,
    destinationPort: 4342,
    udpChecksum: null,
    message,
  });
  return packet(encodeLispControl(ecm));
}

/** What the mapping database holds after such a Map-Register. */
export function entry(family: Family, n: number, nonce: bigint, expiry: number): Entry {
  const mapping = registeredMapping(record(family, n))!;
  const { xtrId } = idsOf(family, n);
  const registration = {
    mapping,
    nonce,
    expiry,
    xtrId,
    siteId: 0n,
    source: xtrAddress,
    site: "all",
    proxy: true,
    merge: false,
    notify: true,
    raw: null,
  };
  return { iid: 0, eid: mapping.eid, registrations: [registration] };
}
