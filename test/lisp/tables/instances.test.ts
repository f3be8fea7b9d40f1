// Instances as kernels find them, against a plain map.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../../assembly/lisp-layout.js";
import { Instances } from "../../../src/lisp/tables/instances.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import * as fc from "../../property.js";

/** What a kernel finds: it goes from an instance's own place on to the first that is free. */
function found(memory: PacketMemory, root: number, iid: number): readonly number[] | undefined {
  const index = memory.get32(root + layout.ROOT_INDEX);
  const mask = memory.get32(root + layout.ROOT_MASK);
  for (let place = Math.imul(iid, 0x9e3779b1) >>> 8; ; place++) {
    const at = index + (place & mask) * layout.INSTANCE_SIZE;
    const there = memory.get32(at + layout.INSTANCE_IID);
    if (there === 0) return undefined;
    if (there === iid + 1)
      return [memory.get32(at + layout.INSTANCE_TABLE_4), memory.get32(at + layout.INSTANCE_TABLE_6)];
  }
}

const step = fc.record({
  iid: fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 0xffffff })),
  what: fc.constantFrom("set", "set", "set", "delete", "delete", "clear"),
  tables: fc.tuple(fc.nat(0xffff), fc.nat(0xffff)),
});

test("instances come, change and go one by one, and the others are found", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = new PacketMemory({ bytes: 1 << 20, slots: 16 });
      const instances = new Instances(memory);
      const model = new Map<number, readonly number[]>();
      for (const { iid, what, tables } of steps) {
        if (what === "set") {
          instances.set(iid, ...tables);
          model.set(iid, tables);
        } else if (what === "delete") {
          instances.delete(iid);
          model.delete(iid);
        } else if (iid % 10 === 0) {
          instances.clear();
          model.clear();
        }
      }
      assert.equal(
        instances.keys(),
        [...model.keys()].sort((a, b) => a - b),
      );
      for (const { iid } of steps) {
        assert.equal(found(memory, instances.root, iid), model.get(iid));
        assert.is(instances.has(iid), model.has(iid));
      }
      instances.destroy();
    }),
  );
});

test.run();
