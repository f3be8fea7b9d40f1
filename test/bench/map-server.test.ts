// What the bench asks of a Map-Server is answered: its packets are accepted, and each has its answer.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MapServerRouter } from "../../bench/map-server-router.js";
import { packet, register, request } from "../../bench/map-server-traffic.js";
import { SeededRandom } from "../../src/router/random.js";

test("every prefix of the bench is registered, refreshed and found", async () => {
  const ms = await MapServerRouter.open("");
  const random = new SeededRandom(1);
  for (const family of [4, 6] as const) {
    await ms.fill(family, 1500);
    const before = ms.answers.count;
    const told: number[] = [];
    ms.answers.told = (nonce) => told.push(nonce);
    const nonce = ms.nonce();
    ms.push([packet(register(family, 7, 1, nonce))]);
    assert.equal(told, [Number(nonce)]);
    ms.answers.told = null;
    ms.push(Array.from({ length: 600 }, () => request(family, 1500, random)));
    assert.is(ms.answers.count - before, 601);
  }
  assert.is(ms.element.database.size, 3000);
  const read = (name: string): string => ms.router.read(`ms.${name}`);
  assert.equal([read("replies"), read("negative_replies"), read("registers")], ["1200", "0", "152"]);
  await ms.close();
});

test.run();
