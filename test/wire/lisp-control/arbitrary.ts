// Any LISP control message, for property tests: every kind, every optional part, reserved bits set or not.

import { addressBits, type LispAddress } from "../../../src/wire/lisp-control/address.js";
import {
  CHANGE_EVENTS,
  CHANGE_ROLES,
  type ChangePriority,
} from "../../../src/wire/lisp-control/change-priority.js";
import type { InnerHeader } from "../../../src/wire/lisp-control/encapsulated.js";
import type { LispControlMessage, PlainControlMessage } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord, XtrIds } from "../../../src/wire/lisp-control/record.js";
import * as fc from "../../property.js";

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const u8 = upTo(0xff);
const u16 = upTo(0xffff);
const u32 = upTo(0xffffffff);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const bool = fc.boolean();

function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** Bits in `mask`, mostly none; a record has the field only where some are set. */
function reserved<K extends string>(key: K, mask: number): fc.Arbitrary<{ [key in K]?: number }> {
  return fc
    .option(u32, { freq: 3, nil: 0 })
    .map((v) => ((v & mask) >>> 0 === 0 ? {} : { [key]: (v & mask) >>> 0 }) as { [key in K]?: number });
}

const trailer: fc.Arbitrary<{ trailer?: Uint8Array }> = fc
  .option(fc.uint8Array({ minLength: 1, maxLength: 30 }), { freq: 4 })
  .map((t) => (t === null ? {} : { trailer: t }));

/** An object with all fields of both. */
function plus<A extends object, B extends object>(
  a: fc.Arbitrary<A>,
  b: fc.Arbitrary<B>,
): fc.Arbitrary<A & B> {
  return fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }));
}

const ip = fc.oneof(bytes(4), bytes(16)).map((address): LispAddress => ({ kind: "ip", address }));
const plain: fc.Arbitrary<LispAddress> = fc.oneof(
  { weight: 4, arbitrary: ip },
  fc.constant<LispAddress>({ kind: "none" }),
  bytes(6).map((address): LispAddress => ({ kind: "mac", address })),
  fc.uint8Array({ maxLength: 20 }).map(
    (name): LispAddress => ({
      kind: "name",
      name: String.fromCharCode(...name.map((b) => b || 1)),
    }),
  ),
);
const angle = record({ degrees: upTo(0x7fff), minutes: u8, seconds: u8 });

function lcaf(inner: fc.Arbitrary<LispAddress>): fc.Arbitrary<LispAddress> {
  const few = fc.array(inner, { maxLength: 3 });
  const body: fc.Arbitrary<LispAddress> = fc.oneof(
    record({ kind: fc.constant("list" as const), addresses: few }),
    record({
      kind: fc.constant("geo" as const),
      north: bool,
      latitude: angle,
      east: bool,
      longitude: angle,
      altitude: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      address: inner,
    }),
    record({
      kind: fc.constant("nat" as const),
      msPort: u16,
      etrPort: u16,
      globalEtr: inner,
      ms: inner,
      privateEtr: inner,
      rtrs: few,
    }),
    record({
      kind: fc.constant("path" as const),
      hops: fc.array(
        plus(
          record({ lookup: bool, probe: bool, strict: bool, address: inner }),
          reserved("reserved", 0x1fff),
        ),
        { maxLength: 3 },
      ),
    }),
    plus(
      record({
        kind: fc.constant("source-destination" as const),
        sourceLength: u8,
        destinationLength: u8,
        source: inner,
        destination: inner,
      }),
      reserved("reserved", 0xffff),
    ),
    record({
      kind: fc.constant("replication" as const),
      entries: fc.array(plus(record({ level: u8, address: inner }), reserved("reserved", 0xffffff)), {
        maxLength: 3,
      }),
    }),
    record({
      kind: fc.constant("opaque" as const),
      lcafType: u8.filter((type) => ![1, 2, 5, 7, 10, 12, 13].includes(type)),
      body: fc.uint8Array({ maxLength: 20 }),
    }),
  );
  const instance: fc.Arbitrary<LispAddress> = fc
    .tuple(record({ iid: u32, iidMaskLength: u8, address: inner }), reserved("reserved1", 0xff))
    .map(([fields, bits]): LispAddress => ({ kind: "instance", ...fields, ...bits }));
  const other = plus(body, plus(reserved("flags", 0xff), reserved("reserved2", 0xff)));
  return fc.oneof(instance, other as fc.Arbitrary<LispAddress>);
}

/** Any address, LCAFs up to three deep. */
export const address: fc.Arbitrary<LispAddress> = fc.oneof(
  { weight: 4, arbitrary: plain },
  { weight: 2, arbitrary: lcaf(plain) },
  { weight: 1, arbitrary: lcaf(fc.oneof(plain, lcaf(fc.oneof(plain, lcaf(plain))))) },
);

/** An EID with a mask length that it can have. */
const eid: fc.Arbitrary<{ eid: LispAddress; maskLength: number }> = fc
  .tuple(address, u8)
  .map(([a, n]) => ({ eid: a, maskLength: Math.min(n, addressBits(a) ?? 255) }));

const rlocRecord: fc.Arbitrary<RlocRecord> = plus(
  record({
    rloc: address,
    priority: u8,
    weight: u8,
    mpriority: u8,
    mweight: u8,
    local: bool,
    probed: bool,
    reachable: bool,
  }),
  reserved("reserved", 0x1fff),
);
const locators = fc.array(rlocRecord, { maxLength: 3 });

const eidRecord: fc.Arbitrary<EidRecord> = plus(
  plus(record({ ttl: u32, action: upTo(7), authoritative: bool, version: upTo(0xfff), locators }), eid),
  plus(reserved("reserved", 0xfff), reserved("versionReserved", 15)),
);
const records = fc.array(eidRecord, { maxLength: 3 });

const ids: fc.Arbitrary<XtrIds | null> = fc.option(record({ xtrId: bytes(16), siteId: bytes(8) }));
const authentication = record({
  keyId: u8,
  algorithm: fc.oneof(upTo(3), u8),
  data: fc.oneof(bytes(0), bytes(20), bytes(32), fc.uint8Array({ maxLength: 64 })),
});

const mapRequest = plus(
  record({
    type: fc.constant("map-request" as const),
    nonce: u64,
    authoritative: bool,
    probe: bool,
    smr: bool,
    proxyItr: bool,
    smrInvoked: bool,
    localXtr: bool,
    dontReply: bool,
    sourceEid: address,
    itrRlocs: fc.array(address, { minLength: 1, maxLength: 32, size: "-1" }),
    records: fc.array(plus(plus(record({ subscribe: bool }), eid), reserved("reserved", 0x7f)), {
      maxLength: 4,
    }),
    mapData: fc.option(eidRecord),
    ids,
  }),
  plus(reserved("reserved", 0x002f8000), trailer),
);

const mapReply = plus(
  record({
    type: fc.constant("map-reply" as const),
    nonce: u64,
    probe: bool,
    echoNonce: bool,
    security: bool,
    records,
  }),
  plus(reserved("reserved", 0x01ffff00), trailer),
);

const mapRegister = plus(
  record({
    type: fc.constant("map-register" as const),
    nonce: u64,
    proxyReply: bool,
    security: bool,
    eidNotify: bool,
    useTtl: bool,
    merge: bool,
    wantNotify: bool,
    authentication,
    records,
    ids,
  }),
  plus(reserved("reserved", 0x01ffe200), trailer),
);

// No trailer: 24 bytes of it would be an xTR-ID and Site-ID.
const mapNotify = plus(
  record({
    type: fc.constantFrom("map-notify" as const, "map-notify-ack" as const),
    nonce: u64,
    authentication,
    records,
    ids,
  }),
  reserved("reserved", 0x0fffff00),
);

const signature = plus(
  record({
    originalTtl: u32,
    expiration: u32,
    inception: u32,
    keyTag: u16,
    algorithm: u8,
    signature: fc.uint8Array({ maxLength: 20 }),
  }),
  reserved("reserved", 0xffffff),
);
const mapReferral = plus(
  record({
    type: fc.constant("map-referral" as const),
    nonce: u64,
    records: fc.array(
      plus(
        plus(
          record({
            ttl: u32,
            action: upTo(7),
            authoritative: bool,
            incomplete: bool,
            version: upTo(0xfff),
            referrals: locators,
            signatures: fc.array(signature, { maxLength: 3 }),
          }),
          eid,
        ),
        reserved("reserved", 0x7ff),
      ),
      { maxLength: 3 },
    ),
  }),
  plus(reserved("reserved", 0x0fffff00), trailer),
);

const info = plus(
  plus(
    record({
      type: fc.constantFrom("info-request" as const, "info-reply" as const),
      nonce: u64,
      authentication,
      ttl: u32,
      nat: address,
    }),
    eid,
  ),
  plus(plus(reserved("reserved", 0x07ffffff), reserved("eidReserved", 0xff)), trailer),
);

const sharedExtension = record({
  type: fc.constant("shared-extension" as const),
  // Change-Priority's has a record of its own.
  subtype: upTo(0xfff).filter((subtype) => subtype !== 2014),
  body: fc.uint8Array({ maxLength: 60 }),
});

const changeFields = record({
  type: fc.constant("change-priority" as const),
  role: fc.constantFrom(...CHANGE_ROLES),
  event: fc.constantFrom(...CHANGE_EVENTS),
  nonce: u64,
  authentication,
  records,
});
const changePriority: fc.Arbitrary<ChangePriority> = fc.oneof(
  plus(
    changeFields,
    plus(
      record({ acknowledges: fc.constant(true), status: u8 }),
      plus(reserved("reserved", 0xffffff), trailer),
    ),
  ),
  plus(
    changeFields,
    plus(
      record({ acknowledges: fc.constant(false), status: fc.constant(0) }),
      plus(reserved("reserved", 0xffffffff), trailer),
    ),
  ),
);

export const plainMessage: fc.Arbitrary<PlainControlMessage> = fc.oneof(
  mapRequest,
  mapReply,
  mapRegister,
  mapNotify,
  mapReferral,
  info,
  changePriority,
  sharedExtension,
);

const innerHeader: fc.Arbitrary<InnerHeader> = fc.oneof(
  record({
    version: fc.constant(4 as const),
    source: bytes(4),
    destination: bytes(4),
    tos: u8,
    id: u16,
    dontFragment: bool,
    ttl: u8,
    options: fc.oneof(bytes(0), bytes(4), bytes(40)),
  }),
  record({
    version: fc.constant(6 as const),
    source: bytes(16),
    destination: bytes(16),
    trafficClass: u8,
    flowLabel: upTo(0xfffff),
    hopLimit: u8,
  }),
);

/** LISP-SEC authentication data: their head, a one-time key, an EID-AD; lengths as RFC 9303 section 6.1 has them. */
const lispSec: fc.Arbitrary<Uint8Array> = fc
  .tuple(bytes(3), bytes(2), bytes(24), fc.uint8Array({ minLength: 2, maxLength: 40 }))
  .map(([head, key, otk, eidAd]) =>
    Uint8Array.of(1, ...head, 0, otk.length, ...key, ...otk, 0, eidAd.length + 2, ...eidAd),
  );

const encapsulated: fc.Arbitrary<LispControlMessage> = fc
  .tuple(
    record({
      ddt: bool,
      authentication: fc.option(lispSec),
      inner: record({
        ip: innerHeader,
        sourcePort: u16,
        destinationPort: u16,
        udpChecksum: fc.constantFrom(null, 0),
        message: plainMessage,
      }),
    }),
    plus(reserved("reserved", 0x03ffffff), trailer),
  )
  .map(([fields, rest]) => ({
    type: "encapsulated-control",
    security: fields.authentication !== null,
    ...fields,
    ...rest,
  }));

export const anyMessage: fc.Arbitrary<LispControlMessage> = fc.oneof(
  { weight: 4, arbitrary: plainMessage },
  { weight: 1, arbitrary: encapsulated },
);
