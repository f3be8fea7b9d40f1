// Messages between agents and controllers, as bytes: what is written is read, and anything else is refused.

import { createHmac } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AGENT_KINDS,
  type AgentMessage,
  BODY_MAX,
  type Ends,
  HEADER_BYTES,
  isAuthentic,
  readAgentMessage,
  sealed,
  writeAgentMessage,
} from "../../../src/cloud/agent/agent-message.js";
import { eventBody, readEventBody } from "../../../src/cloud/agent/events.js";
import {
  type AgentOp,
  type AgentReplies,
  type AgentRequest,
  doneBody,
  readAnswer,
  readRequest,
  refusedBody,
  requestBody,
  stateBody,
} from "../../../src/cloud/agent/requests.js";
import {
  readStreamAnswer,
  readStreamBody,
  type StreamMessage,
  streamAnswerBody,
  streamBody,
} from "../../../src/cloud/hypervisors/stream.js";
import type { HypervisorEvent } from "../../../src/index.js";
import { WireError } from "../../../src/wire/error.js";
import * as fc from "../../property.js";

const SECRET = Buffer.from("secret");
const ENDS: Ends = {
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort: 4344,
  destinationPort: 4345,
};
const MESSAGE: AgentMessage = {
  kind: "request",
  keyId: 7,
  session: 0x0102030405060708n,
  nonce: 9n,
  body: Buffer.from("{}"),
};
const same = (bytes: Uint8Array): Uint8Array => bytes;

function code(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (e) {
    if (!(e instanceof WireError)) throw e;
    return e.code;
  }
}

test("the bytes are those of the drawing", () => {
  const bytes = writeAgentMessage(MESSAGE, SECRET, ENDS);
  const head = "53480101 07000002 0102030405060708 0000000000000009".replaceAll(" ", "");
  assert.is(Buffer.from(bytes.subarray(0, 24)).toString("hex"), head);
  const mac = createHmac("sha256", SECRET)
    .update(Buffer.from(`0410f810f90a0000010a000002${head}`, "hex"))
    .update("{}")
    .digest("hex");
  assert.is(Buffer.from(bytes.subarray(24, HEADER_BYTES)).toString("hex"), mac);
  assert.is(Buffer.from(bytes.subarray(HEADER_BYTES)).toString(), "{}");
});

test("what is written is read again", () => {
  const message = fc.record({
    kind: fc.constantFrom(...AGENT_KINDS),
    keyId: fc.integer({ min: 0, max: 255 }),
    session: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    body: fc.uint8Array({ maxLength: BODY_MAX }),
  });
  fc.assert(
    fc.property(message, (m) => {
      const bytes = writeAgentMessage(m, SECRET, ENDS);
      const read = readAgentMessage(bytes);
      assert.equal({ ...read, body: Uint8Array.from(read.body) }, { ...m });
      assert.ok(isAuthentic(bytes, SECRET, ENDS));
    }),
  );
});

test("whoever changes a bit, or has other ends or another secret, made another MAC", () => {
  const bytes = writeAgentMessage(MESSAGE, SECRET, ENDS);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Uint8Array.from(bytes);
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.not.ok(isAuthentic(changed, SECRET, ENDS), `bit ${bit}`);
  }
  const back = {
    source: ENDS.destination,
    destination: ENDS.source,
    sourcePort: ENDS.destinationPort,
    destinationPort: ENDS.sourcePort,
  };
  for (const ends of [
    back,
    { ...ENDS, sourcePort: 4343 },
    { ...ENDS, destination: Uint8Array.of(10, 0, 0, 3) },
  ])
    assert.not.ok(isAuthentic(bytes, SECRET, ends));
  assert.not.ok(isAuthentic(bytes, Buffer.from("secret "), ENDS));
});

test("bytes that are no message are refused, for what is wrong with them", () => {
  const bytes = writeAgentMessage(MESSAGE, SECRET, ENDS);
  const changed = (at: number, byte: number): Uint8Array => {
    const other = Uint8Array.from(bytes);
    other[at] = byte;
    return other;
  };
  assert.is(
    code(() => readAgentMessage(bytes.subarray(0, HEADER_BYTES - 1))),
    "TRUNCATED",
  );
  assert.is(
    code(() => readAgentMessage(changed(0, 0))),
    "BAD_FIELD",
  );
  assert.is(
    code(() => readAgentMessage(changed(2, 2))),
    "BAD_VERSION",
  );
  assert.is(
    code(() => readAgentMessage(changed(3, 0))),
    "BAD_VERSION",
  );
  assert.is(
    code(() => readAgentMessage(changed(3, 7))),
    "BAD_VERSION",
  );
  assert.is(
    code(() => readAgentMessage(changed(5, 1))),
    "BAD_FIELD",
  );
  assert.is(
    code(() => readAgentMessage(changed(7, 3))),
    "BAD_LENGTH",
  );
  assert.is(
    code(() => readAgentMessage(Buffer.concat([bytes, bytes]))),
    "BAD_LENGTH",
  );
  const long = { ...MESSAGE, body: new Uint8Array(BODY_MAX + 1) };
  assert.is(
    code(() => writeAgentMessage(long, SECRET, ENDS)),
    "BAD_LENGTH",
  );
});

test("what is sealed is unsealed by the same message only", () => {
  const landing = Uint8Array.from({ length: 16 }, (_, i) => i);
  const shut = sealed(landing, MESSAGE, SECRET, ENDS);
  assert.equal(sealed(shut, MESSAGE, SECRET, ENDS), landing);
  for (const other of [
    sealed(landing, { ...MESSAGE, nonce: 10n }, SECRET, ENDS),
    sealed(landing, { ...MESSAGE, session: 1n }, SECRET, ENDS),
    sealed(landing, { ...MESSAGE, kind: "answer" }, SECRET, ENDS),
    sealed(landing, MESSAGE, SECRET, { ...ENDS, sourcePort: 1 }),
    sealed(landing, MESSAGE, Buffer.from("other"), ENDS),
  ])
    assert.not.equal(other, shut);
});

// ---- Bodies ----------------------------------------------------------------------

const guest = {
  name: "web",
  memory: 2 ** 30,
  addresses: [Uint8Array.of(10, 1, 0, 5), Uint8Array.from({ length: 16 }, (_, i) => i)],
  mtu: 1500,
};
const landing = { address: Uint8Array.of(10, 0, 0, 2), port: 4344, secret: new Uint8Array(16).fill(3) };
const announce = { iid: 5, locators: [{ rloc: Uint8Array.of(192, 0, 2, 1), priority: 1, weight: 100 }] };
const REQUESTS: readonly AgentRequest[] = [
  { op: "hello" },
  { op: "status" },
  { op: "guests", after: "" },
  { op: "prepare", migration: "m1", guest, patience: 30 },
  { op: "prepare", migration: "m1", guest, patience: 30, announce },
  {
    op: "migrate",
    migration: "m1",
    guest: "web",
    to: landing,
    options: { downtimeLimit: 0.03, bandwidth: 0, deadline: 60, announce },
  },
  { op: "cancel", migration: "m1", gone: true },
];
const REPLIES: { readonly [Op in AgentOp]: AgentReplies[Op] } = {
  hello: { next: 4 },
  status: {
    driver: "simulated",
    memory: { total: 10, free: 3 },
    guests: { most: 4, now: 2 },
    migrations: 1,
    mtu: 1500,
  },
  guests: { guests: [{ ...guest, state: "incoming", migration: "m1" }], more: true },
  prepare: landing,
  migrate: null,
  cancel: null,
};
const EVENT: HypervisorEvent = {
  kind: "stopped",
  guest: "web",
  migration: "m1",
  at: 12345.5,
  bytes: 9,
  rounds: 2,
  reason: "",
};
const STREAM: readonly StreamMessage[] = [
  { type: "open", migration: "m1", guest, dirtyRate: 5, workingSet: 7 },
  { type: "beat" },
  { type: "last" },
  { type: "abort", reason: "cancelled" },
];

test("requests, answers, events and streams are read as they were written", () => {
  for (const request of REQUESTS) assert.equal(readRequest(requestBody(request, same), same), request);
  for (const op of Object.keys(REPLIES) as AgentOp[])
    assert.equal(readAnswer(op, doneBody(op, REPLIES[op], same), same), {
      state: "done",
      reply: REPLIES[op],
    });
  assert.equal(readAnswer("status", refusedBody("FULL", "no room"), same), {
    state: "refused",
    code: "FULL",
    reason: "no room",
  });
  assert.equal(readAnswer("status", stateBody("working"), same), { state: "working" });
  assert.equal(readEventBody(eventBody({ first: 3, event: EVENT })), { first: 3, event: EVENT });
  for (const message of STREAM) assert.equal(readStreamBody(streamBody(message)), message);
  const gone = { state: "gone", reason: "it is full" } as const;
  assert.equal(readStreamAnswer(streamAnswerBody(gone)), gone);
});

test("a reason is cut, and a code that is not known is FAILED", () => {
  const answer = readAnswer("status", refusedBody("ENOENT", `${"é".repeat(300)}`), same);
  assert.equal(answer, { state: "refused", code: "FAILED", reason: "?".repeat(200) });
});

test("a secret does not travel as it is", () => {
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff);
  const body = requestBody(REQUESTS[5], flip);
  assert.not.match(Buffer.from(body).toString(), "03030303");
  assert.equal(readRequest(body, flip), REQUESTS[5]);
});

/** A body with one field taken out, added, or with another value; each of these at any depth. */
function variants(body: Uint8Array): Uint8Array[] {
  const whole = JSON.parse(Buffer.from(body).toString());
  const found: unknown[] = [];
  const strange = [null, true, -1, 1.5, 1e300, "", "a b", "\u0000", [], {}, "x".repeat(300)];
  const walk = (value: unknown, put: (other: unknown) => unknown): void => {
    for (const other of strange) if (JSON.stringify(other) !== JSON.stringify(value)) found.push(put(other));
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) walk(item, (x) => put(value.with(i, x)));
      return;
    }
    found.push(put({ ...value, more: 1 }));
    for (const [key, inner] of Object.entries(value)) {
      const { [key]: _, ...without } = value as Record<string, unknown>;
      found.push(put(without));
      walk(inner, (x) => put({ ...value, [key]: x }));
    }
  };
  walk(whole, (other) => other);
  return found.map((value) => Buffer.from(JSON.stringify(value)));
}

test("a body with a field too many, too few or of another type is refused, or reads as what it says", () => {
  const readers: readonly (readonly [
    Uint8Array,
    (body: Uint8Array) => unknown,
    (value: never) => Uint8Array,
  ])[] = [
    ...REQUESTS.map(
      (r) =>
        [
          requestBody(r, same),
          (b: Uint8Array) => readRequest(b, same),
          (v: AgentRequest) => requestBody(v, same),
        ] as const,
    ),
    ...STREAM.map((m) => [streamBody(m), readStreamBody, streamBody] as const),
    [eventBody({ first: 3, event: EVENT }), readEventBody, eventBody],
    [streamAnswerBody({ state: "gone", reason: "" }), readStreamAnswer, streamAnswerBody],
  ] as never;
  let refused = 0;
  let taken = 0;
  for (const [body, read, write] of readers)
    for (const variant of variants(body)) {
      let value: unknown;
      try {
        value = read(variant);
      } catch (e) {
        if (!(e instanceof WireError)) throw e;
        refused++;
        continue;
      }
      taken++;
      assert.equal(
        JSON.parse(Buffer.from(write(value as never)).toString()),
        JSON.parse(Buffer.from(variant).toString()),
      );
    }
  assert.ok(refused > 500 && taken > 10 && taken < refused / 4, `${refused} refused, ${taken} taken`);
});

test("whatever the bytes of a body, it is read or refused", () => {
  const bodies = [
    ...REQUESTS.map((r) => requestBody(r, same)),
    ...STREAM.map(streamBody),
    eventBody({ first: 3, event: EVENT }),
  ];
  const readers: readonly ((body: Uint8Array) => unknown)[] = [
    (b) => readRequest(b, same),
    readStreamBody,
    readStreamAnswer,
    readEventBody,
    (b) => readAnswer("guests", b, same),
    (b) => readAnswer("prepare", b, same),
    (b) => readAnswer("status", b, same),
    readAgentMessage,
  ];
  const mutated = fc
    .tuple(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.nat(1200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    )
    .map(([body, changes]) => {
      const bytes = Uint8Array.from(body);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 1400 })), (bytes) => {
      for (const read of readers) code(() => read(bytes));
    }),
    { numRuns: 2000 },
  );
});

test("nesting without end is refused, and no field can be the prototype's", () => {
  const deep = Buffer.from(`{"op":${"[".repeat(580)}${"]".repeat(580)}}`);
  assert.is(
    code(() => readRequest(deep, same)),
    "BAD_FIELD",
  );
  assert.is(
    code(() => readRequest(Buffer.from('{"__proto__":{"op":"hello"}}'), same)),
    "BAD_FIELD",
  );
  assert.is(
    code(() => readRequest(Buffer.from('{"op":"hello","__proto__":1}'), same)),
    "BAD_FIELD",
  );
});

test.run();
