// The bodies of an agent's events.

import type { HypervisorEvent } from "../hypervisor.js";
import { Fields, plainText } from "./fields.js";

const REASON_MAX = 200;
const KINDS = ["started", "progress", "stopped", "completed", "failed", "incoming", "resumed"] as const;

export interface EventBody {
  /** The first event that the agent can still tell this controller of: those before it have been acknowledged, or lost. */
  readonly first: number;
  readonly event: HypervisorEvent;
}

/** Of an event that is none of `lost`, which the controller's side makes. */
export function eventBody({ first, event }: EventBody): Uint8Array {
  const { kind, guest, migration, at, bytes, rounds, reason } = event;
  const body = { first, kind, guest, migration, at, bytes, rounds, reason: plainText(reason, REASON_MAX) };
  return new TextEncoder().encode(JSON.stringify(body));
}

/** Throws WireError for what is none. */
export function readEventBody(body: Uint8Array): EventBody {
  const fields = Fields.of(body, "event");
  const read = {
    first: fields.whole("first"),
    event: {
      kind: fields.word("kind", KINDS),
      guest: fields.name("guest"),
      migration: fields.name("migration"),
      at: fields.real("at"),
      bytes: fields.real("bytes"),
      rounds: fields.whole("rounds"),
      reason: fields.text("reason", REASON_MAX),
    },
  };
  fields.end();
  return read;
}
