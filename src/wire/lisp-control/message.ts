// LISP control messages: bytes to records and back. The first four bits are the type (RFC 9301, section 5.1).

import { BYTES, checkArgument, type Kind } from "../../options.js";
import { type ChangePriority, writeChangePriority } from "./change-priority.js";
import { LISP_CONTROL_MAX, Reader, Writer } from "./cursor.js";
import { type EncapsulatedControl, readEncapsulated, writeEncapsulated } from "./encapsulated.js";
import { LispControlError } from "./error.js";
import { type Info, readInfo, writeInfo } from "./info.js";
import { type MapReferral, readMapReferral, writeMapReferral } from "./map-referral.js";
import { type MapReply, readMapReply, writeMapReply } from "./map-reply.js";
import { type MapRequest, readMapRequest, writeMapRequest } from "./map-request.js";
import {
  type MapNotify,
  type MapRegister,
  readMapNotify,
  readMapRegister,
  writeMapNotify,
  writeMapRegister,
} from "./registration.js";
import { readSharedExtension, type SharedExtension, writeSharedExtension } from "./shared-extension.js";

/** A message that an ECM can carry. */
export type PlainControlMessage =
  | MapRequest
  | MapReply
  | MapRegister
  | MapNotify
  | MapReferral
  | Info
  | ChangePriority
  | SharedExtension;

/** An Encapsulated Control Message around any other. */
export type EncapsulatedControlMessage = EncapsulatedControl<PlainControlMessage>;

export type LispControlMessage = PlainControlMessage | EncapsulatedControlMessage;

const MESSAGE: Kind = {
  words: "a message, as decodeLispControl gives it",
  is: (v) => typeof v === "object" && v !== null && "type" in v && typeof v.type === "string",
};

/**
 * Reads the payload of a UDP datagram of port 4342. Every bit is kept: `encodeLispControl` gives the same bytes.
 * The record holds copies. Throws LispControlError.
 */
export function decodeLispControl(bytes: Uint8Array): LispControlMessage {
  checkArgument("decodeLispControl", "the message", bytes, BYTES);
  return decode(bytes, true);
}

/**
 * As decodeLispControl, without the reserved bits, which a receiver ignores and a sender leaves 0 (RFC 9301, section 5):
 * so that none get from what was received into what is sent. The message in an ECM has all its bits, as it may go on
 * to somebody who knows them.
 */
export function receiveLispControl(bytes: Uint8Array): LispControlMessage {
  return decode(bytes, false);
}

function decode(bytes: Uint8Array, keepsReserved: boolean): LispControlMessage {
  if (bytes.length > LISP_CONTROL_MAX)
    throw new LispControlError("TOO_LONG", LISP_CONTROL_MAX, `a message of ${bytes.length} bytes`);
  const r = new Reader(bytes, 0, bytes.length, keepsReserved);
  return typeOf(r) === 8 ? readEncapsulated(r, readPlain) : readPlain(r);
}

function typeOf(r: Reader): number {
  if (r.left === 0) throw r.error("TRUNCATED", "an empty message");
  return r.bytes[r.at] >> 4;
}

function readPlain(r: Reader): PlainControlMessage {
  const type = typeOf(r);
  switch (type) {
    case 1:
      return readMapRequest(r);
    case 2:
      return readMapReply(r);
    case 3:
      return readMapRegister(r);
    case 4:
    case 5:
      return readMapNotify(r);
    case 6:
      return readMapReferral(r);
    case 7:
      return readInfo(r);
    case 8:
      throw r.error("TOO_DEEP", "an ECM inside an ECM");
    case 15:
      return readSharedExtension(r);
    default:
      throw r.error("BAD_TYPE", `no LISP message has type ${type}`);
  }
}

/** The bytes of a message, at most `LISP_CONTROL_MAX`. Throws LispControlError for what cannot be said. */
export function encodeLispControl(message: LispControlMessage): Uint8Array {
  checkArgument("encodeLispControl", "the message", message, MESSAGE);
  const w = new Writer();
  if (message.type === "encapsulated-control")
    writeEncapsulated(w, message, message.inner === null ? null : encodeLispControl(message.inner.message));
  else writePlain(w, message);
  return w.finish();
}

function writePlain(w: Writer, message: PlainControlMessage): void {
  switch (message.type) {
    case "map-request":
      writeMapRequest(w, message);
      break;
    case "map-reply":
      writeMapReply(w, message);
      break;
    case "map-register":
      writeMapRegister(w, message);
      break;
    case "map-notify":
    case "map-notify-ack":
      writeMapNotify(w, message);
      break;
    case "map-referral":
      writeMapReferral(w, message);
      break;
    case "info-request":
    case "info-reply":
      writeInfo(w, message);
      break;
    case "change-priority":
      writeChangePriority(w, message);
      break;
    case "shared-extension":
      writeSharedExtension(w, message);
      break;
  }
}
