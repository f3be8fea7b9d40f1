// The LISP datagrams of a capture file.

import { addressText } from "../net/address.js";
import { WireError } from "../wire/error.js";
import { PROTOCOL_UDP, readIpv4 } from "../wire/ipv4.js";
import { IPV6_HEADER, readIpv6 } from "../wire/ipv6.js";
import { ipOffset } from "../wire/link-type.js";
import { LISP_CONTROL_PORT, LISP_DATA_PORT } from "../wire/lisp-data.js";
import { PcapReader, type PcapSource } from "../wire/pcap.js";
import { readUdp } from "../wire/udp.js";

export interface CapturedDatagram {
  /** Number of the frame in the file, from 1 as other tools count. */
  readonly frame: number;
  /** Seconds since 1970, to the microsecond. */
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Sent to or from port 4342; otherwise 4341. */
  readonly control: boolean;
  /** What UDP carries; null where the frame does not hold all of it. */
  readonly payload: Uint8Array | null;
  /** Why there is no payload. */
  readonly problem: string | null;
}

interface Ports {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Goes through a capture. Frames that carry no UDP of LISP's ports are passed over. Throws PcapError. */
export function* lispDatagrams(source: PcapSource): Generator<CapturedDatagram> {
  const reader = new PcapReader(source);
  const view = new DataView(reader.buffer.buffer, reader.buffer.byteOffset, reader.buffer.byteLength);
  for (let frame = 1; reader.next(); frame++) {
    const offset = ipOffset(view, reader.start, reader.captured, reader.header.linkType);
    if (offset < 0) continue;
    const packet = reader.buffer.slice(reader.start + offset, reader.start + reader.captured);
    const ports = lispPorts(packet);
    if (ports === null) continue;
    const control = ports.sourcePort === LISP_CONTROL_PORT || ports.destinationPort === LISP_CONTROL_PORT;
    yield {
      frame,
      time: (reader.seconds * 1e6 + Math.floor(reader.nanoseconds / 1000)) / 1e6,
      ...addresses(packet),
      ...ports,
      control,
      ...content(packet),
    };
  }
}

/** The ports of a packet where it carries UDP and one of them is LISP's. */
function lispPorts(packet: Uint8Array): Ports | null {
  const version = packet.length > 0 ? packet[0] >> 4 : 0;
  const at = version === 4 ? (packet[0] & 15) * 4 : IPV6_HEADER;
  if ((version !== 4 && version !== 6) || packet.length < at + 4) return null;
  if ((version === 4 ? packet[9] : packet[6]) !== PROTOCOL_UDP) return null;
  // A later fragment has no ports.
  if (version === 4 && (((packet[6] & 0x1f) << 8) | packet[7]) !== 0) return null;
  const ports = {
    sourcePort: (packet[at] << 8) | packet[at + 1],
    destinationPort: (packet[at + 2] << 8) | packet[at + 3],
  };
  const lisp = [ports.sourcePort, ports.destinationPort].some(
    (port) => port === LISP_CONTROL_PORT || port === LISP_DATA_PORT,
  );
  return lisp ? ports : null;
}

/** Of a packet in which `lispPorts` found a header. */
function addresses(packet: Uint8Array): { source: string; destination: string } {
  return packet[0] >> 4 === 4
    ? { source: addressText(packet.subarray(12, 16)), destination: addressText(packet.subarray(16, 20)) }
    : { source: addressText(packet.subarray(8, 24)), destination: addressText(packet.subarray(24, 40)) };
}

function content(packet: Uint8Array): Pick<CapturedDatagram, "payload" | "problem"> {
  try {
    if (packet[0] >> 4 === 6) return { payload: readUdp(readIpv6(packet).payload).payload, problem: null };
    const ip = readIpv4(packet);
    if (ip.moreFragments) return { payload: null, problem: "the first fragment of a datagram" };
    return { payload: readUdp(ip.payload).payload, problem: null };
  } catch (e) {
    if (!(e instanceof WireError)) throw e;
    return { payload: null, problem: e.message };
  }
}
