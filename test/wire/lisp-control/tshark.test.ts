// An outside judge: tshark decodes each kind of message we encode. It knows neither types 5 and 15 nor PubSub's bits.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../src/lisp/control/authentication.js";
import { writeIpv4 } from "../../../src/wire/ipv4.js";
import type { LispAddress } from "../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../src/wire/lisp-control/encapsulated.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../../src/wire/lisp-control/record.js";
import { mapNotify, mapRegister } from "../../../src/wire/lisp-control/registration.js";
import { writeUdp } from "../../../src/wire/udp.js";
import { COMPLAINTS, judged, TSHARK, tsharkTest } from "../../tshark.js";
import { hex } from "./fixtures.js";

const NONCE = 0x0102030405060708n;
const ip = (...bytes: number[]): LispAddress => ({ kind: "ip", address: Uint8Array.from(bytes) });
const V6: LispAddress = { kind: "ip", address: hex("20010db8000000000000000000000001") };
const KEY = { id: 0, secret: hex("6b6579") };

const LOCATORS: readonly RlocRecord[] = [ip(10, 0, 1, 2), V6].map((rloc, i) => ({
  rloc,
  priority: i + 1,
  weight: 75 - 50 * i,
  mpriority: 255,
  mweight: 0,
  local: i === 0,
  probed: i === 1,
  reachable: true,
}));
const RECORD: EidRecord = {
  ttl: 1440,
  eid: { kind: "instance", iid: 101, iidMaskLength: 0, address: ip(192, 168, 1, 0) },
  maskLength: 24,
  action: 0,
  authoritative: true,
  version: 0xabc,
  locators: LOCATORS,
};
const IDS = { xtrId: hex("000102030405060708090a0b0c0d0e0f"), siteId: hex("1011121314151617") };
const REQUEST = mapRequest({
  nonce: NONCE,
  probe: true,
  sourceEid: ip(192, 168, 2, 1),
  itrRlocs: [ip(10, 0, 1, 2), V6],
  records: [
    { eid: ip(192, 168, 1, 1), maskLength: 32, subscribe: false },
    { eid: V6, maskLength: 128, subscribe: false },
  ],
});
const LCAFS: readonly LispAddress[] = [
  { kind: "list", addresses: [ip(10, 0, 1, 2), V6] },
  {
    kind: "geo",
    north: true,
    latitude: { degrees: 48, minutes: 51, seconds: 24 },
    east: true,
    longitude: { degrees: 2, minutes: 21, seconds: 3 },
    altitude: 35,
    address: ip(10, 0, 1, 2),
  },
  { kind: "path", hops: [{ lookup: false, probe: true, strict: true, address: ip(10, 0, 1, 9) }] },
  {
    kind: "source-destination",
    sourceLength: 24,
    destinationLength: 32,
    source: ip(192, 168, 1, 0),
    destination: ip(192, 168, 2, 1),
  },
  { kind: "replication", entries: [{ level: 128, address: ip(10, 0, 1, 8) }] },
];

const INFO = {
  nonce: NONCE,
  authentication: { keyId: 0, algorithm: 0, data: new Uint8Array(0) },
  ttl: 1440,
  eid: ip(192, 168, 1, 0),
  maskLength: 24,
} as const;

// Each message, the fields to ask for, and what tshark has to say of them.
const KINDS: readonly (readonly [string, Uint8Array, Readonly<Record<string, string>>])[] = [
  [
    "Map-Request",
    encodeLispControl(REQUEST),
    {
      "lisp.type": "1",
      "lisp.nonce": "0x0102030405060708",
      "lisp.mreq.flags.probe": "1",
      "lisp.mreq.flags.smr": "0",
      "lisp.irc": "1",
      "lisp.records": "2",
      "lisp.mreq.itr_rloc_ipv4": "10.0.1.2",
      "lisp.mreq.itr_rloc_ipv6": "2001:db8::1",
      "lisp.mreq.record.prefix.ipv4": "192.168.1.1",
      "lisp.mreq.record.prefix.length": "32,128",
    },
  ],
  [
    "Map-Reply",
    encodeLispControl(
      mapReply({ nonce: NONCE, echoNonce: true, records: [{ ...RECORD, eid: ip(192, 168, 1, 0) }] }),
    ),
    {
      "lisp.type": "2",
      "lisp.mrep.flags.enlr": "1",
      "lisp.mapping.ttl": "1440",
      "lisp.mapping.eid.ipv4": "192.168.1.0",
      "lisp.mapping.eid.masklen": "24",
      "lisp.mapping.auth": "1",
      "lisp.mapping.ver": "2748",
      "lisp.loc.priority": "1,2",
      "lisp.loc.weight": "75,25",
      "lisp.loc.flags.local": "1,0",
      "lisp.loc.flags.probe": "0,1",
      "lisp.loc.locator": "10.0.1.2,2001:db8::1",
    },
  ],
  [
    "a negative Map-Reply",
    encodeLispControl(mapReply({ nonce: NONCE, records: [{ ...RECORD, action: 2, locators: [] }] })),
    { "lisp.mapping.act": "2", "lisp.mapping.loccnt": "0", "lisp.lcaf.iid": "101" },
  ],
  [
    "Map-Register",
    authenticate(mapRegister({ nonce: NONCE, wantNotify: true, records: [RECORD], ids: IDS }), KEY, 2),
    {
      "lisp.type": "3",
      "lisp.mreg.flags.wmn": "1",
      "lisp.mreg.flags.xtrid": "1",
      "lisp.authlen": "32",
      "lisp.lcaf.iid": "101",
      "lisp.lcaf.iid.ipv4": "192.168.1.0",
      "lisp.siteid": "1011121314151617",
    },
  ],
  [
    "Map-Notify",
    authenticate(mapNotify({ type: "map-notify", nonce: NONCE, records: [RECORD] }), KEY, 1),
    { "lisp.type": "4", "lisp.authlen": "20", "lisp.mapping.loccnt": "2" },
  ],
  [
    "Map-Referral",
    encodeLispControl({
      type: "map-referral",
      nonce: NONCE,
      records: [
        {
          ttl: 1440,
          eid: ip(192, 168, 1, 0),
          maskLength: 24,
          action: 1,
          authoritative: false,
          incomplete: true,
          version: 0,
          referrals: [LOCATORS[0]],
          signatures: [],
        },
      ],
    }),
    {
      "lisp.type": "6",
      "lisp.referral.incomplete": "1",
      "lisp.mapping.act": "1",
      "lisp.referral.sigcnt": "0",
    },
  ],
  [
    "Info-Request",
    encodeLispControl({ type: "info-request", ...INFO, nat: { kind: "none" } }),
    { "lisp.type": "7", "lisp.info.r": "0", "lisp.info.prefix.ipv4": "192.168.1.0" },
  ],
  [
    "Info-Reply",
    encodeLispControl({
      type: "info-reply",
      ...INFO,
      nat: {
        kind: "nat",
        msPort: 4342,
        etrPort: 40000,
        globalEtr: ip(192, 0, 2, 1),
        ms: ip(10, 0, 0, 2),
        privateEtr: ip(192, 168, 1, 2),
        rtrs: [ip(203, 0, 113, 1)],
      },
    }),
    { "lisp.type": "7", "lisp.info.r": "1", "lisp.info.ttl": "1440", "lisp.lcaf.natt.etrport": "40000" },
  ],
  [
    "ECM",
    encodeLispControl(
      encapsulatedControl(
        {
          ip: {
            version: 4,
            source: Uint8Array.of(10, 0, 1, 2),
            destination: Uint8Array.of(192, 168, 1, 1),
            tos: 0,
            id: 0,
            dontFragment: false,
            ttl: 64,
            options: new Uint8Array(0),
          },
          sourcePort: 4342,
          destinationPort: 4342,
          udpChecksum: null,
          message: REQUEST,
        },
        { ddt: true },
      ),
    ),
    {
      "lisp.type": "8,1",
      "lisp.ecm.flags.ddt": "1",
      // Of the outer and the inner header: 1 is right.
      "udp.checksum.status": "1,1",
      "ip.checksum.status": "1,1",
    },
  ],
  ...LCAFS.map((rloc): (typeof KINDS)[number] => [
    `a locator of kind ${rloc.kind}`,
    encodeLispControl(
      mapReply({
        nonce: NONCE,
        records: [{ ...RECORD, eid: ip(192, 168, 1, 0), locators: [{ ...LOCATORS[0], rloc }] }],
      }),
    ),
    { "lisp.type": "2", "lisp.loc.flags.reach": "1" },
  ]),
];

function packetOf(message: Uint8Array): Uint8Array {
  const endpoints = { source: Uint8Array.of(10, 0, 0, 1), destination: Uint8Array.of(10, 0, 0, 2) };
  return writeIpv4({
    tos: 0,
    id: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: 17,
    source: 0x0a000001,
    destination: 0x0a000002,
    options: new Uint8Array(0),
    payload: writeUdp({ sourcePort: 4342, destinationPort: 4342, payload: message }, endpoints),
  });
}

let verdicts: readonly Record<string, string>[] = [];
test.before(() => {
  if (!TSHARK) return;
  const fields = new Set([...KINDS.flatMap(([, , expected]) => Object.keys(expected)), ...COMPLAINTS]);
  verdicts = judged(
    KINDS.map(([, message]) => packetOf(message)),
    [...fields],
  );
});

for (const [i, [what, , expected]] of KINDS.entries())
  tsharkTest(`tshark reads ${what} as it was meant`, () => {
    const wanted = { ...expected, ...Object.fromEntries(COMPLAINTS.map((field) => [field, ""])) };
    assert.equal(Object.fromEntries(Object.keys(wanted).map((field) => [field, verdicts[i][field]])), wanted);
  });

tsharkTest("tshark complains of a message that is cut: the judge is awake", () => {
  const message = encodeLispControl(mapReply({ nonce: NONCE, records: [RECORD] }));
  const [found] = judged([packetOf(message.subarray(0, message.length - 3))], COMPLAINTS);
  assert.is.not(Object.values(found).join(""), "");
});

test.run();
