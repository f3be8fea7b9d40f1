// Addresses of all kinds that control messages may have, as text and back. Reserved bits are not shown.

import { addressText, findAddress } from "../net/address.js";
import type { LispAddress } from "../wire/lisp-control/address.js";
import type { GeoAngle, PathHop } from "../wire/lisp-control/lcaf.js";

/** Of the altitude of geo-coordinates: it is not said (RFC 8060, section 4.3). */
const NO_ALTITUDE = 0x7fffffff;
/** LCAFs in LCAFs, as deep as a message may have them. */
const DEPTH_MAX = 6;

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
    case "instance": {
      const range = address.iidMaskLength === 0 ? "" : `/${address.iidMaskLength}`;
      return `[${address.iid}${range}]${lispAddressText(address.address)}`;
    }
    case "list":
      return `list(${address.addresses.map(lispAddressText).join(" ")})`;
    case "path":
      return `path(${address.hops.map((h) => `${lispAddressText(h.address)}${hopFlags(h)}`).join(" ")})`;
    case "replication":
      return `replication(${address.entries.map((e) => `${lispAddressText(e.address)}@${e.level}`).join(" ")})`;
    case "geo": {
      const { latitude, longitude, altitude, north, east } = address;
      const height = altitude === NO_ALTITUDE ? "" : ` ${altitude}m`;
      const place = `${angleText(latitude)}${north ? "N" : "S"} ${angleText(longitude)}${east ? "E" : "W"}`;
      const inner = address.address.kind === "none" ? "" : lispAddressText(address.address);
      return `geo(${place}${height})${inner}`;
    }
    case "source-destination":
      return `source(${lispAddressText(address.source)}/${address.sourceLength} ${lispAddressText(address.destination)}/${address.destinationLength})`;
    case "nat": {
      const { msPort, etrPort, globalEtr, ms, privateEtr, rtrs } = address;
      return `nat(${msPort} ${etrPort} ${[globalEtr, ms, privateEtr, ...rtrs].map(lispAddressText).join(" ")})`;
    }
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

/** The address that `text` begins with, as `lispAddressText` writes it, and how long that is; null: with none. */
export function lispAddressAt(
  text: string,
): { readonly address: LispAddress; readonly length: number } | null {
  const scan = new Scan(text);
  const address = readAddress(scan, 0);
  return address === null ? null : { address, length: scan.at };
}

/** Where a text has been read to. */
class Scan {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes what matches here, with its groups; null: nothing does. `pattern` is sticky. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  /** A whole number from 0 to `max`, or below 0 to `min`. */
  number(max: number, min = 0): number | null {
    const word = this.take(min < 0 ? /-?\d{1,10}/y : /\d{1,10}/y);
    const value = Number(word?.[0]);
    return word !== null && value >= min && value <= max ? value : null;
  }

  /** Takes items with spaces between them, and the end of the parentheses; null where one is missing. */
  items<T>(item: () => T | null): T[] | null {
    const found: T[] = [];
    if (this.take(/\)/y)) return found;
    for (;;) {
      const one = item();
      if (one === null) return null;
      found.push(one);
      if (this.take(/\)/y)) return found;
      if (!this.take(/ /y)) return null;
    }
  }
}

function readAddress(s: Scan, depth: number): LispAddress | null {
  if (depth > DEPTH_MAX) return null;
  const instance = s.take(/\[(\d{1,10})(?:\/(\d{1,3}))?\]/y);
  if (instance !== null) {
    const [iid, iidMaskLength] = [Number(instance[1]), Number(instance[2] ?? 0)];
    const address = readAddress(s, depth + 1);
    if (address === null || iid > 0xffffffff || iidMaskLength > 255) return null;
    return { kind: "instance", iid, iidMaskLength, address };
  }
  const kind = s.take(/(list|path|replication|geo|source|nat|lcaf-\d{1,3})\(/y);
  if (kind !== null) return readKind(kind[1], s, depth + 1);
  const name = s.take(/"(?:[^"\\]|\\.)*"/y);
  if (name !== null) return readName(name[0]);
  return readPlain(s);
}

function readName(text: string): LispAddress | null {
  try {
    return { kind: "name", name: JSON.parse(text) as string };
  } catch {
    return null;
  }
}

function readPlain(s: Scan): LispAddress | null {
  const mac = s.take(/[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![0-9a-f]|:[0-9a-f:])/y);
  if (mac !== null)
    return { kind: "mac", address: Uint8Array.from(mac[0].split(":"), (b) => Number.parseInt(b, 16)) };
  // The colon before a hop's flags is not the address's.
  const ip = s.take(/[0-9a-fA-F.:]+?(?=:[LPS]|[^0-9a-fA-F.:]|$)/y);
  if (ip === null) return s.take(/-/y) === null ? null : { kind: "none" };
  const address = findAddress(ip[0]);
  return address === null ? null : { kind: "ip", address };
}

function readKind(kind: string, s: Scan, depth: number): LispAddress | null {
  const inner = (): LispAddress | null => readAddress(s, depth);
  switch (kind) {
    case "list": {
      const addresses = s.items(inner);
      return addresses && { kind, addresses };
    }
    case "path": {
      const hops = s.items(() => readHop(s, depth));
      return hops && { kind, hops };
    }
    case "replication": {
      const entries = s.items(() => {
        const address = inner();
        const level = s.take(/@/y) === null ? null : s.number(255);
        return address === null || level === null ? null : { level, address };
      });
      return entries && { kind, entries };
    }
    case "source": {
      const ends = s.items(() => {
        const address = inner();
        const length = s.take(/\//y) === null ? null : s.number(255);
        return address === null || length === null ? null : { address, length };
      });
      if (ends?.length !== 2) return null;
      const [source, destination] = ends;
      return {
        kind: "source-destination",
        sourceLength: source.length,
        destinationLength: destination.length,
        source: source.address,
        destination: destination.address,
      };
    }
    case "nat": {
      const ports = s.take(/(\d{1,5}) (\d{1,5}) /y);
      const addresses = s.items(inner);
      if (ports === null || addresses === null || addresses.length < 3) return null;
      const [msPort, etrPort] = [Number(ports[1]), Number(ports[2])];
      if (msPort > 0xffff || etrPort > 0xffff) return null;
      const [globalEtr, ms, privateEtr, ...rtrs] = addresses;
      return { kind, msPort, etrPort, globalEtr, ms, privateEtr, rtrs };
    }
    case "geo":
      return readGeo(s, depth);
    default: {
      const body = s.take(/((?:[0-9a-f]{2})*)\)/y);
      const lcafType = Number(kind.slice("lcaf-".length));
      if (body === null || lcafType > 255) return null;
      return { kind: "opaque", lcafType, body: new Uint8Array(Buffer.from(body[1], "hex")) };
    }
  }
}

function readHop(s: Scan, depth: number): PathHop | null {
  const address = readAddress(s, depth);
  if (address === null) return null;
  const flags = s.take(/:(L?P?S?)/y)?.[1] ?? "";
  return {
    lookup: flags.includes("L"),
    probe: flags.includes("P"),
    strict: flags.includes("S"),
    address,
  };
}

function readGeo(s: Scan, depth: number): LispAddress | null {
  const latitude = readAngle(s);
  const north = s.take(/([NS]) /y)?.[1];
  const longitude = readAngle(s);
  const east = s.take(/[EW]/y)?.[0];
  const isHigh = s.take(/ /y) !== null;
  const altitude = isHigh ? s.number(NO_ALTITUDE, -(2 ** 31)) : NO_ALTITUDE;
  if (latitude === null || longitude === null || altitude === null) return null;
  if (north === undefined || east === undefined || s.take(isHigh ? /m\)/y : /\)/y) === null) return null;
  const address = s.take(/(?=$|[ ):@/,])/y) === null ? readAddress(s, depth) : ({ kind: "none" } as const);
  if (address === null) return null;
  return { kind: "geo", north: north === "N", latitude, east: east === "E", longitude, altitude, address };
}

function readAngle(s: Scan): GeoAngle | null {
  const found = s.take(/(\d{1,5})-(\d{1,3})-(\d{1,3})-/y);
  if (found === null) return null;
  const [degrees, minutes, seconds] = found.slice(1).map(Number);
  return degrees > 0x7fff || minutes > 255 || seconds > 255 ? null : { degrees, minutes, seconds };
}
