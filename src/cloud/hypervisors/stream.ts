// What two simulated hypervisors tell each other while memory streams from one to the other: not the memory itself, but
// that the stream has begun, goes on, and is all there. Each message is repeated until it is answered, so that no loss
// has the two disagree; the last one of the source counts, and the answer says all of the destination.

import { createHmac } from "node:crypto";
import { Fields, plainText } from "../agent/fields.js";
import { guestFields, readGuest } from "../agent/requests.js";
import type { GuestSpec } from "../hypervisor.js";

const REASON_MAX = 200;
const STATES = ["receiving", "resuming", "running", "gone"] as const;
const TYPES = ["open", "beat", "last", "abort"] as const;

/** From the source. */
export type StreamMessage =
  | {
      readonly type: "open";
      readonly migration: string;
      readonly guest: GuestSpec;
      readonly dirtyRate: number;
      readonly workingSet: number;
    }
  /** It goes on. */
  | { readonly type: "beat" }
  /** All has been sent: the destination resumes the virtual machine. */
  | { readonly type: "last" }
  /** The migration is given up, unless the virtual machine runs at the destination. */
  | { readonly type: "abort"; readonly reason: string };

/** From the destination. `gone`: nothing of it is left there, and it will not run there. */
export interface StreamAnswer {
  readonly state: (typeof STATES)[number];
  /** Why it is gone. */
  readonly reason: string;
}

/** By which both ends name the stream of a landing: says nothing of its secret. */
export function streamId(secret: Uint8Array): bigint {
  return createHmac("sha256", secret).update("stream").digest().readBigUInt64BE();
}

export function streamBody(message: StreamMessage): Uint8Array {
  const fields =
    message.type === "open"
      ? { ...message, guest: guestFields(message.guest) }
      : message.type === "abort"
        ? { ...message, reason: plainText(message.reason, REASON_MAX) }
        : message;
  return new TextEncoder().encode(JSON.stringify(fields));
}

/** Throws WireError for what is none. */
export function readStreamBody(body: Uint8Array): StreamMessage {
  const fields = Fields.of(body, "stream");
  const message = readMessage(fields);
  fields.end();
  return message;
}

function readMessage(fields: Fields): StreamMessage {
  const type = fields.word("type", TYPES);
  if (type === "abort") return { type, reason: fields.text("reason", REASON_MAX) };
  if (type !== "open") return { type };
  const guest = fields.object("guest");
  const spec = readGuest(guest);
  guest.end();
  return {
    type,
    migration: fields.name("migration"),
    guest: spec,
    dirtyRate: fields.real("dirtyRate"),
    workingSet: fields.real("workingSet"),
  };
}

export function streamAnswerBody({ state, reason }: StreamAnswer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ state, reason: plainText(reason, REASON_MAX) }));
}

/** Throws WireError for what is none. */
export function readStreamAnswer(body: Uint8Array): StreamAnswer {
  const fields = Fields.of(body, "stream answer");
  const answer = { state: fields.word("state", STATES), reason: fields.text("reason", REASON_MAX) };
  fields.end();
  return answer;
}
