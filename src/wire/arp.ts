// ARP for IPv4 over Ethernet (RFC 826).

import { ipBytes } from "../net/address.js";
import { viewOf, WireError } from "./error.js";
import { ETHERTYPE_ARP, readEthernet, writeEthernet } from "./ethernet.js";

// Offsets in bytes.
export const ARP_HARDWARE_TYPE = 0;
export const ARP_PROTOCOL_TYPE = 2;
export const ARP_HARDWARE_LENGTH = 4;
export const ARP_PROTOCOL_LENGTH = 5;
export const ARP_OPERATION = 6;
export const ARP_SENDER_ETHER = 8;
export const ARP_SENDER_IP = 14;
export const ARP_TARGET_ETHER = 18;
export const ARP_TARGET_IP = 24;
export const ARP_LENGTH = 28;

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
const ETHERNET = 1;
const IPV4 = 0x0800;

export interface ArpMessage {
  readonly operation: number;
  /** 6 bytes. */
  readonly senderEther: Uint8Array;
  /** Host order, unsigned. */
  readonly senderIp: number;
  /** 6 bytes. */
  readonly targetEther: Uint8Array;
  readonly targetIp: number;
}

/** Reads a message for IPv4 over Ethernet; padding after it is ignored. Throws WireError. */
export function readArp(bytes: Uint8Array): ArpMessage {
  const view = viewOf(bytes, ARP_LENGTH, "ARP");
  if (view.getUint16(ARP_HARDWARE_TYPE) !== ETHERNET || view.getUint16(ARP_PROTOCOL_TYPE) !== IPV4)
    throw new WireError("BAD_VERSION", "ARP: not for IPv4 over Ethernet");
  if (bytes[ARP_HARDWARE_LENGTH] !== 6 || bytes[ARP_PROTOCOL_LENGTH] !== 4)
    throw new WireError("BAD_LENGTH", "ARP: address lengths are not 6 and 4");
  return {
    operation: view.getUint16(ARP_OPERATION),
    senderEther: bytes.slice(ARP_SENDER_ETHER, ARP_SENDER_ETHER + 6),
    senderIp: view.getUint32(ARP_SENDER_IP),
    targetEther: bytes.slice(ARP_TARGET_ETHER, ARP_TARGET_ETHER + 6),
    targetIp: view.getUint32(ARP_TARGET_IP),
  };
}

export function writeArp(message: ArpMessage): Uint8Array {
  const bytes = new Uint8Array(ARP_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint16(ARP_HARDWARE_TYPE, ETHERNET);
  view.setUint16(ARP_PROTOCOL_TYPE, IPV4);
  view.setUint8(ARP_HARDWARE_LENGTH, 6);
  view.setUint8(ARP_PROTOCOL_LENGTH, 4);
  view.setUint16(ARP_OPERATION, message.operation);
  bytes.set(message.senderEther, ARP_SENDER_ETHER);
  bytes.set(ipBytes(message.senderIp), ARP_SENDER_IP);
  bytes.set(message.targetEther, ARP_TARGET_ETHER);
  bytes.set(ipBytes(message.targetIp), ARP_TARGET_IP);
  return bytes;
}

/** Reads the message in an Ethernet frame. Throws WireError, also where the frame carries something else. */
export function readArpFrame(frame: Uint8Array): ArpMessage {
  const { etherType, payload } = readEthernet(frame);
  if (etherType !== ETHERTYPE_ARP)
    throw new WireError("BAD_VERSION", "ARP: the frame carries something else");
  return readArp(payload);
}

/** A frame with `message`, from its sender to the hardware address `destination` (6 bytes). */
export function writeArpFrame(message: ArpMessage, destination: Uint8Array): Uint8Array {
  const source = message.senderEther;
  return writeEthernet({ destination, source, etherType: ETHERTYPE_ARP, payload: writeArp(message) });
}

/** The frame that answers `request` with `ether` (6 bytes). */
export function writeArpReply(request: ArpMessage, ether: Uint8Array): Uint8Array {
  const reply = {
    operation: ARP_REPLY,
    senderEther: ether,
    senderIp: request.targetIp,
    targetEther: request.senderEther,
    targetIp: request.senderIp,
  };
  return writeArpFrame(reply, request.senderEther);
}
