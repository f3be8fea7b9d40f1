// Messages by hand from the text of the RFCs, for what the captures do not hold: each names its paragraph.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LispAddress } from "../../../src/wire/lisp-control/address.js";
import { CHANGE_EVENTS, changePriority } from "../../../src/wire/lisp-control/change-priority.js";
import { encapsulatedControl } from "../../../src/wire/lisp-control/encapsulated.js";
import { LispControlError, type LispControlErrorCode } from "../../../src/wire/lisp-control/error.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { type MapRequest, mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../../src/wire/lisp-control/record.js";
import { mapNotify, mapRegister } from "../../../src/wire/lisp-control/registration.js";
import { hex, toHex } from "./fixtures.js";

const NONCE = "0102030405060708";
const nonce = 0x0102030405060708n;
const ip = (...bytes: number[]): LispAddress => ({ kind: "ip", address: Uint8Array.from(bytes) });
const V4 = ip(10, 0, 1, 2);
const V6: LispAddress = { kind: "ip", address: hex("20010db8000000000000000000000001") };
const RLOC: RlocRecord = {
  rloc: V4,
  priority: 1,
  weight: 100,
  mpriority: 255,
  mweight: 0,
  local: false,
  probed: false,
  reachable: true,
};
const RECORD: EidRecord = {
  ttl: 1440,
  eid: ip(192, 168, 1, 0),
  maskLength: 24,
  action: 0,
  authoritative: false,
  version: 0,
  locators: [],
};
/** RECORD up to its locators. */
const RECORD_HEX = "000005a0 00 18 0000 0000 0001 c0a80100";

/** The bytes are the record's, in both directions. */
function same(what: string, text: string, message: LispControlMessage): void {
  test(what, () => {
    assert.is(toHex(encodeLispControl(message)), toHex(hex(text)));
    assert.equal(decodeLispControl(hex(text)), message);
  });
}

function fails(what: string, text: string, code: LispControlErrorCode, offset: number): void {
  test(what, () => {
    assert.throws(
      () => decodeLispControl(hex(text)),
      (e: unknown) => {
        assert.instance(e, LispControlError);
        const error = e as LispControlError;
        assert.equal([error.code, error.offset], [code, offset]);
        return true;
      },
    );
  });
}

// ---- Map-Request, RFC 9301 section 5.2 (bits: table 6 of section 12.6)

const REQUEST = `${NONCE} 0000 0001 0a000102 00 20 0001 c0a80101`;
const request = {
  nonce,
  itrRlocs: [V4],
  records: [{ eid: ip(192, 168, 1, 1), maskLength: 32, subscribe: false }],
};
const FLAGS: readonly (readonly [string, keyof MapRequest, string])[] = [
  ["18000001", "authoritative", "A, bit 4"],
  ["12000001", "probe", "P, bit 6"],
  ["11000001", "smr", "S, bit 7"],
  ["10800001", "proxyItr", "p, bit 8"],
  ["10400001", "smrInvoked", "s, bit 9"],
  ["10004001", "localXtr", "L, bit 17"],
  ["10002001", "dontReply", "D, bit 18"],
];
for (const [word, field, bit] of FLAGS)
  same(`Map-Request: ${field} is ${bit}`, `${word} ${REQUEST}`, mapRequest({ ...request, [field]: true }));

same(
  "Map-Request: R (bit 10) and Rsvd (bits 12 to 16) are kept",
  `102f8001 ${REQUEST}`,
  mapRequest({ ...request, reserved: 0x2f8000 }),
);

same(
  "Map-Request: an IRC of 1 is two ITR-RLOCs; two records; a source EID",
  `10000102 ${NONCE} 0001 c0a80201 0001 0a000102 0002 20010db8000000000000000000000001
   00 18 0001 c0a80100 00 80 0002 20010db8000000000000000000000001`,
  mapRequest({
    nonce,
    sourceEid: ip(192, 168, 2, 1),
    itrRlocs: [V4, V6],
    records: [
      { eid: ip(192, 168, 1, 0), maskLength: 24, subscribe: false },
      { eid: V6, maskLength: 128, subscribe: false },
    ],
  }),
);

same(
  "Map-Request: with M (bit 5) a Map-Reply record follows the records",
  `14000001 ${REQUEST} ${RECORD_HEX}`,
  mapRequest({ ...request, mapData: RECORD }),
);

const XTR = "000102030405060708090a0b0c0d0e0f";
const xtrId = hex(XTR);
const siteId = hex("1011121314151617");
const subscription = { ...request, records: [{ ...request.records[0], subscribe: true }] };

same(
  "Map-Request: PubSub's I is bit 11, N the first bit of a record; xTR-ID and Site-ID stand at the end",
  `10100001 ${REQUEST.replace("00 20", "80 20")} ${XTR} 1011121314151617`,
  mapRequest({ ...subscription, ids: { xtrId, siteId } }),
);

same(
  "Map-Request: an xTR-ID without a Site-ID, as lispers.net sends it",
  `10100001 ${REQUEST.replace("00 20", "80 20")} ${XTR}`,
  mapRequest({ ...subscription, ids: { xtrId, siteId: null } }),
);

fails("Map-Request: I without an xTR-ID", `10100001 ${REQUEST} 0011`, "TRUNCATED", 28);

test("Map-Request: none, or more than 32, ITR-RLOCs cannot be said", () => {
  for (const itrRlocs of [[], Array.from({ length: 33 }, () => V4)])
    assert.throws(() => encodeLispControl(mapRequest({ ...request, itrRlocs })), /ITR-RLOCs/);
});

// ---- Map-Reply, section 5.4 (bits: tables 7, 10 and 11)

for (const [word, field, bit] of [
  ["28000001", "probe", "P, bit 4"],
  ["24000001", "echoNonce", "E, bit 5"],
] as const)
  same(
    `Map-Reply: ${field} is ${bit}`,
    `${word} ${NONCE} ${RECORD_HEX}`,
    mapReply({ nonce, records: [RECORD], [field]: true }),
  );

for (const action of [0, 1, 2, 3, 4, 5, 6, 7])
  same(
    `Map-Reply: ACT ${action} are the three bits behind the mask length`,
    `20000001 ${NONCE} 0000000f 00 18 ${(action * 2).toString(16)}000 0000 0001 c0a80100`,
    mapReply({ nonce, records: [{ ...RECORD, ttl: 15, action }] }),
  );

same(
  "Map-Reply: A, Map-Version, L, p and R; an IPv6 locator; a TTL of 0xffffffff",
  `20000001 ${NONCE} ffffffff 02 18 1000 0abc 0001 c0a80100
   01 64 ff 00 0005 0001 0a000102 ff 00 ff 00 0002 0002 20010db8000000000000000000000001`,
  mapReply({
    nonce,
    records: [
      {
        ...RECORD,
        ttl: 0xffffffff,
        authoritative: true,
        version: 0xabc,
        locators: [
          { ...RLOC, local: true },
          { ...RLOC, rloc: V6, priority: 255, weight: 0, probed: true, reachable: false },
        ],
      },
    ],
  }),
);

same(
  "Map-Reply: every reserved bit is kept (header 7 to 23, record 20 to 31 and Rsvd, Unused Flags)",
  `21ffff01 ${NONCE} 000005a0 01 18 0fff f000 0001 c0a80100 01 64 ff 00 fff9 0001 0a000102`,
  mapReply({
    nonce,
    reserved: 0x01ffff00,
    records: [{ ...RECORD, reserved: 0xfff, versionReserved: 15, locators: [{ ...RLOC, reserved: 0x1fff }] }],
  }),
);

same(
  "Map-Reply: with S (bit 6) LISP-SEC data follow the records and are kept (RFC 9303, section 6.2)",
  `22000001 ${NONCE} ${RECORD_HEX} 01000000 0004 0001 0006 0002 abcd`,
  mapReply({
    nonce,
    records: [RECORD],
    security: true,
    trailer: hex("01000000 0004 0001 0006 0002 abcd"),
  }),
);

// ---- Map-Register, section 5.6; Map-Notify and Map-Notify-Ack, section 5.7

const AUTH = "01 02 0004 deadbeef";
const authentication = { keyId: 1, algorithm: 2, data: hex("deadbeef") };
for (const [word, field, bit] of [
  ["38000001", "proxyReply", "P, bit 4"],
  ["34000001", "security", "S, bit 5"],
  ["30001001", "eidNotify", "E, bit 19"],
  ["30000801", "useTtl", "T, bit 20"],
  ["30000401", "merge", "a, bit 21"],
  ["30000101", "wantNotify", "M, bit 23"],
] as const)
  same(
    `Map-Register: ${field} is ${bit}`,
    `${word} ${NONCE} ${AUTH} ${RECORD_HEX}`,
    mapRegister({ nonce, records: [RECORD], authentication, [field]: true }),
  );

same(
  "Map-Register: Reserved (7 to 18) and R (22) are kept: bit 7 is how NAT traversal registers for an RTR",
  `31ffe201 ${NONCE} ${AUTH} ${RECORD_HEX}`,
  mapRegister({ nonce, records: [RECORD], authentication, reserved: 0x01ffe200 }),
);

same(
  "Map-Register: with I (bit 6) xTR-ID and Site-ID follow the records, and more is kept behind them",
  `32000001 ${NONCE} ${AUTH} ${RECORD_HEX} ${XTR} 1011121314151617 ff`,
  mapRegister({ nonce, records: [RECORD], authentication, ids: { xtrId, siteId }, trailer: hex("ff") }),
);

same(
  "Map-Notify-Ack: type 5, the contents of a Map-Notify",
  `50000001 ${NONCE} ${AUTH} ${RECORD_HEX}`,
  mapNotify({ type: "map-notify-ack", nonce, records: [RECORD], authentication }),
);

same(
  "Map-Notify: an xTR-ID and Site-ID copied from the Map-Register; reserved bits",
  `4fffff00 ${NONCE} 00 00 0000 ${XTR} 1011121314151617`,
  mapNotify({ type: "map-notify", nonce, records: [], ids: { xtrId, siteId }, reserved: 0x0fffff00 }),
);

// ---- Encapsulated Control Message, section 5.8 (bits: table 9)

const INNER_UDP = "10f6 10f6 0024";
const INNER = `10000001 ${REQUEST}`;
const inner6 = {
  ip: {
    version: 6,
    source: hex("20010db8000000000000000000000001"),
    destination: hex("20010db8000000000000000000000002"),
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: 64,
  },
  sourcePort: 4342,
  destinationPort: 4342,
  udpChecksum: 0,
  message: mapRequest(request),
} as const;
const INNER6_HEX = `60000000 0024 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002
  ${INNER_UDP} 0000 ${INNER}`;

same("ECM: ddt is D, bit 5", `84000000 ${INNER6_HEX}`, encapsulatedControl(inner6, { ddt: true }));

same(
  "ECM: reserved bits, 6 and 7 among them, are kept: NAT traversal uses bits 9 and 10",
  `83600000 ${INNER6_HEX}`,
  encapsulatedControl(inner6, { reserved: 0x3600000 }),
);

const AD = `01 00 0001 0018 00 01 0000000000000000 ${XTR} 0004 0001`;
same(
  "ECM: with S (bit 4) LISP-SEC data stand before the packet (RFC 9303, section 6.1, figure 1; EID-AD Length 4)",
  `88000000 ${AD} ${INNER6_HEX}`,
  encapsulatedControl(inner6, { security: true, authentication: hex(AD) }),
);

same("ECM: an AD Type that is not known hides the packet, and all is kept", `88000000 02 00 ${INNER6_HEX}`, {
  ...encapsulatedControl(inner6, { security: true, trailer: hex(`02 00 ${INNER6_HEX}`) }),
  inner: null,
});

test("ECM: checksums of the inner headers are computed, and a wrong one in UDP is kept", () => {
  const right = encodeLispControl(encapsulatedControl({ ...inner6, udpChecksum: null }));
  const found = decodeLispControl(right);
  if (found.type !== "encapsulated-control") throw new Error(found.type);
  assert.is(found.inner!.udpChecksum, null);
  right[4 + 40 + 7] ^= 0xff;
  const wrong = decodeLispControl(right);
  if (wrong.type !== "encapsulated-control") throw new Error(wrong.type);
  assert.is(wrong.inner!.udpChecksum, (right[50] << 8) | right[51]);
});

const INNER4 = `45000038 00000000 40 11 26b1 0a000102 0a000103 ${INNER_UDP} 0000 ${INNER}`;
test("ECM: an inner fragment, a wrong inner checksum, TCP, and lengths that differ are refused", () => {
  const damaged = (at: number, value: number): Uint8Array => {
    const bytes = hex(`80000000 ${INNER4}`);
    bytes[4 + at] = value;
    let sum = 0;
    bytes[14] = bytes[15] = 0;
    for (let i = 4; i < 24; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
    sum = ((sum & 0xffff) + (sum >>> 16)) ^ 0xffff;
    if (at === 10) sum ^= 1;
    bytes[14] = sum >>> 8;
    bytes[15] = sum & 0xff;
    return bytes;
  };
  assert.is(decodeLispControl(damaged(1, 0)).type, "encapsulated-control");
  for (const [at, value, code] of [
    [6, 0x20, "BAD_FIELD"],
    [6, 0x80, "BAD_FIELD"],
    [7, 1, "BAD_FIELD"],
    [9, 6, "BAD_FIELD"],
    [10, 0, "BAD_CHECKSUM"],
    [3, 0x37, "TRUNCATED"],
    [3, 0x39, "TRUNCATED"],
    [25, 0x23, "BAD_LENGTH"],
    [0, 0x55, "BAD_VERSION"],
  ] as const)
    assert.throws(
      () => decodeLispControl(damaged(at, value)),
      (e: unknown) => {
        assert.is((e as LispControlError).code, code, `byte ${at}: ${e}`);
        return e instanceof LispControlError;
      },
    );
});

fails(
  "ECM: none inside another",
  `80000000 60000000 0030 11 40 ${XTR} ${XTR} 10f6 10f6 0030 0000 80000000 ${"00".repeat(36)}`,
  "TOO_DEEP",
  52,
);
fails("ECM: S without data", "88000000", "TRUNCATED", 4);
fails("ECM: nothing inside", "80000000", "TRUNCATED", 4);
fails("ECM: an EID-AD Length below 4", `88000000 01 00 0001 0000 00 01 0003 0001 00`, "BAD_LENGTH", 12);

// ---- Map-Referral, RFC 8111 section 6.4

same(
  "Map-Referral: ACT, A, I (bit 20), SigCnt; a referral; a signature (6.4.1)",
  `60000001 ${NONCE} 000005a0 01 18 3800 1000 0001 c0a80100 01 64 ff 00 0001 0001 0a000102
   000005a0 5f000001 5e000001 0007 0003 02 000000 aabbcc`,
  {
    type: "map-referral",
    nonce,
    records: [
      {
        ttl: 1440,
        eid: ip(192, 168, 1, 0),
        maskLength: 24,
        action: 1,
        authoritative: true,
        incomplete: true,
        version: 0,
        referrals: [RLOC],
        signatures: [
          {
            originalTtl: 1440,
            expiration: 0x5f000001,
            inception: 0x5e000001,
            keyTag: 7,
            algorithm: 2,
            signature: hex("aabbcc"),
          },
        ],
      },
    ],
  },
);

// ---- Info-Request and Info-Reply, draft-ermagan-lisp-nat-traversal-19 sections 4.1 and 4.2

same(
  "Info-Request: R (bit 4) is 0, and AFI 0 ends it",
  `70000000 ${NONCE} 00 01 0004 deadbeef 000005a0 00 18 0001 c0a80100 0000`,
  {
    type: "info-request",
    nonce,
    authentication: { keyId: 0, algorithm: 1, data: hex("deadbeef") },
    ttl: 1440,
    eid: ip(192, 168, 1, 0),
    maskLength: 24,
    nat: { kind: "none" },
  },
);

same(
  "Info-Reply: R is 1, and a NAT-Traversal LCAF follows (RFC 8060, section 4.4)",
  `78000000 ${NONCE} 00 00 0000 000005a0 00 18 0001 c0a80100
   4003 00 00 07 00 001e 10f6 9c40 0001 c0000201 0001 0a000002 0001 c0a80102 0001 cb007101 0000`,
  {
    type: "info-reply",
    nonce,
    authentication: { keyId: 0, algorithm: 0, data: new Uint8Array(0) },
    ttl: 1440,
    eid: ip(192, 168, 1, 0),
    maskLength: 24,
    nat: {
      kind: "nat",
      msPort: 4342,
      etrPort: 40000,
      globalEtr: ip(192, 0, 2, 1),
      ms: ip(10, 0, 0, 2),
      privateEtr: ip(192, 168, 1, 2),
      rtrs: [ip(203, 0, 113, 1), { kind: "none" }],
    },
  },
);

// ---- Shared Extension Message, RFC 9304 section 3

same("Shared Extension: type 15, a sub-type of 12 bits, the rest as it is", "f123 4567 89", {
  type: "shared-extension",
  subtype: 0x123,
  body: hex("456789"),
});

// ---- Change-Priority, a Shared Extension of sub-type 2014 (docs/change-priority.md)

const CHANGE = { nonce, authentication: { keyId: 3, algorithm: 2, data: hex("aabb") } } as const;
const CHANGE_HEX = `${NONCE} 03 02 0002 aabb`;
const MOVED: EidRecord = { ...RECORD, eid: ip(192, 168, 1, 10), maskLength: 32, locators: [RLOC] };
const MOVED_HEX = "000005a0 01 20 0000 0000 0001 c0a8010a 01 64 ff 00 0001 0001 0a000102";

for (const [role, bit] of [
  ["hypervisor", "8"],
  ["new", "4"],
  ["reply", "2"],
  ["cache", "1"],
] as const)
  for (const [number, event] of CHANGE_EVENTS.entries())
    same(
      `Change-Priority: role ${role}, event ${event}`,
      `f7de ${bit}${number} 01 ${CHANGE_HEX} 00 000000 ${MOVED_HEX}`,
      changePriority({ role, event, records: [MOVED], ...CHANGE }),
    );
same(
  "Change-Priority: an acknowledgement with a status and without records",
  `f7de 8b 00 ${CHANGE_HEX} 05 000000`,
  changePriority({
    role: "hypervisor",
    event: "expect",
    acknowledges: true,
    status: 5,
    records: [],
    ...CHANGE,
  }),
);
same(
  "Change-Priority: an EID with an instance ID, reserved bits and bytes behind it",
  `f7de 11 01 ${CHANGE_HEX} ff 0000ff 000005a0 00 20 0000 0000 4003 0000 0200 000a 00000005 0001 c0a8010a 1234`,
  changePriority({
    role: "cache",
    event: "arrived",
    reserved: 0xff0000ff,
    records: [
      {
        ...MOVED,
        eid: { kind: "instance", iid: 5, iidMaskLength: 0, address: ip(192, 168, 1, 10) },
        locators: [],
      },
    ],
    trailer: hex("1234"),
    ...CHANGE,
  }),
);
for (const bits of ["0", "3", "5", "9", "c", "f"])
  fails(
    `Change-Priority: roles 0x${bits}, not exactly one`,
    `f7de ${bits}1 00 ${CHANGE_HEX} 00000000`,
    "BAD_FIELD",
    2,
  );
fails("Change-Priority: without its status", `f7de 81 00 ${CHANGE_HEX} 00`, "TRUNCATED", 18);

test("Change-Priority: what cannot be said is refused", () => {
  const fields = { role: "new", event: "arrived", records: [], ...CHANGE } as const;
  const bad: readonly LispControlMessage[] = [
    changePriority({ ...fields, status: 1 }),
    changePriority({ ...fields, acknowledges: true, status: 256 }),
    changePriority({ ...fields, acknowledges: true, reserved: 0x1000000 }),
    changePriority({ ...fields, records: Array.from({ length: 256 }, () => MOVED) }),
    changePriority({ ...fields, role: "old" as never }),
    changePriority({ ...fields, event: "gone" as never }),
    { type: "shared-extension", subtype: 2014, body: new Uint8Array(30) },
  ];
  for (const message of bad)
    assert.throws(
      () => encodeLispControl(message),
      (e: unknown) => e instanceof LispControlError && e.code === "BAD_FIELD",
    );
});

// ---- What no message is

fails("an empty message", "", "TRUNCATED", 0);
for (const type of ["0", "9", "a", "b", "c", "d", "e"])
  fails(`type 0x${type} is reserved or not assigned (section 5.1)`, `${type}0000000`, "BAD_TYPE", 0);
fails(
  "an unrecognised AFI: the message is dropped (section 5.1)",
  `10000001 ${NONCE} 0003 00000000`,
  "BAD_AFI",
  12,
);
fails(
  "a mask longer than the address",
  `10000001 ${NONCE} 0000 0001 0a000102 00 21 0001 c0a80101`,
  "BAD_FIELD",
  22,
);

test("a message longer than UDP can carry is neither read nor written", () => {
  assert.throws(() => decodeLispControl(new Uint8Array(65528).fill(0x20)), /65528 bytes/);
  const body = new Uint8Array(65528);
  assert.throws(
    () => encodeLispControl({ type: "shared-extension", subtype: 0, body }),
    (e: unknown) => e instanceof LispControlError && e.code === "TOO_LONG",
  );
});

test("values that their field cannot hold are refused, not cut", () => {
  const bad: readonly LispControlMessage[] = [
    mapReply({ nonce: 2n ** 64n, records: [] }),
    mapReply({ nonce: -1n, records: [] }),
    mapReply({ nonce, records: [{ ...RECORD, ttl: 2 ** 32 }] }),
    mapReply({ nonce, records: [{ ...RECORD, ttl: 1.5 }] }),
    mapReply({ nonce, records: [{ ...RECORD, action: 8 }] }),
    mapReply({ nonce, records: [{ ...RECORD, version: 4096 }] }),
    mapReply({ nonce, records: [{ ...RECORD, maskLength: 33 }] }),
    mapReply({ nonce, records: [{ ...RECORD, locators: [{ ...RLOC, priority: 256 }] }] }),
    mapReply({ nonce, records: [{ ...RECORD, locators: [{ ...RLOC, rloc: ip(1, 2, 3) }] }] }),
    mapReply({ nonce, records: [{ ...RECORD, locators: Array.from({ length: 256 }, () => RLOC) }] }),
    mapReply({ nonce, records: Array.from({ length: 256 }, () => RECORD) }),
    mapReply({ nonce, records: [], reserved: 1 }),
    mapRegister({ nonce, records: [], ids: { xtrId: new Uint8Array(15), siteId } }),
    encapsulatedControl(inner6, { authentication: hex(AD) }),
    encapsulatedControl({ ...inner6, sourcePort: 65536 }),
    encapsulatedControl({ ...inner6, ip: { ...inner6.ip, source: new Uint8Array(4) } }),
    encapsulatedControl({ ...inner6, ip: { ...inner6.ip, flowLabel: 2 ** 20 } }),
  ];
  for (const message of bad)
    assert.throws(
      () => encodeLispControl(message),
      (e: unknown) => e instanceof LispControlError && e.code === "BAD_FIELD",
    );
});

test.run();
