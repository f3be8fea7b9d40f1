// What the API's replies are, as JSON Schemas: as the types of routes.ts, the protocol and the events
// have them in TypeScript.

import { ISOLATIONS } from "../descriptor/model.js";

/** A JSON Schema, as OpenAPI has them. */
export type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "number" };
const COUNTS: Schema = { type: "object", additionalProperties: NUMBER };

/** An object with exactly these properties. */
function record(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", additionalProperties: false, required: Object.keys(properties), properties };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

function nullable(schema: Schema): Schema {
  return { ...schema, type: [schema.type, "null"] };
}

export const LINES: Schema = list(TEXT);

export const FUNCTION: Schema = record({
  name: { ...TEXT, description: "of the instance" },
  function: { ...TEXT, description: "of the descriptor" },
  state: { ...TEXT, enum: ["stopped", "starting", "started", "waiting", "failed"] },
  isolation: { ...TEXT, enum: Object.keys(ISOLATIONS) },
  graph: TEXT,
  pid: { ...nullable({ type: "integer" }), description: "null while it does not run" },
  uptime: { ...nullable(NUMBER), description: "seconds; null while it does not run" },
  restarts: { type: "integer" },
  lastEnd: { ...nullable(TEXT), description: "why it ended last; null when it never did" },
  vm: {
    ...nullable(
      record({ hypervisor: { ...nullable(TEXT), description: "null: on its way from one to another" } }),
    ),
    description: "null: the function is no virtual machine",
  },
});

export const FUNCTIONS: Schema = list(FUNCTION);

export const SERVICE: Schema = record({
  name: TEXT,
  description: TEXT,
  file: TEXT,
  simulated: { type: "boolean" },
  now: { ...NUMBER, description: "seconds since its world began" },
  functions: FUNCTIONS,
  links: list(record({ name: TEXT, ends: list(TEXT) })),
});

export const LINK: Schema = record({
  name: TEXT,
  ends: list(TEXT),
  delay: { ...NUMBER, description: "seconds; of pairs that have none of their own" },
  jitter: NUMBER,
  loss: { ...NUMBER, description: "0 to 1" },
  rate: { ...NUMBER, description: "bits a second of each end; 0: no limit" },
  queue: { type: "integer" },
  cut: { type: "boolean", description: "a fault lets it carry nothing" },
  lost: { ...NUMBER, description: "packets that its switch lost since its ends last changed" },
  pairs: {
    ...list(
      record({
        from: TEXT,
        to: TEXT,
        delay: NUMBER,
        jitter: NUMBER,
        loss: NUMBER,
        cut: { type: "boolean" },
        own: { type: "boolean", description: "whether it has something of its own" },
        packets: { ...NUMBER, description: "packets that took the line from one to the other" },
        lost: { ...NUMBER, description: "by its loss" },
        downs: { ...NUMBER, description: "while it was down" },
        no_room: { ...NUMBER, description: "because too many were on their way" },
      }),
    ),
    description: "those asked for",
  },
});

export const HANDLERS: Schema = list(
  record({ name: TEXT, read: { type: "boolean" }, write: { type: "boolean" }, doc: TEXT }),
);

export const EVENTS: Schema = list(
  record({
    number: { type: "integer" },
    at: { ...NUMBER, description: "seconds since the service's world began" },
    about: TEXT,
    kind: { ...TEXT, enum: ["state", "log", "fault"] },
    message: TEXT,
  }),
);

export const STATS: Schema = record({
  at: { ...NUMBER, description: "steady nanoseconds of the function's clock" },
  slotsUsed: { type: "integer" },
  slots: { type: "integer" },
  heapUsed: { type: "integer", description: "bytes of tables and queues" },
  elements: list(
    record({
      name: TEXT,
      className: TEXT,
      counters: COUNTS,
      drops: { ...COUNTS, description: "by reason; those that never occurred are left out" },
      problem: {
        ...TEXT,
        description: "what its `problem` handler says is wrong now, a line each; empty for nothing",
      },
      load: {
        ...nullable(record({ calls: NUMBER, batches: NUMBER, packets: NUMBER, nanoseconds: NUMBER })),
        description: "since metering began; null without",
      },
    }),
  ),
  devices: { type: "object", additionalProperties: COUNTS },
});
