// TCP (RFC 9293 section 3.1), with the options that decide how fast and how safe a transfer is: maximum segment size,
// window scale and timestamps (RFC 7323), selective acknowledgements (RFC 2018). Headers are read and written in place,
// into a record that is used again, because that happens with every packet.

// Offsets in bytes.
export const TCP_SOURCE_PORT = 0;
export const TCP_DESTINATION_PORT = 2;
export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGMENT = 8;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;
export const TCP_OPTIONS = 20;
/** Bytes of a header without options. */
export const TCP_HEADER = 20;
/** Bytes of the longest header. */
export const TCP_HEADER_MOST = 60;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;

/** SACK blocks in one segment at most: fewer where timestamps take some of the room. */
export const SACK_BLOCKS = 4;
/** Bytes of options in every segment of a connection with timestamps. */
export const TIMESTAMPS_SIZE = 12;
/** The largest shift of a window (RFC 7323 section 2.3). */
export const WINDOW_SCALE_MOST = 14;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;

/** A header. All numbers are unsigned and in host order. */
export class TcpHeader {
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgment = 0;
  /** A sum of TCP_FIN and so on. */
  flags = 0;
  /** As it is on the wire: not shifted. */
  window = 0;
  /** Largest segment that its sender takes, bytes; 0: it does not say. */
  mss = 0;
  /** Bits by which its sender's windows are shifted; -1: it does not say. */
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  timestamp = 0;
  /** The timestamp that is sent back. */
  echo = 0;
  /** SACK blocks in `sack`: the first and the number after the last of each. */
  sackCount = 0;
  readonly sack: Uint32Array = new Uint32Array(2 * SACK_BLOCKS);

  /** Makes it a header without options. */
  clearOptions(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.timestamp = 0;
    this.echo = 0;
    this.sackCount = 0;
  }
}

/**
 * Reads the header of a segment of `length` bytes at `at` into `header`. Returns the header's bytes, 0 where they
 * contradict the segment. The checksum is for the caller. An option that does not fit ends the options, as in most
 * stacks; one with a length that it cannot have is passed over.
 */
export function readTcp(view: DataView, at: number, length: number, header: TcpHeader): number {
  if (length < TCP_HEADER) return 0;
  const size = (view.getUint8(at + TCP_DATA_OFFSET) >> 4) * 4;
  if (size < TCP_HEADER || size > length) return 0;
  header.sourcePort = view.getUint16(at + TCP_SOURCE_PORT);
  header.destinationPort = view.getUint16(at + TCP_DESTINATION_PORT);
  header.sequence = view.getUint32(at + TCP_SEQUENCE);
  header.acknowledgment = view.getUint32(at + TCP_ACKNOWLEDGMENT);
  header.flags = view.getUint8(at + TCP_FLAGS);
  header.window = view.getUint16(at + TCP_WINDOW);
  header.clearOptions();
  const end = at + size;
  for (let option = at + TCP_OPTIONS; option < end; ) {
    const kind = view.getUint8(option);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      option++;
      continue;
    }
    if (option + 2 > end) break;
    const bytes = view.getUint8(option + 1);
    if (bytes < 2 || option + bytes > end) break;
    readOption(view, option, kind, bytes, header);
    option += bytes;
  }
  return size;
}

function readOption(view: DataView, at: number, kind: number, bytes: number, header: TcpHeader): void {
  if (kind === OPTION_TIMESTAMPS && bytes === 10) {
    header.hasTimestamps = true;
    header.timestamp = view.getUint32(at + 2);
    header.echo = view.getUint32(at + 6);
  } else if (kind === OPTION_SACK && bytes > 2 && (bytes - 2) % 8 === 0) {
    header.sackCount = Math.min((bytes - 2) / 8, SACK_BLOCKS);
    for (let i = 0; i < 2 * header.sackCount; i++) header.sack[i] = view.getUint32(at + 2 + 4 * i);
  } else if (kind === OPTION_MSS && bytes === 4) header.mss = view.getUint16(at + 2);
  else if (kind === OPTION_WINDOW_SCALE && bytes === 3)
    header.windowScale = Math.min(view.getUint8(at + 2), WINDOW_SCALE_MOST);
  else if (kind === OPTION_SACK_PERMITTED && bytes === 2) header.sackPermitted = true;
}

/** Bytes that `header` takes with its options, a multiple of 4. */
export function tcpHeaderSize(header: TcpHeader): number {
  let size = TCP_HEADER;
  if (header.mss > 0) size += 4;
  if (header.windowScale >= 0) size += 4;
  if (header.hasTimestamps) size += TIMESTAMPS_SIZE;
  if (header.sackPermitted) size += 4;
  if (header.sackCount > 0) size += 4 + 8 * header.sackCount;
  return size;
}

/** Writes a header with its options at `at`, its checksum zero. Returns its bytes: `tcpHeaderSize`, at most 60. */
export function writeTcp(view: DataView, at: number, header: TcpHeader): number {
  const size = tcpHeaderSize(header);
  view.setUint16(at + TCP_SOURCE_PORT, header.sourcePort);
  view.setUint16(at + TCP_DESTINATION_PORT, header.destinationPort);
  view.setUint32(at + TCP_SEQUENCE, header.sequence);
  view.setUint32(at + TCP_ACKNOWLEDGMENT, header.acknowledgment);
  view.setUint8(at + TCP_DATA_OFFSET, (size / 4) << 4);
  view.setUint8(at + TCP_FLAGS, header.flags);
  view.setUint16(at + TCP_WINDOW, header.window);
  view.setUint32(at + TCP_CHECKSUM, 0);
  let option = at + TCP_OPTIONS;
  if (header.mss > 0) {
    view.setUint16(option, (OPTION_MSS << 8) | 4);
    view.setUint16(option + 2, header.mss);
    option += 4;
  }
  if (header.sackPermitted) {
    view.setUint32(option, (OPTION_NOP << 24) | (OPTION_NOP << 16) | (OPTION_SACK_PERMITTED << 8) | 2);
    option += 4;
  }
  if (header.hasTimestamps) {
    view.setUint32(option, (OPTION_NOP << 24) | (OPTION_NOP << 16) | (OPTION_TIMESTAMPS << 8) | 10);
    view.setUint32(option + 4, header.timestamp);
    view.setUint32(option + 8, header.echo);
    option += TIMESTAMPS_SIZE;
  }
  if (header.windowScale >= 0) {
    view.setUint32(option, (OPTION_NOP << 24) | (OPTION_WINDOW_SCALE << 16) | (3 << 8) | header.windowScale);
    option += 4;
  }
  if (header.sackCount > 0) {
    const bytes = 2 + 8 * header.sackCount;
    view.setUint32(option, (OPTION_NOP << 24) | (OPTION_NOP << 16) | (OPTION_SACK << 8) | bytes);
    for (let i = 0; i < 2 * header.sackCount; i++) view.setUint32(option + 4 + 4 * i, header.sack[i]);
  }
  return size;
}
