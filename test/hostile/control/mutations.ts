// What is done to a control message: to its fields, so that it still can be encoded and signed, and to its bytes.

import type { Random } from "../../../src/router/random.js";
import { ipAddress, type LispAddress, NO_ADDRESS } from "../../../src/wire/lisp-control/address.js";
import type { LispControlMessage } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../../src/wire/lisp-control/record.js";

const NONCES = [0n, 1n, 0x7fffffffffffffffn, 0xfffffffffffffffen, 0xffffffffffffffffn] as const;
const TTLS = [0, 1, 15, 1440, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff] as const;
const IIDS = [0, 1, 7, 0xffffff, 0x1000000, 0xffffffff] as const;
const BYTES = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 64, 127, 128, 129, 254, 255] as const;
const WORDS = [0, 1, 2, 16387, 16389, 17, 3, 7, 0x7fff, 0x8000, 0xfffe, 0xffff] as const;
/** Longest message made, bytes: what a packet slot holds with its headers. */
export const MESSAGE_MAX = 1900;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)];
}

/** How often a thing is there instead of once. Many are rare: they take time and tell little. */
function copies(random: Random): number {
  return random.below(10) === 0 ? 1 + random.below(120) : 1 + random.below(3);
}

// ---- Fields ------------------------------------------------------------------------

/** An address of any kind, LCAFs within LCAFs to any depth. */
export function anyAddress(random: Random, plain: LispAddress): LispAddress {
  let address = plain;
  for (let depth = pick(random, [0, 1, 1, 1, 2, 2, 3, 8, 40]); depth > 0; depth--)
    address = wrapped(random, address);
  return address;
}

function wrapped(random: Random, address: LispAddress): LispAddress {
  switch (random.below(7)) {
    case 0:
      return NO_ADDRESS;
    case 1:
      return { kind: "instance", iid: pick(random, IIDS), iidMaskLength: random.below(256), address };
    case 2:
      return { kind: "list", addresses: Array.from({ length: random.below(5) }, () => address) };
    case 3:
      return { kind: "path", hops: [{ lookup: false, probe: true, strict: false, address }] };
    case 4:
      return {
        kind: "replication",
        entries: [
          { level: random.below(256), address },
          { level: 0, address },
        ],
      };
    case 5:
      return {
        kind: "source-destination",
        sourceLength: random.below(256),
        destinationLength: random.below(256),
        source: address,
        destination: address,
      };
    default:
      return random.below(2) === 0
        ? { kind: "name", name: "x".repeat(pick(random, BYTES)) }
        : { kind: "mac", address: new Uint8Array(6).fill(random.below(256)) };
  }
}

function locatorsOf(random: Random, locators: readonly RlocRecord[]): RlocRecord[] {
  const list = [...locators];
  switch (random.below(5)) {
    case 0:
      return [];
    case 1:
      return list.reverse();
    case 2:
      return list.flatMap((l) => Array.from({ length: copies(random) }, () => l)).slice(0, 120);
    case 3:
      return list.map((l) => ({ ...l, rloc: anyAddress(random, l.rloc) }));
    default:
      return list.map((l) => ({
        ...l,
        priority: pick(random, BYTES),
        weight: pick(random, BYTES),
        local: random.below(2) === 0,
        probed: random.below(2) === 0,
        reachable: random.below(2) === 0,
      }));
  }
}

function recordOf(random: Random, record: EidRecord): EidRecord {
  switch (random.below(6)) {
    case 0:
      return { ...record, ttl: pick(random, TTLS) };
    case 1:
      return { ...record, maskLength: pick(random, BYTES) };
    case 2:
      return { ...record, eid: anyAddress(random, record.eid) };
    case 3:
      return { ...record, action: random.below(8), version: pick(random, [0, 1, 0xffe, 0xfff]) };
    case 4:
      return { ...record, authoritative: !record.authoritative };
    default:
      return { ...record, locators: locatorsOf(random, record.locators) };
  }
}

function recordsOf<R>(random: Random, records: readonly R[], splice: readonly R[], one: (r: R) => R): R[] {
  switch (random.below(8)) {
    case 0:
      return [...records].reverse();
    case 1:
      return records.flatMap((r) => Array.from({ length: copies(random) }, () => r)).slice(0, 255);
    case 2:
      return [...records, ...splice];
    case 3:
      return [...splice, ...records.slice(1)];
    case 4:
      return random.below(4) === 0 ? [] : [...records, ...records];
    default:
      return records.map((r) => (random.below(2) === 0 ? one(r) : r));
  }
}

/** The message with one field or list changed; `other`: another one, parts of which may take the place of its own. */
export function mutatedFields(
  random: Random,
  message: LispControlMessage,
  other: LispControlMessage,
): LispControlMessage {
  if (message.type === "encapsulated-control") {
    if (message.inner === null) return message;
    const inner = other.type === "encapsulated-control" ? message.inner.message : other;
    const changed = random.below(6) === 0 ? inner : mutatedFields(random, message.inner.message, other);
    if (changed.type === "encapsulated-control") return message;
    return { ...message, inner: { ...message.inner, message: changed } };
  }
  if (random.below(12) === 0 && "nonce" in message) {
    const near = BigInt.asUintN(64, message.nonce + pick(random, [1n, -1n]));
    return { ...message, nonce: pick(random, [near, near, ...NONCES]) };
  }
  if (random.below(16) === 0 && message.type !== "shared-extension")
    return { ...message, trailer: new Uint8Array(1 + random.below(40)).fill(random.below(256)) };
  switch (message.type) {
    case "map-request": {
      const splice = other.type === "map-request" ? other.records : [];
      const eids = (): typeof message.records =>
        recordsOf(random, message.records, splice, (r) => ({
          ...r,
          eid: anyAddress(random, r.eid),
          maskLength: pick(random, [r.maskLength, ...BYTES]),
        }));
      return random.below(2) === 0
        ? { ...message, records: eids() }
        : { ...message, ...rlocsOf(random, message.itrRlocs) };
    }
    case "map-reply":
    case "map-register":
    case "map-notify":
    case "map-notify-ack":
    case "change-priority": {
      const splice =
        other.type === "map-reply" || other.type === "map-register" || other.type === "map-notify"
          ? other.records
          : [];
      return { ...message, records: recordsOf(random, message.records, splice, (r) => recordOf(random, r)) };
    }
    default:
      return message;
  }
}

function rlocsOf(
  random: Random,
  rlocs: readonly LispAddress[],
): { readonly itrRlocs: readonly LispAddress[] } | { readonly sourceEid: LispAddress } {
  const [first] = rlocs;
  switch (random.below(4)) {
    case 0:
      return { itrRlocs: Array.from({ length: pick(random, [2, 3, 31, 32]) }, () => first) };
    case 1:
      return { itrRlocs: rlocs.map((r) => anyAddress(random, r)) };
    case 2:
      return { itrRlocs: [NO_ADDRESS] };
    default:
      return { sourceEid: anyAddress(random, ipAddress(new Uint8Array(4).fill(10))) };
  }
}

// ---- Bytes -------------------------------------------------------------------------

/** The bytes with a few changes; `other`: another message's. */
export function mutatedBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let n = pick(random, [1, 1, 2, 3, 8]); n > 0 && changed.length > 0; n--)
    changed = mutatedOnce(random, changed, other);
  return changed.subarray(0, MESSAGE_MAX);
}

function mutatedOnce(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const { length } = bytes;
  // The head decides more than the rest.
  const at = random.below(random.below(2) === 0 ? Math.min(length, 48) : length);
  switch (random.below(11)) {
    case 0:
      bytes[at] ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = pick(random, BYTES);
      return bytes;
    case 2:
      return bytes.slice(0, random.below(length + 1));
    case 3:
      return Uint8Array.of(...bytes, ...bytes.subarray(at)).subarray(0, MESSAGE_MAX);
    case 4:
      // The front of one, the end of another.
      return Uint8Array.of(...bytes.subarray(0, at), ...other.subarray(random.below(other.length + 1)));
    case 5:
      return word(bytes, at, pick(random, WORDS));
    case 6:
      // Record Count, or the count of ITR-RLOCs.
      bytes[Math.min(length - 1, pick(random, [2, 3]))] = pick(random, BYTES);
      return bytes;
    case 7:
      // Authentication Data Length, or Key ID and Algorithm.
      return word(bytes, pick(random, [12, 14]), pick(random, WORDS));
    case 8: {
      // Type, flags or length of an LCAF.
      const lcaf = Buffer.from(bytes.buffer, bytes.byteOffset, length).indexOf(
        "4003",
        random.below(length),
        "hex",
      );
      if (lcaf >= 0 && lcaf + 8 <= length) {
        if (random.below(2) === 0) return word(bytes, lcaf + 6, pick(random, [...WORDS, length - lcaf - 8]));
        bytes[lcaf + 4] = random.below(20);
      }
      return bytes;
    }
    case 9:
      bytes[0] = (random.below(16) << 4) | (bytes[0] & 15);
      return bytes;
    default:
      // Two places change with each other.
      bytes.copyWithin(at, random.below(length), Math.min(length, at + 32));
      return bytes;
  }
}

function word(bytes: Uint8Array, at: number, value: number): Uint8Array {
  if (at + 2 <= bytes.length) {
    bytes[at] = value >>> 8;
    bytes[at + 1] = value & 0xff;
  }
  return bytes;
}
