// Decoded messages own their bytes, whatever they were decoded from.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeLispControl, encodeLispControl } from "../../../src/wire/lisp-control/message.js";

test("a message decoded from a Buffer does not change when the Buffer is used again", () => {
  // RFC 9301 section 5.2: a Map-Request from 192.168.1.1 for 10.0.0.0/8, answers to 192.0.2.1.
  const bytes = Buffer.from(
    "10000001" + "0102030405060708" + "0001c0a80101" + "0001c0000201" + "000800010a000000",
    "hex",
  );
  const message = decodeLispControl(bytes);
  const before = Buffer.from(bytes);
  bytes.fill(0xff);
  assert.equal(Buffer.from(encodeLispControl(message)), before);
});

test.run();
