// IP6NDRouterAdvertiser: what it says, when, and to whom it listens.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigurationError } from "../../../src/index.js";
import { type Lab, lab } from "./harness.js";
import { icmp6Frame } from "./nd-frames.js";

const MAC = "02005e000101";
/** Made of MAC. */
const ROUTER = "fe80000000000000" + "00005efffe000101";
const HOST = "fe80000000000000" + "00000000000000aa";
const NOBODY = "0".repeat(32);
const ALL_ROUTERS = `ff02${"0".repeat(27)}2`;
const ALL_NODES = `ff02${"0".repeat(27)}1`;

const make = (args: string): Promise<Lab> =>
  lab(`Source -> a :: IP6NDRouterAdvertiser(02:00:5e:00:01:01${args}) -> out :: Capture`);

function solicitation(more: Partial<Parameters<typeof icmp6Frame>[0]> = {}): string {
  return icmp6Frame({
    from: HOST,
    to: ALL_ROUTERS,
    etherTo: "333300000002",
    etherFrom: "0200000000aa",
    type: 133,
    body: "00000000" + "01010200000000aa",
    ...more,
  });
}

function advertisement(body: string): string {
  return icmp6Frame({
    from: ROUTER,
    to: ALL_NODES,
    etherTo: "333300000001",
    etherFrom: MAC,
    type: 134,
    body,
  });
}

const SOURCE = `0101${MAC}`;
/** Hop limit 64, no flags, lifetime 1800, no times. */
const PLAIN = `40000708${"0".repeat(16)}`;

/** When advertisements come in so many seconds. */
function times(l: Lab, span: number): number[] {
  const out: number[] = [];
  const capture = l.capture("out");
  capture.onPacket = () => out.push(l.clock.now() / 1e9);
  l.router.runFor(span);
  capture.onPacket = null;
  capture.frames.length = 0;
  return out;
}

test("it says prefixes, MTU and lifetimes from the link-local address made of its hardware address", async () => {
  const plain = await make("");
  plain.router.runFor(1);
  assert.equal(plain.got("out"), [advertisement(PLAIN + SOURCE)]);
  assert.is(plain.router.read("a.address"), "fe80::5eff:fe00:101");
  plain.router.close();

  const all = [
    "2001:db8::1/64 on-link autonomous",
    "2001:db8:1::/56 valid infinite preferred 60",
    "MTU 1400, LIFETIME 1000, HOP_LIMIT 0, MANAGED true, OTHER true",
  ];
  const l = await make(`, ${all.join(", ")}`);
  l.router.runFor(1);
  assert.equal(l.got("out"), [
    advertisement(
      `00c003e8${"0".repeat(16)}${SOURCE}` +
        "0501000000000578" +
        `030440c000278d0000093a800000000020010db8${"0".repeat(24)}` +
        `03043800ffffffff0000003c0000000020010db80001${"0".repeat(20)}`,
    ),
  ]);
  assert.is(l.used(), 0);
  l.router.close();
});

test("it advertises three times within a minute, then at random times that are as far apart as is set", async () => {
  const l = await make(", MAX_INTERVAL 60");
  const at = times(l, 1000);
  const gaps = at.slice(1).map((t, i) => t - at[i]);
  assert.ok(at[0] <= 0.6, String(at[0]));
  assert.ok(gaps[0] <= 16.1 && gaps[1] <= 16.1, String(gaps));
  const later = gaps.slice(2);
  assert.ok(
    later.every((gap) => gap >= 19.9 && gap <= 60.1),
    String(later),
  );
  assert.ok(new Set(later).size > later.length / 2, "not all the same");
  assert.is(l.router.read("a.advertisements"), String(at.length));
  l.router.close();
});

test("who asks is answered within half a second, and a crowd no more often than every three seconds", async () => {
  const l = await make("");
  l.router.runFor(100);
  l.got("out");
  l.push("a", 0, [{ data: solicitation() }]);
  assert.is(times(l, 0.6).length, 1);
  const crowd = Array.from({ length: 50 }, () => ({
    data: solicitation({ from: NOBODY, body: "00000000" }),
  }));
  let answers = 0;
  for (let i = 0; i < 60; i++) {
    l.push("a", 0, crowd);
    answers += times(l, 0.5).length;
  }
  assert.ok(answers >= 8 && answers <= 10, `${answers} in 30 s`);
  assert.is(l.router.read("a.solicitations"), "3001");
  l.router.close();
});

test("what is no solicitation is counted and not answered", async () => {
  const l = await make("");
  l.router.runFor(100);
  l.got("out");
  const strange = [
    solicitation({ type: 135 }),
    solicitation({ code: 1 }),
    solicitation({ hopLimit: 64 }),
    solicitation({ wrong: 1 }),
    solicitation({ from: NOBODY }),
    solicitation({ body: "00000000" + "0100" + "0200000000aa" }),
    solicitation({ body: "00000000" + "0102" + "0200000000aa" }),
    solicitation({ body: "0000" }),
    solicitation().slice(0, 100),
    "",
  ];
  l.push(
    "a",
    0,
    strange.map((data) => ({ data })),
  );
  assert.equal(
    [l.router.read("a.bad_message"), l.router.read("a.solicitations")],
    [String(strange.length), "0"],
  );
  assert.equal(times(l, 1), []);
  assert.is(l.used(), 0);
  l.router.close();
});

test("switched off it says that it is no router, and hears nobody; switched on it begins again", async () => {
  const l = await make(", ACTIVE false");
  l.push("a", 0, [{ data: solicitation() }]);
  assert.equal(times(l, 20), []);
  assert.is(l.router.read("a.inactive"), "1");
  await l.router.write("a.active", "true");
  assert.is(times(l, 40).length, 3);
  await l.router.write("a.active", "false");
  assert.equal(l.got("out"), [advertisement(`40000000${"0".repeat(16)}${SOURCE}`)]);
  assert.equal(times(l, 1000), []);
  l.router.close();
});

test("without a free packet an advertisement is left out, and counted", async () => {
  const l = await make("");
  const taken: number[] = [];
  for (let slot = l.router.memory.kernels.poolTake(); slot !== 0; slot = l.router.memory.kernels.poolTake())
    taken.push(slot);
  l.router.runFor(1);
  assert.equal([l.got("out"), l.router.read("a.no_slot"), l.router.read("a.advertisements")], [[], "1", "0"]);
  for (const slot of taken) l.router.memory.kernels.poolGive(slot);
  assert.is(times(l, 40).length, 2);
  l.router.close();
});

test("after a hot swap hosts hear of what is new, three seconds after the last time at the soonest", async () => {
  const l = await make("");
  l.router.runFor(1);
  assert.is(l.got("out").length, 1);
  const text = "Source -> a :: IP6NDRouterAdvertiser(02:00:5e:00:01:01, MTU 1400) -> out :: Capture";
  await l.router.swap(text);
  assert.equal(times(l, 1.9), []);
  assert.is(times(l, 1.7).length, 1);
  await l.router.swap(text.replace("MTU 1400", "ACTIVE false"));
  assert.equal(l.got("out"), [advertisement(`40000000${"0".repeat(16)}${SOURCE}`)]);
  l.router.close();
});

test("wrong arguments are refused one by one", async () => {
  const wrong = async (args: string): Promise<string> => {
    try {
      (await make(args)).router.close();
    } catch (e) {
      return (e as ConfigurationError).diagnostics.map((d) => d.message).join("\n");
    }
    throw new Error(`${args} is taken`);
  };
  assert.match(await wrong(", LIFETIME 500"), /LIFETIME: shorter than MAX_INTERVAL/);
  assert.match(await wrong(", MTU 1279"), /MTU: IPv6 needs at least 1280/);
  assert.match(await wrong(", x"), /'x': expected IP6\/LENGTH/);
  assert.match(await wrong(", 2001:db8::/64 offlink"), /'offlink' is none of/);
  assert.match(await wrong(", 2001:db8::/64 valid"), /valid needs seconds/);
  assert.match(await wrong(", 2001:db8::/64 valid 4294967296"), /valid needs seconds/);
  assert.match(await wrong(", 2001:db8::/64 valid 10"), /preferred for longer than valid/);
  assert.match(await wrong(", 2001:db8::/56 autonomous"), /autonomous wants \/64/);
  assert.match(await wrong(", fe80::/64"), /link-local/);
  assert.match(
    await wrong(`, ${Array.from({ length: 33 }, (_, i) => `2001:db8:${i}::/64`).join(", ")}`),
    /more than 32/,
  );
});

test.run();
