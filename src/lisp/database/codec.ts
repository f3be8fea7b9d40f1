// An entry as bytes. One layout serves the index (in memory) and the stores;
// numbers are big-endian.
//
//   u8  format version (1)
//   u8  number of registrations
//   for each, 20 bytes: what every refresh changes
//     f64 expiry   u32 lifetime: seconds it had to live when it was written
//     u64 nonce
//   for each: what says something new when it changes
//     u8  flags   u8 action   u16 Map-Version   [f64 TTL in seconds]
//     4 or 16 bytes source   [16 bytes xTR-ID]   [u64 Site-ID]
//     u8 n, n bytes site   [u16 n, n bytes EID-Record]
//     u8  number of locators; for each:
//       u8 flags  u8 priority  u8 weight  u8 mpriority  u8 mweight  4 or 16 bytes RLOC
//
// In the index the expiry is in steady nanoseconds of the router's clock, in a
// store in milliseconds of wall-clock time since 1970: a clock starts anew with its router.

import type { EidPrefix } from "../../net/eid.js";
import { SluiceError } from "../../sluice-error.js";
import { ACTIONS, type Locator, type Mapping } from "../mapping.js";
import { checkEntry, type Entry, type Registration } from "./registration.js";

/** Bytes that are no entry, or one of a format that this program does not know. */
export class EntryFormatError extends SluiceError {
  readonly code = "ENTRY_FORMAT";
}

export const FORMAT_VERSION = 1;
const HEAD = 2;
const VOLATILE = 20;

const MERGE = 1;
const PROXY = 2;
const NOTIFY = 4;
const XTR_ID = 8;
const SITE_ID = 16;
const TTL = 32;
const SOURCE_16 = 64;
const RAW = 128;

const RLOC_16 = 1;
const REACHABLE = 2;
const LOCAL = 4;
const PROBED = 8;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

function registrationSize(r: Registration): number {
  let size = VOLATILE + 4 + r.source.length + 1 + Buffer.byteLength(r.site) + 1;
  if (r.mapping.ttl !== null) size += 8;
  if (r.xtrId !== null) size += 16;
  if (r.siteId !== null) size += 8;
  if (r.raw !== null) size += 2 + r.raw.length;
  for (const l of r.mapping.locators) size += 5 + l.rloc.length;
  return size;
}

/** The entry as bytes; `now` is the steady time that lifetimes count from. Throws RegistrationError or MappingError. */
export function encodeEntry(entry: Entry, now: number): Uint8Array {
  checkEntry(entry);
  const { registrations } = entry;
  // From Buffer's pool: as blocks of their own, entries would bring the garbage collector too often.
  const bytes = Buffer.allocUnsafe(registrations.reduce((n, r) => n + registrationSize(r), HEAD));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes[0] = FORMAT_VERSION;
  bytes[1] = registrations.length;
  let at = HEAD;
  for (const r of registrations) {
    view.setFloat64(at, r.expiry);
    view.setUint32(at + 8, Math.min(0xffffffff, Math.max(0, Math.ceil((r.expiry - now) / 1e9))));
    view.setBigUint64(at + 12, r.nonce);
    at += VOLATILE;
  }
  for (const r of registrations) at = writeContent(view, bytes, at, r);
  return bytes;
}

function writeContent(view: DataView, bytes: Uint8Array, at: number, r: Registration): number {
  const { mapping } = r;
  bytes[at] =
    (r.merge ? MERGE : 0) |
    (r.proxy ? PROXY : 0) |
    (r.notify ? NOTIFY : 0) |
    (r.xtrId !== null ? XTR_ID : 0) |
    (r.siteId !== null ? SITE_ID : 0) |
    (mapping.ttl !== null ? TTL : 0) |
    (r.source.length === 16 ? SOURCE_16 : 0) |
    (r.raw !== null ? RAW : 0);
  bytes[at + 1] = ACTIONS.indexOf(mapping.action);
  view.setUint16(at + 2, mapping.version);
  at += 4;
  const put = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  if (mapping.ttl !== null) {
    view.setFloat64(at, mapping.ttl);
    at += 8;
  }
  put(r.source);
  if (r.xtrId !== null) put(r.xtrId);
  if (r.siteId !== null) {
    view.setBigUint64(at, r.siteId);
    at += 8;
  }
  const site = utf8.encode(r.site);
  bytes[at++] = site.length;
  put(site);
  if (r.raw !== null) {
    view.setUint16(at, r.raw.length);
    at += 2;
    put(r.raw);
  }
  bytes[at++] = mapping.locators.length;
  for (const l of mapping.locators) {
    bytes[at] =
      (l.rloc.length === 16 ? RLOC_16 : 0) |
      (l.reachable ? REACHABLE : 0) |
      (l.local ? LOCAL : 0) |
      (l.probed ? PROBED : 0);
    bytes[at + 1] = l.priority;
    bytes[at + 2] = l.weight;
    bytes[at + 3] = l.mpriority;
    bytes[at + 4] = l.mweight;
    at += 5;
    put(l.rloc);
  }
  return at;
}

/** Reads bytes from `at` to `end`, never beyond. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, view: DataView, at: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.at;
  }

  #take(size: number): number {
    if (this.left < size) throw new EntryFormatError("an entry that is cut short");
    const at = this.at;
    this.at += size;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  skip(size: number): void {
    this.#take(size);
  }

  /** A copy: the bytes may be memory that changes. */
  copy(size: number): Uint8Array {
    const at = this.#take(size);
    return new Uint8Array(this.#bytes.subarray(at, at + size));
  }
}

/**
 * Reads an entry of `size` bytes at `at`; `view` covers the same bytes. Nothing of the result lies in `bytes`.
 * Throws EntryFormatError, RegistrationError or MappingError.
 */
export function decodeEntry(
  key: EidPrefix,
  bytes: Uint8Array,
  view: DataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  at = 0,
  size = bytes.length,
): Entry {
  const times = new Reader(bytes, view, at, at + size);
  const version = times.u8();
  if (version !== FORMAT_VERSION)
    throw new EntryFormatError(`an entry of format ${version}; this program knows ${FORMAT_VERSION}`);
  const count = times.u8();
  const content = new Reader(bytes, view, times.at, at + size);
  content.skip(count * VOLATILE);
  const registrations: Registration[] = [];
  for (let i = 0; i < count; i++) {
    const expiry = times.f64();
    times.skip(4);
    registrations.push(readContent(key, content, expiry, times.u64()));
  }
  if (content.left !== 0) throw new EntryFormatError(`an entry with ${content.left} bytes too many`);
  return { iid: key.iid, eid: key.eid, registrations };
}

function readContent(key: EidPrefix, from: Reader, expiry: number, nonce: bigint): Registration {
  const flags = from.u8();
  const action = ACTIONS[from.u8()];
  if (action === undefined) throw new EntryFormatError("an entry with an unknown action");
  const version = from.u16();
  const ttl = flags & TTL ? from.f64() : null;
  const source = from.copy(flags & SOURCE_16 ? 16 : 4);
  const xtrId = flags & XTR_ID ? from.copy(16) : null;
  const siteId = flags & SITE_ID ? from.u64() : null;
  const siteSize = from.u8();
  const site = siteSize === 0 ? "" : fromUtf8.decode(from.copy(siteSize));
  const raw = flags & RAW ? from.copy(from.u16()) : null;
  const locators: Locator[] = [];
  for (let n = from.u8(); n > 0; n--) locators.push(readLocator(from));
  const mapping: Mapping = { iid: key.iid, eid: key.eid, ttl, action, locators, version };
  return {
    mapping,
    xtrId,
    siteId,
    source,
    site,
    nonce,
    expiry,
    proxy: (flags & PROXY) !== 0,
    merge: (flags & MERGE) !== 0,
    notify: (flags & NOTIFY) !== 0,
    raw,
  };
}

function readLocator(from: Reader): Locator {
  const flags = from.u8();
  const priority = from.u8();
  const weight = from.u8();
  const mpriority = from.u8();
  const mweight = from.u8();
  return {
    rloc: from.copy(flags & RLOC_16 ? 16 : 4),
    priority,
    weight,
    mpriority,
    mweight,
    reachable: (flags & REACHABLE) !== 0,
    local: (flags & LOCAL) !== 0,
    probed: (flags & PROBED) !== 0,
  };
}

/** Where what is not changed by a refresh begins; 0 for bytes of another format. */
export function contentStart(bytes: Uint8Array, at = 0): number {
  return bytes[at] === FORMAT_VERSION ? HEAD + bytes[at + 1] * VOLATILE : 0;
}

/** The first expiry in an entry's bytes. */
export function firstExpiry(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let first = Number.POSITIVE_INFINITY;
  for (let i = 0; i < bytes[1]; i++) first = Math.min(first, view.getFloat64(HEAD + i * VOLATILE));
  return first;
}

/**
 * Changes every expiry in an entry's bytes in place; `change` gets it and the seconds of lifetime
 * written beside it.
 */
export function mapExpiries(bytes: Uint8Array, change: (expiry: number, lifetime: number) => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < bytes[1]; i++) {
    const at = HEAD + i * VOLATILE;
    view.setFloat64(at, change(view.getFloat64(at), view.getUint32(at + 8)));
  }
}
