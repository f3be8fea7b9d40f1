// Damaged LISP control messages through the codecs and authentication: for the tests, and for `npm run soak`.

import * as assert from "uvu/assert";
import { verifyAuthentication } from "../../src/lisp/control/authentication.js";
import { LispControlError } from "../../src/wire/lisp-control/error.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../src/wire/lisp-control/message.js";
import * as fc from "../property.js";
import { anyMessage } from "../wire/lisp-control/arbitrary.js";
import { controlMessages, toHex } from "../wire/lisp-control/fixtures.js";

const CODES = new Set([
  "TRUNCATED",
  "BAD_TYPE",
  "BAD_AFI",
  "BAD_VERSION",
  "BAD_LENGTH",
  "BAD_CHECKSUM",
  "BAD_FIELD",
  "TOO_DEEP",
  "TOO_MANY",
  "TOO_LONG",
]);

/** Keys with the IDs that most messages name. */
const KEYS = [0, 1].map((id) => ({ id, secret: new Uint8Array(8), algorithms: [0, 1, 2, 3] }));

/** Decodes what may be no message. True: it is one, and re-encodes to its bytes; false: an error as declared. */
export function survives(bytes: Uint8Array): boolean {
  let message: LispControlMessage;
  try {
    message = decodeLispControl(bytes);
  } catch (e) {
    if (!(e instanceof LispControlError)) throw new Error(`${toHex(bytes)}: ${(e as Error).stack}`);
    assert.ok(CODES.has(e.code), e.code);
    assert.ok(e.offset >= 0 && e.offset <= bytes.length, `${e.message} in ${bytes.length} bytes`);
    return false;
  }
  const encoded = encodeLispControl(message);
  if (Buffer.compare(encoded, bytes) !== 0)
    assert.is(toHex(encoded), toHex(bytes), "decoded, but re-encodes to other bytes");
  if ("nonce" in message && "authentication" in message) verifyAuthentication(bytes, message, KEYS);
  return true;
}

/** Small numbers from a seed (mulberry32), so that a failure comes back. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function damaged(message: Uint8Array, below: (n: number) => number): Uint8Array {
  let bytes = message.slice();
  const cut = below(4);
  if (cut === 0) bytes = bytes.slice(0, below(bytes.length + 1));
  else if (cut === 1) bytes = Uint8Array.of(...bytes, ...bytes.subarray(below(bytes.length + 1)));
  // The head decides more than the rest, so half of the damage goes there.
  for (let n = 1 + below(3); n > 0 && bytes.length > 0; n--) {
    const at = below(below(2) === 0 ? Math.min(bytes.length, 40) : bytes.length);
    const how = below(3);
    bytes[at] =
      how === 0 ? below(256) : how === 1 ? bytes[at] ^ (1 << below(8)) : [0, 1, 0x40, 0xff][below(4)];
  }
  return bytes;
}

/** Sends `count` damaged messages through; how many still were messages. Throws where one does not survive. */
export function runLispCodec(seed: number, count: number): number {
  const seeds = [
    ...controlMessages(),
    ...fc.sample(anyMessage, { numRuns: Math.min(400, count), seed }).map(encodeLispControl),
  ].filter((bytes) => bytes.length <= 2000);
  const below = random(seed);
  let messages = 0;
  for (let i = 0; i < count; i++) if (survives(damaged(seeds[below(seeds.length)], below))) messages++;
  return messages;
}
