// Instances as kernels find them, against a plain map.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../../assembly/lisp-layout.js";
import { Instances } from "../../../src/lisp/tables/instances.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import * as fc from "../../property.js";

/** What a kernel finds: it goes from an instance's own place on to the first that is free. */
function found(memory: PacketMemory, root: number, iid: number): readonly number[] | undefined {
  const hash = Math.imul(iid, 0x9e3779b1) >>> 0;
  const directory = memory.get32(root + layout.ROOT_DIRECTORY);
  const page = memory.get32(directory + (hash >>> memory.get32(root + layout.ROOT_SHIFT)) * 4);
  for (let place = hash >>> 8; ; place++) {
    const at = page + (place & (layout.INSTANCE_PAGE - 1)) * layout.INSTANCE_SIZE;
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
          const remains = instances.clear();
          while (remains.free());
          assert.is(remains.bytes, 0);
          model.clear();
        }
      }
      assert.equal(
        [...instances.keys()],
        [...model.keys()].sort((a, b) => a - b),
      );
      for (const { iid } of steps) {
        assert.equal(found(memory, instances.root, iid), model.get(iid));
        assert.is(instances.has(iid), model.has(iid));
      }
      instances.destroy();
      assert.is(memory.heapUsed, 0);
    }),
  );
});

test("thousands of instances are all found, in order and by themselves, whatever their numbers", () => {
  // One by one, and such as have the same first bits of the hash: that of the inverse of its factor.
  const close: number[] = [];
  for (let iid = 0; iid <= 0xffffff; iid++) if (Math.imul(iid, 0x9e3779b1) >>> 18 === 5) close.push(iid);
  assert.ok(close.length > 900);
  for (const iids of [
    Array.from({ length: 20_000 }, (_, i) => i),
    Array.from({ length: 5000 }, (_, i) => i << 11),
    close,
  ]) {
    const memory = new PacketMemory({ bytes: 16 << 20, slots: 16 });
    const instances = new Instances(memory);
    for (const iid of iids) instances.set(iid, iid + 1, iid + 2);
    assert.is(instances.size, iids.length);
    assert.ok(iids.every((iid) => found(memory, instances.root, iid)?.[0] === iid + 1));
    for (const iid of iids) if (iid % 3 === 0) instances.delete(iid);
    assert.ok(iids.every((iid) => instances.has(iid) === (iid % 3 !== 0)));
    assert.equal(
      [...instances.keys(1000)],
      iids.filter((iid) => iid % 3 !== 0 && iid >= 1000),
    );
    instances.destroy();
    assert.is(memory.heapUsed, 0);
  }
});

test("an instance for which there is no memory leaves all as it was", () => {
  const memory = new PacketMemory({ bytes: 1 << 17, slots: 1 });
  const instances = new Instances(memory);
  let count = 0;
  assert.throws(() => {
    for (; ; count++) instances.set(count, count + 1);
  }, /memory is exhausted/);
  assert.ok(count > 100);
  assert.equal([instances.size, instances.has(count)], [count, false]);
  for (let iid = 0; iid < count; iid++) assert.is(found(memory, instances.root, iid)?.[0], iid + 1);
  instances.destroy();
});

test.run();
