// What Map-Server and Map-Resolver share in handling Map-Requests.

import { isRoutable, sameAddress } from "../../net/address.js";
import {
  type EncapsulatedMessage,
  encapsulatedControl,
  type InnerHeader,
} from "../../wire/lisp-control/encapsulated.js";
import { mapReply } from "../../wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../wire/lisp-control/map-request.js";
import { encodeLispControl, type PlainControlMessage } from "../../wire/lisp-control/message.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { CONTROL_PORT, type OutgoingMessage } from "../control/control-channel.js";

/** A Map-Request with the headers that it had inside its ECM: its ITR's addresses and ports. */
export type EncapsulatedRequest = EncapsulatedMessage<MapRequest>;

/** Our own RLOCs, by family. */
export interface OwnAddresses {
  readonly rloc4: Uint8Array | null;
  readonly rloc6: Uint8Array | null;
}

/** Our address of the same family; null where we have none. */
export function ownAddress(own: OwnAddresses, other: Uint8Array): Uint8Array | null {
  return other.length === 4 ? own.rloc4 : own.rloc6;
}

/** The Map-Request inside an ECM; null for another message. */
export function requestIn(
  inner: EncapsulatedMessage<PlainControlMessage> | null,
): EncapsulatedRequest | null {
  if (inner === null || inner.message.type !== "map-request") return null;
  return { ...inner, message: inner.message };
}

/** A Map-Request that came by itself, as if it had come inside an ECM. */
export function bareRequest(datagram: UdpPacket, message: MapRequest): EncapsulatedRequest {
  const { source, destination, ttl, sourcePort, destinationPort } = datagram;
  const ip: InnerHeader =
    source.length === 4
      ? {
          version: 4,
          source,
          destination,
          tos: 0xc0,
          id: 0,
          dontFragment: false,
          ttl,
          options: new Uint8Array(0),
        }
      : { version: 6, source, destination, trafficClass: 0xc0, flowLabel: 0, hopLimit: ttl };
  return { ip, sourcePort, destinationPort, udpChecksum: null, message };
}

/** The first ITR-RLOC to which we have an address to send from (RFC 9301, section 5.2). */
export function replyAddress(request: MapRequest, own: OwnAddresses): Uint8Array | null {
  for (const rloc of request.itrRlocs)
    if (rloc.kind === "ip" && isRoutable(rloc.address) && ownAddress(own, rloc.address) !== null)
      return rloc.address;
  return null;
}

/** The Map-Reply to a Map-Request; null where there is nobody to send it to. */
export function replyTo(
  { message, sourcePort }: EncapsulatedRequest,
  own: OwnAddresses,
  records: readonly EidRecord[],
): OutgoingMessage | null {
  const destination = replyAddress(message, own);
  const source = destination === null ? null : ownAddress(own, destination);
  if (destination === null || source === null) return null;
  const payload = encodeLispControl(mapReply({ nonce: message.nonce, records }));
  // To where the Map-Request came from (section 5.5).
  return { source, destination, destinationPort: sourcePort, payload };
}

/** Whether something can be sent to an address, and it is not ours. */
export function isOther(own: OwnAddresses, address: Uint8Array): boolean {
  const ours = ownAddress(own, address);
  return ours !== null && !sameAddress(ours, address);
}

/** Map-Resolvers and Map-Servers that a Map-Request may yet pass when it has come to the first of them. */
const HOPS_MAX = 8;

/**
 * The ECM that takes a Map-Request, itself unchanged, to an ETR or a Map-Server; null where we have no address for it.
 * Nothing in the ECM says how far it has come, so the header inside does: as of any packet that is forwarded its TTL
 * is one less, and at most HOPS_MAX. Without hops left it goes nowhere: mapping systems that name one another, and
 * locators that are a Map-Server's, have no message go in circles.
 */
export function forwarded(
  request: EncapsulatedRequest,
  own: OwnAddresses,
  destination: Uint8Array,
): OutgoingMessage | "no_hops" | null {
  const source = ownAddress(own, destination);
  if (source === null) return null;
  const { ip } = request;
  const hops = Math.min((ip.version === 4 ? ip.ttl : ip.hopLimit) - 1, HOPS_MAX);
  if (hops <= 0) return "no_hops";
  const header = ip.version === 4 ? { ...ip, ttl: hops } : { ...ip, hopLimit: hops };
  const payload = encodeLispControl(encapsulatedControl({ ...request, ip: header }));
  return { source, destination, destinationPort: CONTROL_PORT, payload };
}
