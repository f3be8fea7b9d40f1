// The bodies of what controllers ask of agents, and of the answers.

import { addressText } from "../../net/address.js";
import type {
  Announcement,
  GuestSpec,
  GuestStatus,
  HypervisorStatus,
  Landing,
  MigrationOptions,
} from "../hypervisor.js";
import { addressTexts, Fields, hexText, plainText } from "./fields.js";

/** Addresses of a virtual machine, and locators that are announced. */
const ADDRESSES_MAX = 8;
const LOCATORS_MAX = 4;
const SECRET_BYTES = 16;
const REASON_MAX = 200;
/** Seconds of the longest patience, deadline or stand-still. */
const SECONDS_MAX = 1e6;
const IID_MAX = 0xffffff;

export type AgentRequest =
  /** The sender wants to hear of events from now on, and which session it is. */
  | { readonly op: "hello" }
  | { readonly op: "status" }
  /** Those whose names come after this one; "": from the first. */
  | { readonly op: "guests"; readonly after: string }
  | {
      readonly op: "prepare";
      readonly migration: string;
      readonly guest: GuestSpec;
      readonly patience: number;
      readonly announce?: Announcement;
    }
  | {
      readonly op: "migrate";
      readonly migration: string;
      readonly guest: string;
      readonly to: Landing;
      readonly options: MigrationOptions;
    }
  | { readonly op: "cancel"; readonly migration: string; readonly gone: boolean };

export type AgentOp = AgentRequest["op"];

/** What an answer says when all is well. */
export interface AgentReplies {
  /** Number of the first event that the controller has not acknowledged. */
  readonly hello: { readonly next: number };
  readonly status: HypervisorStatus;
  /** By name; `more`: there are some behind the last one. */
  readonly guests: { readonly guests: readonly GuestStatus[]; readonly more: boolean };
  readonly prepare: Landing;
  readonly migrate: null;
  readonly cancel: null;
}

export type AgentAnswer<Op extends AgentOp = AgentOp> =
  | { readonly state: "done"; readonly reply: AgentReplies[Op] }
  | { readonly state: "refused"; readonly code: string; readonly reason: string }
  /** It takes a while: to be asked again. */
  | { readonly state: "working" }
  /** The request has another session than the answer: it may have been repeated by anybody. */
  | { readonly state: "again" };

/** Seals or unseals secrets of the message. */
export type Seal = (bytes: Uint8Array) => Uint8Array;

const OPS = [
  "hello",
  "status",
  "guests",
  "prepare",
  "migrate",
  "cancel",
] as const satisfies readonly AgentOp[];
const STATES = ["done", "refused", "working", "again"] as const;
const CODES = [
  "NO_GUEST",
  "BUSY",
  "FULL",
  "UNSUITED",
  "TOO_LATE",
  "UNREACHABLE",
  "DENIED",
  "FAILED",
] as const;
const GUEST_STATES = ["running", "paused", "incoming", "stopped"] as const;

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

// ---- Requests ------------------------------------------------------------------

export function requestBody(request: AgentRequest, seal: Seal): Uint8Array {
  switch (request.op) {
    case "prepare": {
      const { op, migration, guest, patience, announce } = request;
      return json({ op, migration, guest: guestFields(guest), patience, ...announceFields(announce) });
    }
    case "migrate": {
      const { op, migration, guest, to, options } = request;
      const { downtimeLimit, bandwidth, deadline, announce } = options;
      const limits = { downtimeLimit, bandwidth, deadline };
      return json({
        op,
        migration,
        guest,
        to: landingFields(to, seal),
        ...limits,
        ...announceFields(announce),
      });
    }
    default:
      return json(request);
  }
}

/** Throws WireError for what is none. */
export function readRequest(body: Uint8Array, unseal: Seal): AgentRequest {
  const fields = Fields.of(body, "request");
  const request = readOp(fields, unseal);
  fields.end();
  return request;
}

function readOp(fields: Fields, unseal: Seal): AgentRequest {
  const op = fields.word("op", OPS);
  switch (op) {
    case "hello":
    case "status":
      return { op };
    case "guests":
      return { op, after: fields.text("after", 64) };
    case "cancel":
      return { op, migration: fields.name("migration"), gone: fields.flag("gone") };
    case "prepare":
      return {
        op,
        migration: fields.name("migration"),
        guest: inner(fields.object("guest"), readGuest),
        patience: fields.real("patience", SECONDS_MAX),
        ...readAnnounce(fields),
      };
    case "migrate":
      return {
        op,
        migration: fields.name("migration"),
        guest: fields.name("guest"),
        to: inner(fields.object("to"), (to) => readLanding(to, unseal)),
        options: {
          downtimeLimit: fields.real("downtimeLimit", SECONDS_MAX),
          bandwidth: fields.real("bandwidth"),
          deadline: fields.real("deadline", SECONDS_MAX),
          ...readAnnounce(fields),
        },
      };
  }
}

function inner<T>(fields: Fields, read: (fields: Fields) => T): T {
  const value = read(fields);
  fields.end();
  return value;
}

/** The fields of a virtual machine that is to be received. */
export function guestFields({ name, memory, addresses, mtu }: GuestSpec): Readonly<Record<string, unknown>> {
  return { name, memory, addresses: addressTexts(addresses), mtu };
}

export function readGuest(fields: Fields): GuestSpec {
  return {
    name: fields.name("name"),
    memory: fields.whole("memory"),
    addresses: fields.addresses("addresses", ADDRESSES_MAX),
    mtu: fields.whole("mtu", 65535),
  };
}

function landingFields({ address, port, secret }: Landing, seal: Seal): Readonly<Record<string, unknown>> {
  return { address: addressText(address), port, secret: hexText(seal(secret)) };
}

function readLanding(fields: Fields, unseal: Seal): Landing {
  return {
    address: fields.address("address"),
    port: fields.whole("port", 65535),
    secret: unseal(fields.bytes("secret", SECRET_BYTES)),
  };
}

function announceFields(announce: Announcement | undefined): Readonly<Record<string, unknown>> {
  if (announce === undefined) return {};
  const locators = announce.locators.map(({ rloc, priority, weight }) => ({
    rloc: addressText(rloc),
    priority,
    weight,
  }));
  return { announce: { iid: announce.iid, locators } };
}

function readAnnounce(fields: Fields): { readonly announce?: Announcement } {
  if (!fields.has("announce")) return {};
  const announce = inner(fields.object("announce"), (a) => ({
    iid: a.whole("iid", IID_MAX),
    locators: a.list("locators", LOCATORS_MAX, (l) => ({
      rloc: l.address("rloc"),
      priority: l.whole("priority", 255),
      weight: l.whole("weight", 255),
    })),
  }));
  return { announce };
}

// ---- Answers -------------------------------------------------------------------

export function doneBody<Op extends AgentOp>(op: Op, reply: AgentReplies[Op], seal: Seal): Uint8Array {
  return json({ state: "done", ...replyFields(op, reply, seal) });
}

export function refusedBody(code: string, reason: string): Uint8Array {
  const known = (CODES as readonly string[]).includes(code) ? code : "FAILED";
  return json({ state: "refused", code: known, reason: plainText(reason, REASON_MAX) });
}

export function stateBody(state: "working" | "again"): Uint8Array {
  return json({ state });
}

function replyFields(
  op: AgentOp,
  reply: AgentReplies[AgentOp],
  seal: Seal,
): Readonly<Record<string, unknown>> {
  switch (op) {
    case "hello":
    case "status":
      return { ...(reply as object) };
    case "guests": {
      const { guests, more } = reply as AgentReplies["guests"];
      return { guests: guests.map(statusFields), more };
    }
    case "prepare":
      return landingFields(reply as Landing, seal);
    default:
      return {};
  }
}

/** As a list of the answer to `guests` has it. */
function statusFields({ state, migration, ...spec }: GuestStatus): Readonly<Record<string, unknown>> {
  return { ...guestFields(spec), state, ...(migration === null ? {} : { migration }) };
}

/** As many of the virtual machines as the answer to `guests` has room for, from the first. */
export function guestsThatFit(guests: readonly GuestStatus[], room: number): number {
  // The braces, the commas and the other fields.
  let left = room - 64;
  let count = 0;
  for (const guest of guests) {
    left -= JSON.stringify(statusFields(guest)).length + 1;
    if (left < 0) break;
    count++;
  }
  return count;
}

/** The answer to a request `op`. Throws WireError for what is none. */
export function readAnswer<Op extends AgentOp>(op: Op, body: Uint8Array, unseal: Seal): AgentAnswer<Op> {
  const fields = Fields.of(body, "answer");
  const state = fields.word("state", STATES);
  const answer: AgentAnswer =
    state === "done"
      ? { state, reply: readReply(op, fields, unseal) }
      : state === "refused"
        ? { state, code: fields.word("code", CODES), reason: fields.text("reason", REASON_MAX) }
        : { state };
  fields.end();
  return answer as AgentAnswer<Op>;
}

function readReply(op: AgentOp, fields: Fields, unseal: Seal): AgentReplies[AgentOp] {
  switch (op) {
    case "hello":
      return { next: fields.whole("next") };
    case "status":
      return {
        driver: fields.name("driver"),
        memory: inner(fields.object("memory"), (m) => ({ total: m.whole("total"), free: m.whole("free") })),
        guests: inner(fields.object("guests"), (g) => ({ most: g.whole("most"), now: g.whole("now") })),
        migrations: fields.whole("migrations"),
        mtu: fields.whole("mtu", 65535),
      };
    case "guests":
      return {
        guests: fields.list("guests", 64, (g) => ({
          ...readGuest(g),
          state: g.word("state", GUEST_STATES),
          migration: g.has("migration") ? g.name("migration") : null,
        })),
        more: fields.flag("more"),
      };
    case "prepare":
      return readLanding(fields, unseal);
    default:
      return null;
  }
}
