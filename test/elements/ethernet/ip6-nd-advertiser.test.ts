// IP6NDAdvertiser: whom it answers for and how, and what it leaves alone.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigurationError } from "../../../src/index.js";
import { type Lab, lab } from "./harness.js";
import { ALL, group, host, type NDFrame, NOBODY, ndFrame } from "./nd-frames.js";

const ME = "020000000001";
const YOU = "0200000000aa";
const make = (args: string): Promise<Lab> =>
  lab(`Source -> a :: IP6NDAdvertiser(${args}); a -> out :: Capture; a [1] -> rest :: Capture`);
const question = (n: number, more: Partial<NDFrame> = {}): string =>
  ndFrame({
    type: 135,
    from: host(99),
    to: group(n),
    target: host(n),
    link: YOU,
    etherTo: `3333ff${n.toString(16).padStart(6, "0")}`,
    ...more,
  });
const answer = (n: number, more: Partial<NDFrame> = {}): string =>
  ndFrame({
    type: 136,
    from: host(n),
    to: host(99),
    target: host(n),
    flags: 0xe0000000,
    link: ME,
    etherFrom: ME,
    etherTo: YOU,
    ...more,
  });

test("a solicitation for its own address becomes the advertisement: router, solicited, override", async () => {
  const l = await make("2001:db8::1 2:0:0:0:0:1");
  l.push("a", 0, [{ data: question(1) }]);
  assert.equal(l.got("out"), [answer(1)]);
  assert.is(l.router.read("a.advertisements"), "1");
  assert.is(l.used(), 0);
  l.router.close();
});

test("the answer goes to the address that the question names, or else to where it came from", async () => {
  const l = await make("2001:db8::1 2:0:0:0:0:1, ROUTER false");
  l.push("a", 0, [
    { data: question(1, { link: "0200000000cc" }) },
    { data: question(1, { link: undefined, to: host(1), etherFrom: "0200000000dd" }) },
  ]);
  assert.equal(l.got("out"), [
    answer(1, { etherTo: "0200000000cc", flags: 0x60000000 }),
    answer(1, { etherTo: "0200000000dd", flags: 0x60000000 }),
  ]);
  l.router.close();
});

test("a probe for a duplicate address is answered to all nodes, unsolicited", async () => {
  const l = await make("2001:db8::1 2:0:0:0:0:1");
  l.push("a", 0, [{ data: question(1, { from: NOBODY, link: undefined }) }]);
  assert.equal(l.got("out"), [answer(1, { to: ALL, etherTo: "333300000001", flags: 0xa0000000 })]);
  l.router.close();
});

test("for a network it answers without override; the longest prefix decides", async () => {
  const l = await make("2001:db8::/32 2:0:0:0:0:32, 2001:db8::/121 2:0:0:0:0:21, 2001:db8::5 2:0:0:0:0:5");
  l.push("a", 0, [{ data: question(5) }, { data: question(0x7f) }, { data: question(0x80) }]);
  const by = (n: number, mac: string, flags: number): string =>
    answer(n, { link: mac, etherFrom: mac, flags });
  assert.equal(l.got("out"), [
    by(5, "020000000005", 0xe0000000),
    by(0x7f, "020000000021", 0xc0000000),
    by(0x80, "020000000032", 0xc0000000),
  ]);
  assert.is(
    l.router.read("a.table"),
    "2001:db8::5/128 02-00-00-00-00-05\n2001:db8::/121 02-00-00-00-00-21\n2001:db8::/32 02-00-00-00-00-32\n",
  );
  l.router.close();
});

test("with LINK_LOCAL it answers for the link-local address made of its hardware address, too", async () => {
  const local = `fe80000000000000${"00000000"}fe000001`.replace("00000000fe", "000000fffe");
  const asked = { data: question(1, { target: local, to: `ff02${"0".repeat(19)}1ff000001` }) };
  const l = await make("2001:db8::1 2001:db8:1::/64 2:0:0:0:0:1, LINK_LOCAL true");
  l.push("a", 0, [asked]);
  assert.equal(l.got("out"), [answer(1, { target: local, from: local })]);
  assert.match(l.router.read("a.table"), /^fe80::ff:fe00:1\/128 02-00-00-00-00-01$/m);
  l.router.close();
  const without = await make("2001:db8::1 2:0:0:0:0:1");
  without.push("a", 0, [asked]);
  assert.equal(without.got("out"), []);
  without.router.close();
});

test("what is wrong, or for others, goes to output 1 as it came, or is dropped and counted", async () => {
  const strange = [
    question(2),
    answer(1),
    question(1, { hopLimit: 254 }),
    question(1, { wrong: 1 }),
    question(1, { code: 1 }),
    question(1, { from: NOBODY }),
    question(1, { from: NOBODY, link: undefined, to: host(1) }),
    question(1, { options: "05000000" }),
    question(1).slice(0, 120),
    question(1).replace("86dd", "0806"),
    "",
  ].map((data) => ({ data }));
  const l = await make("2001:db8::1 2:0:0:0:0:1");
  l.push("a", 0, strange);
  assert.equal(l.got("out"), []);
  assert.equal(
    l.got("rest"),
    strange.map(({ data }) => data),
  );
  l.router.close();
  const one = await lab("Source -> a :: IP6NDAdvertiser(2001:db8::1 2:0:0:0:0:1) -> Capture");
  one.push("a", 0, strange);
  assert.is(one.router.read("a.unanswered"), String(strange.length));
  assert.is(one.used(), 0);
  one.router.close();
});

test("wrong arguments are refused one by one", async () => {
  try {
    (
      await make("2001:db8::1, x, 2:0:0:0:0:1, 2001:db8::2 2:0:0:0:0:1 2:0:0:0:0:2, ::1 2:0:0:0:0:1")
    ).router.close();
    assert.unreachable();
  } catch (e) {
    const text = (e as ConfigurationError).diagnostics.map((d) => d.message).join("\n");
    assert.match(text, /argument 0 had no Ethernet address/);
    assert.match(text, /argument 1 should be 'IP6\/MASK ETHADDR'/);
    assert.match(text, /argument 2 had no IP6 address and masks/);
    assert.match(text, /argument 3 has more than one Ethernet address/);
    assert.not.match(text, /argument 4/);
  }
});

test.run();
