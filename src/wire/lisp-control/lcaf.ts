// The LISP Canonical Address Format (RFC 8060). Behind AFI 16387:
//
//   bits    field
//   8       Rsvd1
//   8       Flags
//   8       Type
//   8       Rsvd2 (type 2: IID mask-len)
//   16      Length of what follows
//
//   1  AFI list (4.10)           AFI address ...
//   2  instance ID (4.1)         IID:32, AFI address
//   5  geo-coordinates (4.3)     N:1 degrees:15 minutes:8 seconds:8, E:1 ..., altitude:32, AFI address
//   7  NAT traversal (4.4)       MS port:16, ETR port:16, global ETR, MS, private ETR, RTRs
//   10 explicit locator path (4.6)  per hop Rsvd3:13 L P S, AFI address
//   12 source/destination (4.8)  reserved:16 source-ML:8 dest-ML:8, AFI source, AFI destination
//   13 replication list (4.9)    per entry Rsvd3:16 Rsvd4:8 level:8, AFI address
//
// Other types are kept as bytes. Throughout, reserved bits are fields only where some are set.

import type { LispAddress } from "./address.js";
import type { Reader, Writer } from "./cursor.js";

export const LCAF_LIST = 1;
export const LCAF_INSTANCE = 2;
export const LCAF_GEO = 5;
export const LCAF_NAT = 7;
export const LCAF_PATH = 10;
export const LCAF_SOURCE_DESTINATION = 12;
export const LCAF_REPLICATION = 13;

/** LCAFs within LCAFs, at most. */
export const LCAF_DEPTH_MAX = 6;
/** Addresses in one list, RTRs, hops or entries, at most. */
export const LCAF_ITEMS_MAX = 255;

/** Header bits of any LCAF without a meaning of their own; absent when 0. */
export interface LcafBits {
  readonly reserved1?: number;
  readonly flags?: number;
  readonly reserved2?: number;
}

export interface GeoAngle {
  /** 15 bits; RFC 8060 wants at most 90 of latitude, 180 of longitude. */
  readonly degrees: number;
  readonly minutes: number;
  readonly seconds: number;
}

export interface PathHop {
  /** L, P and S bits. */
  readonly lookup: boolean;
  readonly probe: boolean;
  readonly strict: boolean;
  readonly reserved?: number;
  readonly address: LispAddress;
}

export interface ReplicationEntry {
  readonly level: number;
  /** Rsvd3 and Rsvd4, 24 bits. */
  readonly reserved?: number;
  readonly address: LispAddress;
}

type Lcaf =
  | { readonly kind: "list"; readonly addresses: readonly LispAddress[] }
  | {
      readonly kind: "instance";
      /** 32 bits. */
      readonly iid: number;
      /** High-order bits of the instance ID that count, for a range of them (with AFI 0). */
      readonly iidMaskLength: number;
      readonly address: LispAddress;
    }
  | {
      readonly kind: "geo";
      readonly north: boolean;
      readonly latitude: GeoAngle;
      readonly east: boolean;
      readonly longitude: GeoAngle;
      /** Metres above the sea, signed; 0x7fffffff: not said. */
      readonly altitude: number;
      readonly address: LispAddress;
    }
  | {
      readonly kind: "nat";
      readonly msPort: number;
      readonly etrPort: number;
      readonly globalEtr: LispAddress;
      readonly ms: LispAddress;
      readonly privateEtr: LispAddress;
      readonly rtrs: readonly LispAddress[];
    }
  | { readonly kind: "path"; readonly hops: readonly PathHop[] }
  | {
      readonly kind: "source-destination";
      readonly reserved?: number;
      readonly sourceLength: number;
      readonly destinationLength: number;
      readonly source: LispAddress;
      readonly destination: LispAddress;
    }
  | { readonly kind: "replication"; readonly entries: readonly ReplicationEntry[] }
  /** A type this codec does not look into. */
  | { readonly kind: "opaque"; readonly lcafType: number; readonly body: Uint8Array };

export type LcafAddress = Lcaf & LcafBits;

type ReadAddress = (r: Reader) => LispAddress;
type WriteAddress = (w: Writer, address: LispAddress) => void;

/** Reads what stands behind AFI 16387; `readAddress` reads the addresses in it. */
export function readLcaf(r: Reader, readAddress: ReadAddress): LcafAddress {
  if (r.depth >= LCAF_DEPTH_MAX) throw r.error("TOO_DEEP", `LCAFs nested more than ${LCAF_DEPTH_MAX} deep`);
  const reserved1 = r.u8("LCAF");
  const flags = r.u8("LCAF flags");
  const type = r.u8("LCAF type");
  const reserved2 = r.u8("LCAF");
  const length = r.u16("LCAF length");
  const outer = r.end;
  r.end = r.skip(length, `LCAF of type ${type}`) + length;
  r.at -= length;
  r.depth++;
  const lcaf = readBody(type, reserved2, r, readAddress);
  if (r.left > 0) throw r.error("BAD_LENGTH", `${r.left} bytes too many in an LCAF of type ${type}`);
  r.depth--;
  r.end = outer;
  const bits = { reserved1, flags, reserved2: type === LCAF_INSTANCE ? 0 : reserved2 };
  return reserved1 + flags + bits.reserved2 === 0 ? lcaf : { ...lcaf, ...r.reserved(bits) };
}

function readBody(type: number, reserved2: number, r: Reader, readAddress: ReadAddress): Lcaf {
  switch (type) {
    case LCAF_LIST:
      return { kind: "list", addresses: many(r, readAddress) };
    case LCAF_INSTANCE:
      return {
        kind: "instance",
        iid: r.u32("instance ID"),
        iidMaskLength: reserved2,
        address: readAddress(r),
      };
    case LCAF_GEO: {
      const latitude = r.u32("latitude");
      const longitude = r.u32("longitude");
      return {
        kind: "geo",
        north: latitude >>> 31 === 1,
        latitude: angle(latitude),
        east: longitude >>> 31 === 1,
        longitude: angle(longitude),
        altitude: r.u32("altitude") | 0,
        address: readAddress(r),
      };
    }
    case LCAF_NAT:
      return {
        kind: "nat",
        msPort: r.u16("MS port"),
        etrPort: r.u16("ETR port"),
        globalEtr: readAddress(r),
        ms: readAddress(r),
        privateEtr: readAddress(r),
        rtrs: many(r, readAddress),
      };
    case LCAF_PATH:
      return { kind: "path", hops: many(r, (inner) => readHop(inner, readAddress)) };
    case LCAF_SOURCE_DESTINATION:
      return {
        kind: "source-destination",
        ...r.reserved({ reserved: r.u16("reserved bits") }),
        sourceLength: r.u8("source mask length"),
        destinationLength: r.u8("destination mask length"),
        source: readAddress(r),
        destination: readAddress(r),
      };
    case LCAF_REPLICATION:
      return { kind: "replication", entries: many(r, (inner) => readEntry(inner, readAddress)) };
    default:
      return { kind: "opaque", lcafType: type, body: r.take(r.left, "LCAF") };
  }
}

/** Items up to the end of the LCAF. */
function many<T>(r: Reader, read: (r: Reader) => T): T[] {
  const items: T[] = [];
  while (r.left > 0) {
    if (items.length === LCAF_ITEMS_MAX)
      throw r.error("TOO_MANY", `more than ${LCAF_ITEMS_MAX} items in an LCAF`);
    items.push(read(r));
  }
  return items;
}

function angle(word: number): GeoAngle {
  return { degrees: (word >>> 16) & 0x7fff, minutes: (word >>> 8) & 0xff, seconds: word & 0xff };
}

function readHop(r: Reader, readAddress: ReadAddress): PathHop {
  const bits = r.u16("hop");
  return {
    lookup: (bits & 4) !== 0,
    probe: (bits & 2) !== 0,
    strict: (bits & 1) !== 0,
    ...r.reserved({ reserved: bits >>> 3 }),
    address: readAddress(r),
  };
}

function readEntry(r: Reader, readAddress: ReadAddress): ReplicationEntry {
  const word = r.u32("replication entry");
  return { level: word & 0xff, ...r.reserved({ reserved: word >>> 8 }), address: readAddress(r) };
}

/** Writes what stands behind AFI 16387. */
export function writeLcaf(w: Writer, lcaf: LcafAddress, writeAddress: WriteAddress): void {
  if (w.depth >= LCAF_DEPTH_MAX) throw w.error("TOO_DEEP", `LCAFs nested more than ${LCAF_DEPTH_MAX} deep`);
  w.u8(lcaf.reserved1 ?? 0, "LCAF reserved bits");
  w.u8(lcaf.flags ?? 0, "LCAF flags");
  w.u8(lcafType(lcaf), "LCAF type");
  w.u8(lcaf.kind === "instance" ? lcaf.iidMaskLength : (lcaf.reserved2 ?? 0), "LCAF reserved bits");
  const length = w.at;
  w.u16(0, "LCAF length");
  w.depth++;
  writeBody(w, lcaf, writeAddress);
  w.depth--;
  w.lengthAt(length);
}

function lcafType(lcaf: LcafAddress): number {
  switch (lcaf.kind) {
    case "list":
      return LCAF_LIST;
    case "instance":
      return LCAF_INSTANCE;
    case "geo":
      return LCAF_GEO;
    case "nat":
      return LCAF_NAT;
    case "path":
      return LCAF_PATH;
    case "source-destination":
      return LCAF_SOURCE_DESTINATION;
    case "replication":
      return LCAF_REPLICATION;
    case "opaque":
      return lcaf.lcafType;
  }
}

function writeBody(w: Writer, lcaf: LcafAddress, writeAddress: WriteAddress): void {
  switch (lcaf.kind) {
    case "list":
      for (const address of atMost(w, lcaf.addresses)) writeAddress(w, address);
      break;
    case "instance":
      w.u32(lcaf.iid, "instance ID");
      writeAddress(w, lcaf.address);
      break;
    case "geo":
      writeAngle(w, lcaf.north, lcaf.latitude);
      writeAngle(w, lcaf.east, lcaf.longitude);
      if (lcaf.altitude !== (lcaf.altitude | 0))
        throw w.error("BAD_FIELD", `altitude ${lcaf.altitude} is not a signed 32-bit number`);
      w.u32(lcaf.altitude >>> 0, "altitude");
      writeAddress(w, lcaf.address);
      break;
    case "nat":
      w.u16(lcaf.msPort, "MS port");
      w.u16(lcaf.etrPort, "ETR port");
      for (const address of [lcaf.globalEtr, lcaf.ms, lcaf.privateEtr]) writeAddress(w, address);
      for (const address of atMost(w, lcaf.rtrs)) writeAddress(w, address);
      break;
    case "path":
      for (const hop of atMost(w, lcaf.hops)) {
        w.check(hop.reserved ?? 0, 0x1fff, "reserved bits of a hop");
        const bits = (hop.lookup ? 4 : 0) | (hop.probe ? 2 : 0) | (hop.strict ? 1 : 0);
        w.u16(((hop.reserved ?? 0) << 3) | bits, "hop");
        writeAddress(w, hop.address);
      }
      break;
    case "source-destination":
      w.u16(lcaf.reserved ?? 0, "reserved bits");
      w.u8(lcaf.sourceLength, "source mask length");
      w.u8(lcaf.destinationLength, "destination mask length");
      writeAddress(w, lcaf.source);
      writeAddress(w, lcaf.destination);
      break;
    case "replication":
      for (const entry of atMost(w, lcaf.entries)) {
        w.check(entry.reserved ?? 0, 0xffffff, "reserved bits of an entry");
        w.check(entry.level, 0xff, "level");
        w.u32((entry.reserved ?? 0) * 256 + entry.level, "entry");
        writeAddress(w, entry.address);
      }
      break;
    case "opaque":
      w.raw(lcaf.body);
  }
}

function atMost<T>(w: Writer, items: readonly T[]): readonly T[] {
  if (items.length > LCAF_ITEMS_MAX) throw w.error("TOO_MANY", `${items.length} items in an LCAF`);
  return items;
}

function writeAngle(w: Writer, positive: boolean, { degrees, minutes, seconds }: GeoAngle): void {
  w.check(degrees, 0x7fff, "degrees");
  w.u16((positive ? 0x8000 : 0) | degrees, "degrees");
  w.u8(minutes, "minutes");
  w.u8(seconds, "seconds");
}
