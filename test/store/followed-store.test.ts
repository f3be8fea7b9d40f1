// A store that several programs write independent values to.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Store } from "../../src/router/store.js";
import { StoreError } from "../../src/router/store.js";
import { FollowedStore } from "../../src/store/followed-store.js";
import { CommonStore } from "./common-store.js";

const key = (text: string): Uint8Array => Buffer.from(text);

async function contents(store: Store): Promise<string[]> {
  const found: string[] = [];
  await store.load((k, v) => found.push(`${Buffer.from(k)}=${Buffer.from(v)}`));
  return found.sort();
}

test("each finds what there is, and is told what the others write after that, not what it writes itself", async () => {
  const common = new CommonStore();
  const news: string[][] = [[], []];
  const open = (i: number) =>
    FollowedStore.open(common.join(), (k, v) =>
      news[i].push(`${Buffer.from(k)}=${v === null ? "gone" : Buffer.from(v)}`),
    );
  const a = await open(0);
  await a.commit([{ key: key("x"), value: key("1") }]);
  const b = await open(1);
  assert.equal(await contents(b), ["x=1"]);
  assert.equal(await contents(a), ["x=1"]);
  await b.commit([
    { key: key("x"), value: key("2") },
    { key: key("y"), value: key("3") },
  ]);
  await a.commit([{ key: key("y"), value: null }]);
  assert.equal(news, [["x=2", "y=3"], ["y=gone"]]);
  await a.close();
  await b.close();
});

test("who was not first writes all the same, on what the other has written", async () => {
  const common = new CommonStore();
  const a = await FollowedStore.open(common.join(), () => {});
  const b = await FollowedStore.open(common.join(), () => {});
  for (const store of [a, b]) await store.load(() => {});
  common.late = true;
  await a.commit([{ key: key("x"), value: key("a") }]);
  const writing = b.commit([{ key: key("x"), value: key("b") }]);
  setTimeout(() => common.catchUp(), 30);
  await writing;
  assert.ok(common.conflicts > 0);
  assert.is(Buffer.from(common.get("x")!).toString(), "b");
});

test("many keys are written in several transactions, and what the store loses and finds again is told as changes", async () => {
  const common = new CommonStore();
  const news: string[] = [];
  const a = await FollowedStore.open(common.join(), (k, v) => news.push(`${Buffer.from(k)} ${v === null}`));
  await a.load(() => {});
  await a.commit(Array.from({ length: 150 }, (_, i) => ({ key: key(`k${i}`), value: key("v") })));
  assert.equal([common.size, common.transactions], [150, 3]);
  common.lose((values) => {
    for (const name of [...values.keys()].slice(2)) values.delete(name);
  });
  assert.equal([news.length, news.filter((line) => line.endsWith("true")).length], [150, 148]);
});

test("a store that cannot be reached is closed", async () => {
  const common = new CommonStore();
  common.unreachable = true;
  const shared = common.join();
  try {
    await FollowedStore.open(shared, () => {});
    assert.unreachable();
  } catch (e) {
    assert.instance(e, StoreError);
  }
  assert.is(common.members, 0);
});

test.run();
