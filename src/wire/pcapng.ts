// Capture files in the pcapng format (draft-ietf-opsawg-pcapng), written block by block: several interfaces with
// names, nanoseconds, and a comment for each packet.

/** Block types (section 4). */
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;

/** Options (sections 3.5, 4.1, 4.2). */
const OPT_END = 0;
const OPT_COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const NANOSECONDS = 9;

/** Bytes of the longest option value. */
const OPTION_MAX = 65535;

/** For packets that start with no header that has a link type (LINKTYPE_USER0). */
export const LINKTYPE_USER0 = 147;

/** The section's header, with the name of the program that writes it. A file begins with one. */
export function sectionHeader(application: string): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, BYTE_ORDER, true);
  view.setUint16(4, 1, true);
  // The section's length is not told.
  view.setBigInt64(8, -1n, true);
  return block(SECTION_HEADER, body, [[SHB_USERAPPL, text(application)]]);
}

/** An interface; they are numbered from 0 in the order in which they stand. Times are in nanoseconds. */
export function interfaceDescription(name: string, linkType: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setUint16(0, linkType, true);
  return block(INTERFACE_DESCRIPTION, body, [
    [IF_NAME, text(name)],
    [IF_TSRESOL, Uint8Array.of(NANOSECONDS)],
  ]);
}

export interface CapturedPacket {
  /** Number of its interface. */
  readonly interface: number;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly bytes: Uint8Array;
  readonly comment: string;
}

export function enhancedPacket(packet: CapturedPacket): Uint8Array {
  const { bytes } = packet;
  const body = new Uint8Array(20 + padded(bytes.length));
  const view = new DataView(body.buffer);
  view.setUint32(0, packet.interface, true);
  view.setUint32(4, Number(packet.time >> 32n), true);
  view.setUint32(8, Number(packet.time & 0xffffffffn), true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, bytes.length, true);
  body.set(bytes, 20);
  return block(ENHANCED_PACKET, body, [[OPT_COMMENT, text(packet.comment)]]);
}

function block(
  type: number,
  body: Uint8Array,
  options: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const size = options.reduce((sum, [, value]) => sum + 4 + padded(value.length), 4);
  const length = 12 + body.length + size;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  bytes.set(body, 8);
  let at = 8 + body.length;
  for (const [code, value] of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint16(at, OPT_END, true);
  view.setUint32(length - 4, length, true);
  return bytes;
}

/** Blocks and options end on multiples of 4 bytes. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value).subarray(0, OPTION_MAX);
}
