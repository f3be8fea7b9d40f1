// The Map-Requests that an xTR sends (RFC 9301, sections 5.2, 5.3 and 5.8).

import type { EidPrefix } from "../../net/eid.js";
import { eidAddress, eidFields, ipAddress, NO_ADDRESS } from "../../wire/lisp-control/address.js";
import { encapsulatedControl, type InnerHeader } from "../../wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../wire/lisp-control/map-request.js";
import type { EncapsulatedControlMessage } from "../../wire/lisp-control/message.js";
import type { XtrIds } from "../../wire/lisp-control/record.js";
import { CONTROL_PORT } from "./control-channel.js";

export interface Question extends EidPrefix {
  /** Source EID; null where no packet asks. */
  readonly source: Uint8Array | null;
  readonly smrInvoked: boolean;
  /** A proxy ITR asks: the p bit, and no Source EID, since its packets come from no EID. */
  readonly proxyItr?: boolean;
  /** It subscribes to changes of the mapping, or, with `end`, to no more of them (RFC 9437). */
  readonly subscriber?: { readonly ids: XtrIds; readonly end: boolean };
}

const TTL = 64;
/** Precedence 6, internetwork control. */
const TOS = 0xc0;

/**
 * A Map-Request for `question` in an ECM from `source` to the Map-Resolver `resolver`. Its inner header is from an RLOC
 * of ours to the EID; where none is of the EID's family, from the source EID, and where there is none of that either,
 * from RLOC to Map-Resolver: section 5.8 allows EIDs and RLOCs there. The inner source port, to which the Map-Reply
 * will go, is 4342.
 */
export function encapsulatedRequest(
  question: Question,
  nonce: bigint,
  rlocs: readonly Uint8Array[],
  source: Uint8Array,
  resolver: Uint8Array,
): EncapsulatedControlMessage {
  const { iid, eid, proxyItr = false, subscriber } = question;
  const own = rlocs.find((r) => r.length === eid.address.length) ?? question.source;
  const ip = own === null ? innerHeader(source, resolver) : innerHeader(own, eid.address);
  const message: MapRequest = mapRequest({
    nonce,
    smrInvoked: question.smrInvoked,
    proxyItr,
    sourceEid: question.source === null || proxyItr ? NO_ADDRESS : eidAddress(iid, question.source),
    itrRlocs: subscriber?.end ? [NO_ADDRESS] : rlocs.map(ipAddress),
    records: [{ ...eidFields(question), subscribe: subscriber !== undefined }],
    ids: subscriber?.ids ?? null,
  });
  return encapsulatedControl({
    ip,
    sourcePort: CONTROL_PORT,
    destinationPort: CONTROL_PORT,
    udpChecksum: null,
    message,
  });
}

function innerHeader(source: Uint8Array, destination: Uint8Array): InnerHeader {
  if (source.length === 16)
    return { version: 6, source, destination, trafficClass: TOS, flowLabel: 0, hopLimit: TTL };
  return {
    version: 4,
    source,
    destination,
    tos: TOS,
    id: 0,
    dontFragment: false,
    ttl: TTL,
    options: new Uint8Array(0),
  };
}
