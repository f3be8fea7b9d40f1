// Keys and values as one array of bytes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { pack, unpack } from "../../src/store/packed.js";
import * as fc from "../property.js";

test("what is packed is unpacked again, in arrays of its own", () => {
  const operation = fc.record(
    {
      key: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      value: fc.option(fc.uint8Array({ maxLength: 1000 })),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const bytes = pack(operations);
      const got = [...unpack(bytes)];
      bytes.fill(0xee);
      assert.equal(got, operations);
    }),
  );
});

test("the bytes are those that are documented", () => {
  const operations = [
    { key: Uint8Array.of(1, 2), value: Uint8Array.of(3) },
    { key: Uint8Array.of(4), value: null },
  ];
  assert.equal([...pack(operations)], [2, 0, 1, 0, 0, 0, 1, 2, 3, 1, 0, 255, 255, 255, 255, 4]);
});

test.run();
