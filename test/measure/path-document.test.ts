// The JSON file of measured paths: what a reader takes, and how it says what it does not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PathDocumentError, parsePathDocument } from "../../src/measure/path-document.js";
import * as fc from "../property.js";

const RTT = {
  last: 0.035,
  mean: 0.036,
  min: 0.035,
  p50: 0.036,
  p95: 0.037,
  p99: 0.037,
  max: 0.037,
  ewma: 0.036,
};
const UP = {
  source: "192.0.2.1",
  destination: "2001:db8::2",
  state: "up",
  sent: 10,
  answered: 9,
  availability: 0.9,
  rtt: RTT,
  jitter: { mean: 0.001, smoothed: 0.002 },
  age: 1.5,
};
const UNKNOWN = {
  ...UP,
  state: "unknown",
  sent: 0,
  answered: 0,
  availability: null,
  rtt: null,
  jitter: null,
  age: null,
};
const DOCUMENT = {
  format: "sluice-paths",
  version: 1,
  written: "2026-12-01T01:50:00.000Z",
  element: "prober",
  interval: 10,
  window: 300,
  timeout: 3,
  paths: [UP, UNKNOWN],
};

test("a document is read as it was written; members that nobody knows are passed over", () => {
  assert.equal(parsePathDocument(JSON.stringify(DOCUMENT)), DOCUMENT);
  const more = { ...DOCUMENT, more: 1, paths: [{ ...UP, more: [] }] };
  assert.equal(parsePathDocument(JSON.stringify(more)).paths, [UP]);
});

const refusal = (document: unknown): string => {
  try {
    parsePathDocument(typeof document === "string" ? document : JSON.stringify(document));
  } catch (e) {
    assert.instance(e, PathDocumentError);
    return (e as Error).message;
  }
  throw new Error(`taken: ${JSON.stringify(document)}`);
};

for (const [what, document, message] of [
  ["no JSON", "{", "no JSON: "],
  ["no object", [], "the file is [], not an object"],
  ["another format", { ...DOCUMENT, format: "x" }, 'format is "x", not "sluice-paths"'],
  [
    "a later version",
    { ...DOCUMENT, version: 2 },
    "version is 2, not 1, the version that this program knows",
  ],
  ["no time", { ...DOCUMENT, written: "noon" }, 'written is "noon", not a time as ISO 8601 has it'],
  ["no paths", { ...DOCUMENT, paths: undefined }, "paths is nothing, not a list"],
  [
    "no address",
    { ...DOCUMENT, paths: [{ ...UP, source: "x" }] },
    'paths[0].source is "x", not an IP address',
  ],
  [
    "no state",
    { ...DOCUMENT, paths: [{ ...UP, state: "ok" }] },
    'paths[0].state is "ok", not one of up, down, unknown',
  ],
  [
    "more answers than probes",
    { ...DOCUMENT, paths: [{ ...UP, answered: 11 }] },
    "paths[0].answered is 11, not no more than were sent",
  ],
  [
    "an availability of 2",
    { ...DOCUMENT, paths: [{ ...UP, availability: 2 }] },
    "paths[0].availability is 2, not a number from 0 to 1",
  ],
  [
    "a negative time",
    { ...DOCUMENT, paths: [UP, { ...UP, rtt: { ...RTT, p95: -1 } }] },
    "paths[1].rtt.p95 is -1, not a number from 0 on",
  ],
  [
    "half a probe",
    { ...DOCUMENT, paths: [{ ...UP, sent: 10.5 }] },
    "paths[0].sent is 10.5, not a whole number from 0 on",
  ],
] as const)
  test(`a file with ${what} is refused, with the place`, () => {
    assert.ok(refusal(document).startsWith(message), refusal(document));
  });

test("whatever becomes of a file's bytes, it is read or refused", () => {
  const bytes = Buffer.from(JSON.stringify(DOCUMENT));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(127)), { maxLength: 4 }),
      fc.nat(bytes.length),
      (changes, length) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, byte] of changes) changed[at] = byte;
        try {
          parsePathDocument(
            Buffer.from(changed.subarray(0, changes.length % 2 === 0 ? length : undefined)).toString(),
          );
        } catch (e) {
          assert.instance(e, PathDocumentError, String(e));
        }
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom(...Object.keys(DOCUMENT), ...Object.keys(UP)),
      (value, member) => {
        const document =
          member in DOCUMENT
            ? { ...DOCUMENT, [member]: value }
            : { ...DOCUMENT, paths: [{ ...UP, [member]: value }] };
        try {
          parsePathDocument(JSON.stringify(document));
        } catch (e) {
          assert.instance(e, PathDocumentError, String(e));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test.run();
