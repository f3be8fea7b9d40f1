// Capture files in the classic pcap format (draft-ietf-opsawg-pcap): read and
// written in a stream, with one buffer of fixed size. Files are hostile input:
// every length is checked, and an error names the byte where it stands.

import { CodedError } from "../sluice-error.js";

/** Bytes of the file header and of a record's header. */
export const PCAP_HEADER = 24;
export const PCAP_RECORD = 16;
/** Largest captured length believed, as in libpcap. */
export const PCAP_MAX_LENGTH = 262144;
/** What a reader or writer asks of its buffer by default. */
export const PCAP_BUFFER: number = 2 ** 20;

// Link types (LINKTYPE_* of the tcpdump group's registry).
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
/** Raw IP as older systems number it. */
export const LINKTYPE_RAW_OLD = 12;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;

const MICRO = 0xa1b2c3d4;
const NANO = 0xa1b23c4d;
const MODIFIED = 0xa1b2cd34;
const PCAPNG = 0x0a0d0d0a;

export type PcapErrorCode =
  /** No pcap file, or of a kind that is not supported. */
  | "BAD_HEADER"
  | "BAD_RECORD"
  /** It ends inside a header or record. */
  | "TRUNCATED";

/** A capture file that cannot be read. `offset` is the byte of the file at which the trouble stands. */
export class PcapError extends CodedError<PcapErrorCode> {
  readonly offset: number;

  constructor(code: PcapErrorCode, offset: number, message: string) {
    super(code, `${message} (byte ${offset})`);
    this.offset = offset;
  }
}

export interface PcapHeader {
  readonly littleEndian: boolean;
  /** Time stamps are in nanoseconds rather than microseconds. */
  readonly nanoseconds: boolean;
  /** Bytes of a packet that were kept at most; 0 or more, as the file says. */
  readonly snapLength: number;
  /** LINKTYPE_*. */
  readonly linkType: number;
}

/** Reads the file header at the start of `bytes`. Throws PcapError. */
export function readPcapHeader(bytes: Uint8Array): PcapHeader {
  if (bytes.length < 4) throw new PcapError("TRUNCATED", bytes.length, "no pcap file: too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const big = view.getUint32(0);
  const little = view.getUint32(0, true);
  const littleEndian = little === MICRO || little === NANO;
  const magic = littleEndian ? little : big;
  if (big === PCAPNG) {
    throw new PcapError("BAD_HEADER", 0, "this is a pcapng file: convert it with `editcap -F pcap IN OUT`");
  }
  if (big === MODIFIED || little === MODIFIED)
    throw new PcapError("BAD_HEADER", 0, "this pcap variant (magic a1b2cd34) is not supported");
  if (magic !== MICRO && magic !== NANO)
    throw new PcapError("BAD_HEADER", 0, `no pcap file: it begins with ${big.toString(16).padStart(8, "0")}`);
  if (bytes.length < PCAP_HEADER)
    throw new PcapError("TRUNCATED", bytes.length, "the pcap file ends inside its header");
  const major = view.getUint16(4, littleEndian);
  const minor = view.getUint16(6, littleEndian);
  // Before 2.4 the two lengths of a record changed places.
  if (major !== 2 || minor < 4)
    throw new PcapError("BAD_HEADER", 4, `pcap version ${major}.${minor} is not supported, only 2.4`);
  return {
    littleEndian,
    nanoseconds: magic === NANO,
    snapLength: view.getUint32(16, littleEndian),
    // The upper half holds what is known about frame check sequences.
    linkType: view.getUint16(littleEndian ? 20 : 22, littleEndian),
  };
}

/** Writes the file header to `bytes`, PCAP_HEADER long. */
export function writePcapHeader(bytes: Uint8Array, header: PcapHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = header.littleEndian;
  view.setUint32(0, header.nanoseconds ? NANO : MICRO, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(8, 0, little);
  view.setUint32(12, 0, little);
  view.setUint32(16, header.snapLength, little);
  view.setUint32(20, header.linkType, little);
}

/** Fills the array from the front as far as it can without blocking for ever; returns the number of bytes, 0 at the end. */
export type PcapSource = (into: Uint8Array) => number;

/**
 * Reads a capture record by record. After `next` returned true the fields describe a record, whose data are
 * `captured` bytes at `start` of `buffer`, until the next call. Nothing is allocated per record; where the
 * buffer is part of a router's memory, packets can be copied without a view.
 */
export class PcapReader {
  readonly header: PcapHeader;
  readonly buffer: Uint8Array;
  /** Position of the record's data in the buffer. */
  start = 0;
  /** Bytes of data in the file, and on the wire. */
  captured = 0;
  original = 0;
  /** Time stamp: seconds since the epoch, and nanoseconds below 1,000,000,000. */
  seconds = 0;
  nanoseconds = 0;
  /** Byte of the file at which the record begins. */
  offset = 0;

  readonly #read: PcapSource;
  readonly #view: DataView;
  // The unread bytes are buffer[#head .. #tail); the first of them is byte #position of the file.
  #head = 0;
  #tail = 0;
  #position = 0;

  /** `buffer` holds at least 128 KiB (records longer than it are errors). Reads the header; throws PcapError. */
  constructor(read: PcapSource, buffer: Uint8Array = new Uint8Array(PCAP_BUFFER)) {
    this.#read = read;
    this.buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#fill(PCAP_HEADER);
    this.header = readPcapHeader(buffer.subarray(0, Math.min(this.#tail, PCAP_HEADER)));
    this.#advance(PCAP_HEADER);
  }

  /** Goes to the next record. False at the end of the file; throws PcapError where it is damaged. */
  next(): boolean {
    const had = this.#fill(PCAP_RECORD);
    this.offset = this.#position;
    if (had === 0) return false;
    if (had < PCAP_RECORD)
      throw new PcapError("TRUNCATED", this.offset, "the pcap file ends inside a record's header");
    const little = this.header.littleEndian;
    const view = this.#view;
    const fraction = view.getUint32(this.#head + 4, little);
    const captured = view.getUint32(this.#head + 8, little);
    if (captured > PCAP_MAX_LENGTH || captured + PCAP_RECORD > this.buffer.length)
      throw new PcapError("BAD_RECORD", this.offset + 8, `a pcap record claims ${captured} bytes`);
    if (this.#fill(PCAP_RECORD + captured) < PCAP_RECORD + captured)
      throw new PcapError("TRUNCATED", this.offset, "the pcap file ends inside a record");
    const perSecond = this.header.nanoseconds ? 1e9 : 1e6;
    const carry = Math.floor(fraction / perSecond);
    this.seconds = view.getUint32(this.#head, little) + carry;
    this.nanoseconds = (fraction - carry * perSecond) * (1e9 / perSecond);
    this.captured = captured;
    this.original = view.getUint32(this.#head + 12, little);
    this.start = this.#head + PCAP_RECORD;
    this.#advance(PCAP_RECORD + captured);
    return true;
  }

  /** Byte of the file at which the next record begins. */
  get position(): number {
    return this.#position;
  }

  /** Forgets what was read ahead: the source gives the file from byte `position` on, where a record begins. */
  restart(position: number): void {
    this.#head = 0;
    this.#tail = 0;
    this.#position = position;
  }

  #advance(n: number): void {
    this.#head += n;
    this.#position += n;
  }

  /** Makes `n` bytes available if the file has them; returns how many there are, at most `n`. */
  #fill(n: number): number {
    if (this.#tail - this.#head < n) {
      this.buffer.copyWithin(0, this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
      while (this.#tail < n) {
        const got = this.#read(this.buffer.subarray(this.#tail));
        if (got <= 0) break;
        this.#tail += got;
      }
    }
    return Math.min(n, this.#tail - this.#head);
  }
}

export interface PcapWriterOptions {
  /** LINKTYPE_*. Default Ethernet. */
  readonly linkType?: number;
  readonly nanoseconds?: boolean;
  /** Bytes kept of a packet; longer ones are cut. Default PCAP_MAX_LENGTH. */
  readonly snapLength?: number;
  readonly littleEndian?: boolean;
}

/** Writes a capture: `add` makes room for a record's data, which the caller then fills in. */
export class PcapWriter {
  readonly header: PcapHeader;
  readonly buffer: Uint8Array;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #view: DataView;
  #tail = 0;

  /** `write` takes all the bytes it is given. `buffer` holds at least a record of `snapLength` bytes. */
  constructor(
    write: (bytes: Uint8Array) => void,
    options: PcapWriterOptions = {},
    buffer: Uint8Array = new Uint8Array(PCAP_BUFFER),
  ) {
    this.#write = write;
    this.buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.header = {
      littleEndian: options.littleEndian ?? true,
      nanoseconds: options.nanoseconds ?? false,
      snapLength: Math.min(
        options.snapLength ?? PCAP_MAX_LENGTH,
        PCAP_MAX_LENGTH,
        buffer.length - PCAP_RECORD,
      ),
      linkType: options.linkType ?? LINKTYPE_ETHERNET,
    };
    writePcapHeader(buffer.subarray(0, PCAP_HEADER), this.header);
    this.#tail = PCAP_HEADER;
  }

  /**
   * Begins a record for a packet of `length` bytes at a time given in `seconds` and `nanoseconds`. Returns where
   * in `buffer` its data go: min(length, header.snapLength) bytes, to be filled in before the next call.
   * `original` is its length on the wire where that is more than `length`.
   */
  add(seconds: number, nanoseconds: number, length: number, original: number = length): number {
    const captured = Math.min(length, this.header.snapLength);
    if (this.#tail + PCAP_RECORD + captured > this.buffer.length) this.flush();
    const at = this.#tail;
    const { littleEndian: little } = this.header;
    this.#view.setUint32(at, seconds, little);
    this.#view.setUint32(
      at + 4,
      this.header.nanoseconds ? nanoseconds : Math.floor(nanoseconds / 1000),
      little,
    );
    this.#view.setUint32(at + 8, captured, little);
    this.#view.setUint32(at + 12, original, little);
    this.#tail = at + PCAP_RECORD + captured;
    return at + PCAP_RECORD;
  }

  /** Hands everything written so far to `write`. */
  flush(): void {
    if (this.#tail > 0) this.#write(this.buffer.subarray(0, this.#tail));
    this.#tail = 0;
  }
}

/** Bytes before the IP header in packets of this link type; 0 for Ethernet and raw IP, -1 for a link type not known. */
export function pcapLinkHeader(linkType: number): number {
  switch (linkType) {
    case LINKTYPE_ETHERNET:
    case LINKTYPE_RAW_OLD:
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return 0;
    case LINKTYPE_NULL:
      return 4; // address family, in the byte order of whoever wrote it
    case LINKTYPE_LINUX_SLL:
      return 16; // packet type at 0, protocol at 14
    default:
      return -1;
  }
}
