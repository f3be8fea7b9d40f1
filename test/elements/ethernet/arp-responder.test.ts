// ARPResponder: whom it answers for, and what it leaves alone.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigurationError } from "../../../src/index.js";
import { type Lab, lab } from "./harness.js";

const YOU = "0200000000aa";
const request = (ip: string): string =>
  `ffffffffffff${YOU}08060001080006040001${YOU}0a000063000000000000${ip}`;
const reply = (ip: string, mac: string): string =>
  `${YOU}${mac}08060001080006040002${mac}${ip}${YOU}0a000063`;

const make = (args: string): Promise<Lab> =>
  lab(`Source -> r :: ARPResponder(${args}); r -> out :: Capture; r [1] -> rest :: Capture`);

test("a request for one of its addresses becomes the reply, without padding", async () => {
  const l = await make("10.0.0.1 2:0:0:0:0:1");
  l.push("r", 0, [{ data: request("0a000001") + "00".repeat(18) }]);
  assert.equal(l.got("out"), [reply("0a000001", "020000000001")]);
  assert.is(l.router.read("r.replies"), "1");
  assert.is(l.used(), 0);
  l.router.close();
});

test("the smallest network that holds the address decides, and is listed before those that hold it", async () => {
  const l = await make(
    "10.0.0.0/8 10.2.0.0/255.255.0.0 2:0:0:0:0:8, 10.0.0.0/24 2:0:0:0:0:24, 10.0.0.5 2:0:0:0:0:32",
  );
  l.push(
    "r",
    0,
    ["0a000005", "0a000006", "0a010101"].map((ip) => ({ data: request(ip) })),
  );
  assert.equal(l.got("out"), [
    reply("0a000005", "020000000032"),
    reply("0a000006", "020000000024"),
    reply("0a010101", "020000000008"),
  ]);
  assert.is(
    l.router.read("r.table"),
    "10.2.0.0/16 02-00-00-00-00-08\n10.0.0.5/32 02-00-00-00-00-32\n10.0.0.0/24 02-00-00-00-00-24\n10.0.0.0/8 02-00-00-00-00-08\n",
  );
  l.router.close();
});

test("what it has no answer for goes to output 1 as it came, or is dropped and counted", async () => {
  const strange = [
    request("0a000002"),
    reply("0a000001", YOU),
    request("0a000001").replace("0806", "0800"),
    request("0a000001").slice(0, 82),
    request("0a000001").replace("00010800", "00010801"),
    "",
  ].map((data) => ({ data }));
  const l = await make("10.0.0.1 2:0:0:0:0:1");
  l.push("r", 0, strange);
  assert.equal(
    l.got("rest"),
    strange.map(({ data }) => data),
  );
  assert.equal(l.got("out"), []);
  l.router.close();
  const one = await lab("Source -> r :: ARPResponder(10.0.0.1 2:0:0:0:0:1) -> Capture");
  one.push("r", 0, strange);
  assert.is(one.router.read("r.unanswered"), String(strange.length));
  assert.is(one.used(), 0);
  one.router.close();
});

test("entries are looked up, added and removed while it runs", async () => {
  const l = await make("10.0.0.0/24 2:0:0:0:0:1");
  assert.is(l.router.read("r.lookup", "10.0.0.9"), "02-00-00-00-00-01");
  assert.is(l.router.read("r.lookup", "10.0.1.9"), "");
  assert.throws(() => l.router.read("r.lookup", "x"), /expected IP address/);
  await l.router.write("r.add", "10.0.0.9 10.0.1.0/24 2:0:0:0:0:2");
  assert.is(l.router.read("r.lookup", "10.0.0.9"), "02-00-00-00-00-02");
  await l.router.write("r.remove", "10.0.0.9/32");
  assert.is(l.router.read("r.lookup", "10.0.0.9"), "02-00-00-00-00-01");
  const failure = (handler: string, text: string): Promise<string> =>
    l.router.write(`r.${handler}`, text).then(
      () => "",
      (e: Error) => e.message,
    );
  assert.is(await failure("remove", "10.0.0.9"), "10.0.0.9/32 not found");
  assert.is(await failure("remove", "x"), "expected IP/MASK");
  assert.is(await failure("add", "10.0.0.9"), "missing ETH");
  assert.is(await failure("add", "2:0:0:0:0:2"), "missing IP/MASK");
  assert.is(await failure("add", "10.0.0.9 2:0:0:0:0:2 2:0:0:0:0:3"), "more than one ETH");
  assert.is(await failure("add", "10.0.0.9 x"), "expected IP/MASK ETH");
  l.router.close();
});

test("wrong arguments are refused one by one; the same network twice is warned of, and the last one counts", async () => {
  try {
    (await make("10.0.0.1, 10.0.0.2 2:0:0:0:0:1, x")).router.close();
    assert.unreachable();
  } catch (e) {
    const text = (e as ConfigurationError).diagnostics.map((d) => d.message).join("\n");
    assert.match(text, /argument 0: missing ETH\n {2}argument 2: expected IP\/MASK ETH/);
  }
  const l = await make("10.0.0.1 2:0:0:0:0:1, 10.0.0.1 2:0:0:0:0:2");
  assert.match(l.log.join("\n"), /multiple entries for 10\.0\.0\.1\/32/);
  assert.is(l.router.read("r.lookup", "10.0.0.1"), "02-00-00-00-00-02");
  l.router.close();
});

test.run();
