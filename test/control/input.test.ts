// Requests of control connections out of a stream of text.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ControlInput, type Request } from "../../src/control/input.js";
import * as fc from "../property.js";

function requests(pieces: readonly string[]): Request[] {
  const input = new ControlInput();
  const all: Request[] = [];
  const drain = (): void => {
    for (let r = input.next(); r !== null; r = input.next()) all.push(r);
  };
  for (const piece of pieces) {
    input.feed(piece);
    drain();
  }
  input.end();
  drain();
  assert.is(input.held, 0);
  return all;
}

test("how a stream is cut into pieces makes no difference to what it asks for", () => {
  const line = fc.constantFrom(
    "read a.b c\n",
    "write a.b\r\n",
    "readdata a.b 5\r\nx\ry\nz",
    "writedata a.b 0\n",
    "readuntil a.b END\r\n1\r\n2\n END\nEND \r\n",
    "writeuntil a.b\nx\n\n",
    "checkread x\n",
    "llrpc x#1 3\nabc",
    "help\r\n",
    "\r\n",
    "junk\n",
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(100), { maxLength: 30 }), (lines, cuts) => {
      const text = lines.join("");
      const places = [...new Set([0, ...cuts.map((c) => Math.min(c, text.length)), text.length])].sort(
        (a, b) => a - b,
      );
      const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
      assert.equal(requests(pieces), requests([text]));
    }),
    { numRuns: 500 },
  );
});

test("a great amount of data that comes in small pieces is taken in time", () => {
  const piece = "0123456789abcde\n".repeat(4);
  const count = 100_000;
  const input = new ControlInput();
  input.feed("writeuntil a.b END\n");
  for (let i = 0; i < count; i++) {
    input.feed(piece);
    assert.is(input.next(), null);
  }
  input.feed("END\n");
  const request = input.next();
  assert.is(request?.kind === "write" && request.data.length, count * piece.length);
});

test.run();
