// sluice lisp decode: the LISP messages of a capture, as JSON.

import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { type Ends, type VerifiableMessage, verifyAuthentication } from "../lisp/control/authentication.js";
import { addressText, findAddress } from "../net/address.js";
import type { EidPrefix } from "../net/eid.js";
import { coversPrefix, findPrefix, type Prefix } from "../net/prefix.js";
import { referredSecret, SecretError } from "../router/secret-source.js";
import { systemError } from "../router/system-error.js";
import { eidPrefix } from "../wire/lisp-control/address.js";
import { decodeChangePriority2012, isType5 } from "../wire/lisp-control/change-priority-2012.js";
import { LispControlError } from "../wire/lisp-control/error.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../wire/lisp-control/message.js";
import { LISP_DATA_SIZE, LispDataError, readLispData } from "../wire/lisp-data.js";
import { PcapError } from "../wire/pcap.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { type CapturedDatagram, lispDatagrams } from "./lisp-capture.js";
import { type Json, recordJson } from "./lisp-json.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import { shownWord } from "./own-words.js";

const OPTIONS: readonly OptionSpec[] = [
  {
    long: "key",
    value: "yes",
    valueName: "EID-PREFIX=SECRET",
    doc: "check authentication of EIDs in this prefix; can be repeated",
  },
  { long: "change-priority-2012", doc: "take messages of type 5 for the Change-Priority of 2012" },
  { long: "json", doc: "print JSON, as it does anyhow" },
  { long: "verify", doc: "fail if a control message does not re-encode to its own bytes" },
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice lisp decode [OPTION]... FILE.pcap";

const HELP = `Usage: ${USAGE}

Prints one JSON object a line for each LISP packet of a capture ('-': standard
input): control messages (port 4342) under "message", data packets (port 4341)
under "data" with the addresses of the packet inside under "inner". A packet that
cannot be decoded has "error". Frames without LISP are passed over.

With --key a message with authentication data gets "authentication": its verdict
is valid, wrong-key, unknown-algorithm, truncated, none (algorithm 0) or no-key (no
prefix given covers one of its EIDs); scope is what the MAC covers: the message up to its
last record (records), with xTR-ID and Site-ID (ids), or all. Key IDs and instance
IDs are not looked at: SECRET is what a configuration has behind ‘key’, without ID
and algorithm, or a PubSub key; file:PATH and env:NAME say where it is, and keep it out
of the list of processes. All keys whose prefix covers one of the EIDs are
tried, the longest prefix first; ‘any’ in place of a prefix covers all EIDs.

Type 5 is Map-Notify-Ack (RFC 9301); before that the first Change-Priority messages had it,
which --change-priority-2012 shows. Today's are of type 15, and shown by themselves.

Exit status 0; 1 when the file cannot be read or, with --verify, when a control
message cannot be decoded or gives other bytes: standard error names the frame.

Options:
${optionHelp(OPTIONS)}
`;

interface Key {
  /** Null: for any EID. */
  readonly prefix: Prefix | null;
  /** As it was given. */
  readonly text: string;
  readonly secret: Uint8Array;
}

/** In place of an EID-prefix: EIDs of all kinds. */
const ANY = "any";

function parseKey(word: string): Key {
  const equals = word.indexOf("=");
  if (equals < 0) throw new UsageError(`--key is EID-PREFIX=SECRET, without key ID`);
  const text = word.slice(0, equals);
  const prefix = text === ANY ? null : findPrefix(text);
  // Not said: the two may have changed places.
  if (prefix === null && text !== ANY)
    throw new UsageError(`--key is EID-PREFIX=SECRET: what stands before ‘=’ is no EID-prefix`);
  if (equals === word.length - 1) throw new UsageError(`--key has no secret for ‘${text}’`);
  return { prefix, text, secret: secretOf(word.slice(equals + 1)) };
}

function secretOf(text: string): Uint8Array {
  try {
    return referredSecret(text) ?? new TextEncoder().encode(text);
  } catch (e) {
    if (e instanceof SecretError) throw new UsageError(`--key: ${e.message}`);
    throw e;
  }
}

/** Whether a key is for an EID: null where that is no IP prefix. */
function isFor({ prefix }: Key, eid: EidPrefix | null): boolean {
  if (prefix === null) return true;
  return eid !== null && coversPrefix(prefix, eid.eid);
}

/**
 * The keys to try, those with the longest prefix first: those for one of the EIDs, of which a message may have some of
 * each family and of several sites; for a message without EIDs all.
 */
function keysFor(message: VerifiableMessage, keys: readonly Key[]): Key[] {
  const records = "records" in message ? message.records : [message];
  const eids = records.map(eidPrefix);
  return keys
    .filter((key) => eids.length === 0 || eids.some((eid) => isFor(key, eid)))
    .sort((a, b) => (b.prefix?.length ?? -1) - (a.prefix?.length ?? -1));
}

function authentication(
  bytes: Uint8Array,
  message: VerifiableMessage,
  keys: readonly Key[],
  ends: Ends,
): Json {
  const { keyId, algorithm } = message.authentication;
  if (algorithm === 0) return { verdict: "none" };
  const possible = keysFor(message, keys);
  if (possible.length === 0) return { verdict: "no-key" };
  let first: Json = null;
  for (const { text, secret } of possible) {
    const { verdict, scope } = verifyAuthentication(bytes, message, [{ id: keyId, secret }], ends);
    if (verdict === "valid") return { verdict, scope, key: text };
    first ??= { verdict };
  }
  return first;
}

/** The authentication of a message, or of the one in an ECM; null where it carries none. */
function authenticationOf(
  bytes: Uint8Array,
  message: LispControlMessage,
  keys: readonly Key[],
  ends: Ends,
): Json {
  if (message.type === "encapsulated-control") {
    if (message.inner === null) return null;
    const { message: inner, ip } = message.inner;
    return authenticationOf(encodeLispControl(inner), inner, keys, ip);
  }
  return "authentication" in message ? authentication(bytes, message, keys, ends) : null;
}

interface Decoded {
  readonly fields: { readonly [key: string]: Json };
  /** What `--verify` finds wrong; null for nothing. */
  readonly fault: string | null;
}

/** How control messages are read. */
interface Reading {
  readonly keys: readonly Key[];
  /** Type 5 is the Change-Priority of 2012. */
  readonly is2012: boolean;
}

function decodeControl(bytes: Uint8Array, ends: Ends, { keys, is2012 }: Reading): Decoded {
  try {
    if (is2012 && isType5(bytes)) {
      const message = decodeChangePriority2012(bytes);
      // It is never written, and has no bit that its record does not have.
      return shown(message, keys.length > 0 ? authentication(bytes, message, keys, ends) : null, null);
    }
    const message = decodeLispControl(bytes);
    const verdict = keys.length > 0 ? authenticationOf(bytes, message, keys, ends) : null;
    const same = Buffer.compare(encodeLispControl(message), bytes) === 0;
    return shown(message, verdict, same ? null : `the ${message.type} re-encodes to other bytes`);
  } catch (e) {
    if (!(e instanceof LispControlError)) throw e;
    return { fields: { error: { code: e.code, offset: e.offset, message: e.message } }, fault: e.message };
  }
}

function shown(message: object, verdict: Json, fault: string | null): Decoded {
  const fields = { message: recordJson(message), ...(verdict === null ? {} : { authentication: verdict }) };
  return { fields, fault };
}

function decodeData(bytes: Uint8Array): Decoded {
  try {
    const data = recordJson(readLispData(bytes));
    return { fields: { data, inner: innerOf(bytes.subarray(LISP_DATA_SIZE)) }, fault: null };
  } catch (e) {
    if (!(e instanceof LispDataError)) throw e;
    return { fields: { error: { code: e.code, message: e.message } }, fault: null };
  }
}

/** What the packet inside is, as far as it is there; null where it is no IP. */
function innerOf(packet: Uint8Array): Json {
  const version = packet.length > 0 ? packet[0] >> 4 : 0;
  if (version === 4 && packet.length >= 20)
    return {
      source: addressText(packet.subarray(12, 16)),
      destination: addressText(packet.subarray(16, 20)),
      protocol: packet[9],
      length: packet.length,
    };
  if (version === 6 && packet.length >= 40)
    return {
      source: addressText(packet.subarray(8, 24)),
      destination: addressText(packet.subarray(24, 40)),
      protocol: packet[6],
      length: packet.length,
    };
  return null;
}

function decoded(datagram: CapturedDatagram, reading: Reading): Decoded {
  if (datagram.payload === null) {
    const message = datagram.problem!;
    return {
      fields: { error: { code: "NO_PAYLOAD", message } },
      fault: datagram.control ? message : null,
    };
  }
  if (!datagram.control) return decodeData(datagram.payload);
  const ends = { source: findAddress(datagram.source)!, destination: findAddress(datagram.destination)! };
  return decodeControl(datagram.payload, ends, reading);
}

async function run(words: readonly string[]): Promise<number> {
  let file: string | null = null;
  let verify = false;
  let is2012 = false;
  const keys: Key[] = [];
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    if (name === "key") keys.push(parseKey(value));
    else if (name === "verify") verify = true;
    else if (name === "change-priority-2012") is2012 = true;
    else if (file !== null) throw new UsageError("more than one file given");
    else file = value;
  }
  if (file === null) throw new UsageError("no capture file given");
  const shown = file === "-" ? "<stdin>" : shownWord(file);
  let descriptor: number;
  try {
    descriptor = file === "-" ? 0 : openSync(file, "r");
  } catch (e) {
    throw new CommandError(`${shown}: ${systemError(e)}`);
  }
  let faults = 0;
  try {
    for (const datagram of lispDatagrams((into) => readSync(descriptor, into))) {
      const { fields, fault } = decoded(datagram, { keys, is2012 });
      const { frame, time, source, sourcePort, destination, destinationPort } = datagram;
      const line = { frame, time, source, sourcePort, destination, destinationPort, ...fields };
      if (!process.stdout.write(`${JSON.stringify(line)}\n`)) await once(process.stdout, "drain");
      if (verify && fault !== null) {
        faults++;
        process.stderr.write(`${shown}: frame ${frame}: ${fault}\n`);
      }
    }
  } catch (e) {
    if (e instanceof PcapError) throw new CommandError(`${shown}: ${e.message}`);
    if ((e as NodeJS.ErrnoException).syscall === "read")
      throw new CommandError(`${shown}: ${systemError(e)}`);
    throw e;
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
  return faults > 0 ? 1 : 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
