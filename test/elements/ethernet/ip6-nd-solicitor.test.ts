// IP6NDSolicitor: address resolution and unreachability detection, by RFC 4861 section 7.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { noMoreRoom } from "../../slot-canary.js";
import { type Lab, lab } from "./harness.js";
import { group, host, type NDFrame, NOBODY, ndFrame } from "./nd-frames.js";

const ME = "020000000001";
const YOU = "0200000000aa";
const OTHER = "0200000000bb";
const SOLICITED = 0x40000000;
const OVERRIDE = 0x20000000;
const ROUTER = 0x80000000;

/** The solicitation that this router sends for host `n`: to its group, or to `mac`. */
const ask = (n: number, mac?: string): string =>
  ndFrame({
    type: 135,
    from: host(1),
    to: mac === undefined ? group(n) : host(n),
    target: host(n),
    etherTo: mac ?? `3333ff${n.toString(16).padStart(6, "0")}`,
    etherFrom: ME,
    link: ME,
  });
const tell = (n: number, more: Partial<NDFrame> = {}): string =>
  ndFrame({
    type: 136,
    from: host(n),
    to: host(1),
    target: host(n),
    flags: SOLICITED | OVERRIDE,
    link: YOU,
    ...more,
  });
const framed = (data: string, mac = YOU): string => `${mac}${ME}86dd${data}`;

// REACHABLE_TIME is multiplied by 0.5 to 1.5: 20 means 10 to 30 seconds.
const make = (args = "", third = true): Promise<Lab> =>
  lab(`n :: IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1, REACHABLE_TIME 20${args}); Source -> n; Source -> [1] n;
       n -> out :: Capture; n [1] -> asked :: Capture; ${third ? "n [2] -> failed :: Capture" : ""}`);
const state = (l: Lab): string =>
  l.router
    .read("n.neighbours")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ")[1])
    .join(" ");
const fail = async (l: Lab, handler: string, text: string): Promise<void> => {
  let failed = false;
  await l.router.write(`n.${handler}`, text).catch(() => {
    failed = true;
  });
  assert.ok(failed, `${handler} '${text}'`);
};

test("the solicitation is the RFC's, byte for byte", async () => {
  const l = await make();
  l.push("n", 0, [{ data: "60", to: host(2) }]);
  assert.equal(l.got("asked"), [
    "3333ff000002" +
      "020000000001" +
      "86dd" +
      "60000000" +
      "0020" +
      "3a" +
      "ff" +
      "20010db8000000000000000000000001" +
      "ff0200000000000000000001ff000002" +
      "8700" +
      "1c27" +
      "00000000" +
      "20010db8000000000000000000000002" +
      "0101020000000001",
  ]);
  l.router.close();
});

test("packets to a stranger wait, its group is asked, and the answer lets them go in order", async () => {
  const l = await make();
  l.push(
    "n",
    0,
    ["6001", "6002"].map((data) => ({ data, to: host(2) })),
  );
  assert.equal(l.got("asked"), [ask(2)]);
  assert.is(l.router.read("n.length"), "2");
  assert.is(l.router.read("n.table"), "2001:db8::2 0 FF-FF-FF-FF-FF-FF\n");
  assert.is(l.router.read("n.neighbours"), "2001:db8::2 INCOMPLETE FF-FF-FF-FF-FF-FF host 2\n");
  l.push("n", 1, [{ data: tell(2, { flags: ROUTER | SOLICITED | OVERRIDE }) }]);
  assert.equal(l.got("out"), [framed("6001"), framed("6002")]);
  l.push("n", 0, [{ data: "6003", to: host(2) }]);
  assert.equal(l.got("out"), [framed("6003")]);
  assert.is(l.router.read("n.table"), "2001:db8::2 1 02-00-00-00-00-AA\n");
  assert.is(l.router.read("n.neighbours"), "2001:db8::2 REACHABLE 02-00-00-00-00-AA router 0\n");
  assert.is(l.router.read("n.advertisements"), "1");
  assert.is(l.used(), 0);
  l.router.close();
});

test("a stranger is asked for three times, a second apart; then its packets come out as unreachable", async () => {
  const l = await make();
  l.push("n", 0, [
    { data: "6001", to: host(2) },
    { data: "6002", to: host(2) },
  ]);
  l.router.runFor(0.9);
  assert.equal(l.got("asked"), [ask(2)]);
  l.router.runFor(2);
  assert.equal(l.got("asked"), [ask(2), ask(2)]);
  assert.equal(l.got("failed"), []);
  l.router.runFor(0.2);
  assert.equal(l.got("asked"), []);
  assert.equal(l.got("failed"), ["6001", "6002"]);
  assert.is(l.router.read("n.count"), "0");
  assert.is(l.router.read("n.unreachable"), "2");
  assert.is(l.router.read("n.unresolved"), "0");
  l.push("n", 0, [{ data: "6003", to: host(2) }]);
  assert.equal(l.got("asked"), [ask(2)], "the next packet begins anew");
  l.router.close();
  assert.is(l.used(), 0);
});

test("without output 2 unreachable packets are dropped", async () => {
  const l = await make(", RETRANS_TIMER 0.1", false);
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  l.router.runFor(0.4);
  assert.is(l.router.read("n.unresolved"), "1");
  assert.is(l.router.read("n.stats"), "1 packets killed\n3 ND Solicitation Message sent\n");
  assert.is(l.used(), 0);
  l.router.close();
});

test("a neighbour in use is asked itself once its confirmation is old, and confirmed by its answer", async () => {
  const l = await make();
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  assert.is(state(l), "REACHABLE");
  l.router.runFor(31);
  assert.is(state(l), "STALE");
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  assert.is(state(l), "DELAY");
  l.router.runFor(4.9);
  assert.equal(l.got("asked"), []);
  l.router.runFor(1.2);
  assert.is(state(l), "PROBE");
  l.push("n", 0, [{ data: "6002", to: host(2) }]);
  assert.equal(l.got("asked"), [ask(2, YOU), ask(2, YOU)]);
  assert.equal(l.got("out"), [framed("6001"), framed("6002")]);
  l.push("n", 1, [{ data: tell(2) }]);
  assert.is(state(l), "REACHABLE");
  l.router.runFor(5);
  assert.equal(l.got("asked"), []);
  l.router.close();
});

test("a neighbour in use that does not answer any more is forgotten after three probes", async () => {
  const l = await make();
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.router.runFor(31);
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  l.router.runFor(8.1);
  assert.equal(l.got("asked"), [ask(2, YOU), ask(2, YOU), ask(2, YOU)]);
  assert.is(l.router.read("n.count"), "0");
  l.router.close();
});

test("a neighbour that is neither used nor heard of is forgotten after TIMEOUT", async () => {
  for (const [args, count] of [
    [", TIMEOUT 40", "0"],
    [", TIMEOUT 0", "1"],
  ]) {
    const l = await make(args);
    await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
    l.router.runFor(39);
    assert.is(l.router.read("n.count"), "1");
    l.router.runFor(1000);
    assert.is(l.router.read("n.count"), count);
    l.router.close();
  }
});

test("advertisements change neighbours as section 7.2.5 says", async () => {
  const cases: [why: string, more: Partial<NDFrame>, state: string, mac: string][] = [
    ["solicited, other address, override", { link: OTHER }, "REACHABLE", OTHER],
    ["unsolicited, other address, override", { link: OTHER, flags: OVERRIDE }, "STALE", OTHER],
    ["other address without override", { link: OTHER, flags: SOLICITED }, "STALE", YOU],
    ["unsolicited, same address", { flags: OVERRIDE }, "REACHABLE", YOU],
    ["without address", { link: undefined, flags: SOLICITED }, "REACHABLE", YOU],
  ];
  for (const [why, more, wanted, mac] of cases) {
    const l = await make();
    await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
    l.push("n", 1, [{ data: tell(2, more) }]);
    assert.is(state(l), wanted, why);
    l.push("n", 0, [{ data: "6001", to: host(2) }]);
    assert.equal(l.got("out"), [framed("6001", mac)], why);
    l.router.close();
  }
});

test("without override a stale neighbour keeps its address and state", async () => {
  const l = await make();
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.router.runFor(31);
  l.push("n", 1, [{ data: tell(2, { link: OTHER, flags: SOLICITED }) }]);
  assert.is(state(l), "STALE");
  l.push("n", 1, [{ data: tell(2, { link: OTHER, flags: OVERRIDE, to: `ff02${"0".repeat(26)}01` }) }]);
  assert.match(l.router.read("n.table"), /02-00-00-00-00-BB/);
  l.router.close();
});

test("unsolicited advertisements make no neighbours, and answers without an address resolve nothing", async () => {
  const l = await make();
  l.push("n", 1, [{ data: tell(2) }]);
  assert.is(l.router.read("n.count"), "0");
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  l.push("n", 1, [{ data: tell(2, { link: undefined }) }]);
  assert.is(state(l), "INCOMPLETE");
  l.push("n", 1, [{ data: tell(2, { flags: 0 }) }]);
  assert.is(state(l), "DELAY", "an unsolicited one resolves, but does not confirm");
  assert.equal(l.got("out"), [framed("6001")]);
  l.router.close();
});

test("a solicitation from a neighbour teaches its address, without confirming it", async () => {
  const l = await make();
  const question = (link?: string): string =>
    ndFrame({ type: 135, from: host(2), to: group(1), target: host(1), link });
  l.push("n", 1, [{ data: question() }]);
  assert.is(l.router.read("n.count"), "0");
  l.push("n", 1, [{ data: question(YOU) }]);
  assert.is(state(l), "STALE");
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.push("n", 1, [{ data: question(YOU) }]);
  assert.is(state(l), "REACHABLE", "nothing new");
  l.push("n", 1, [{ data: question(OTHER) }]);
  assert.is(state(l), "STALE");
  l.push("n", 0, [{ data: "6001", to: host(3) }]);
  l.push("n", 1, [
    { data: ndFrame({ type: 135, from: host(3), to: group(1), target: host(1), link: OTHER }) },
  ]);
  assert.equal(l.got("out"), [framed("6001", OTHER)]);
  l.router.close();
});

test("messages that section 7.1 does not allow are not believed", async () => {
  const l = await make();
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  const bad = [
    tell(2, { hopLimit: 254 }),
    tell(2, { wrong: 1 }),
    tell(2, { code: 1 }),
    tell(2, { target: group(2) }),
    tell(2, { to: group(1) }),
    tell(2, { options: "0000000000000000" }),
    tell(2, { options: "0200" }),
    tell(2, { link: "030000000001" }),
    tell(2).replace("86dd", "0800"),
    tell(2).slice(0, 100),
    ndFrame({ type: 135, from: NOBODY, to: group(1), target: host(1), link: YOU }),
    ndFrame({ type: 135, from: NOBODY, to: host(1), target: host(1) }),
    "",
  ];
  for (const data of bad) l.push("n", 1, [{ data }]);
  assert.is(l.router.read("n.bad_message"), String(bad.length));
  assert.is(state(l), "INCOMPLETE");
  assert.equal(l.got("out"), []);
  l.push("n", 1, [{ data: `${tell(2)}${"00".repeat(6)}` }]);
  assert.equal(l.got("out"), [framed("6001")], "bytes after the packet are padding");
  l.router.close();
  assert.is(l.used(), 0);
});

test("another's claim to this router's address is counted and said once", async () => {
  const l = await make();
  for (let i = 0; i < 2; i++) l.push("n", 1, [{ data: tell(1) }]);
  // A router that tells others where we are is right.
  l.push("n", 1, [{ data: tell(1, { link: ME }) }]);
  assert.is(l.router.read("n.conflicts"), "2");
  assert.equal(l.log, [
    "n :: IP6NDSolicitor: 02-00-00-00-00-AA says that it has this router's address 2001:db8::1",
  ]);
  l.router.close();
});

test("packets to groups go to the group's address; those to nobody are dropped", async () => {
  const l = await make();
  l.push("n", 0, [
    { data: "6001", to: "ff020000000000000000000000010203" },
    { data: "6002", to: NOBODY },
  ]);
  assert.equal(l.got("out"), [framed("6001", "333300010203")]);
  assert.is(l.router.read("n.no_destination"), "1");
  assert.equal(l.log, ["n :: IP6NDSolicitor: would solicit ::; missing dest IP6 addr annotation?"]);
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  noMoreRoom(l.router.memory);
  l.push("n", 0, [
    { data: "60".repeat(2040), to: host(2) },
    { data: "60".repeat(2040), to: group(2) },
  ]);
  assert.is(l.router.read("n.no_room"), "2");
  assert.is(l.used(), 0);
  l.router.close();
});

test("what waits is bounded: the oldest of one neighbour, then of all, give way", async () => {
  const l = await make(", ENTRY_PACKET_CAPACITY 2, CAPACITY 4");
  for (const data of ["6001", "6002", "6003"]) l.push("n", 0, [{ data, to: host(2) }]);
  assert.is(l.router.read("n.waited"), "1");
  l.push("n", 1, [{ data: tell(2) }]);
  assert.equal(l.got("out"), [framed("6002"), framed("6003")]);
  for (const n of [3, 4, 5, 6, 7]) l.push("n", 0, [{ data: "60", to: host(n) }]);
  assert.is(l.router.read("n.length"), "2");
  assert.is(l.router.read("n.waited"), "4");
  l.router.close();
  assert.is(l.used(), 0);
});

test("a full table asks for no more strangers, and forgets nobody", async () => {
  const l = await make(", ENTRY_CAPACITY 2");
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  for (const n of [3, 4, 5]) l.push("n", 0, [{ data: "60", to: host(n) }]);
  assert.equal(l.got("asked"), [ask(3)]);
  assert.is(l.router.read("n.no_memory"), "2");
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  assert.equal(l.got("out"), [framed("6001")]);
  l.push("n", 1, [{ data: ndFrame({ type: 135, from: host(9), to: group(1), target: host(1), link: YOU }) }]);
  assert.is(l.router.read("n.count"), "2");
  l.router.close();
});

test("an answer that comes back while the question is sent finds the packet waiting", async () => {
  const l = await lab(`n :: IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1); Source -> n; n -> out :: Capture;
    n [1] -> IP6NDAdvertiser(2001:db8::/64 2:0:0:0:0:aa) -> [1] n`);
  l.push("n", 0, [{ data: "6001", to: host(2) }]);
  assert.equal(l.got("out"), [framed("6001")]);
  assert.is(state(l), "REACHABLE");
  l.router.close();
});

test("delete and clear remove neighbours, and what they have to do", async () => {
  const l = await make();
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.push("n", 0, [{ data: "60", to: host(3) }]);
  await l.router.write("n.delete", "2001:db8::2");
  assert.is(l.router.read("n.count"), "1");
  await l.router.write("n.clear");
  l.got("asked");
  l.router.runFor(10);
  assert.equal(l.got("asked"), []);
  assert.is(l.used(), 0);
  await fail(l, "insert", "2001:db8::2");
  await fail(l, "insert", "10.0.0.1 2:0:0:0:0:aa");
  await fail(l, "delete", "");
  l.router.close();
});

test("a hot swap keeps the table, what waits and what is due; other addresses start anew", async () => {
  const text = (ether: string): string =>
    `n :: IP6NDSolicitor(2001:db8::1, ${ether}, REACHABLE_TIME 20); Source -> n; Source -> [1] n;
     n -> out :: Capture; n [1] -> asked :: Capture; n [2] -> failed :: Capture`;
  const l = await lab(text("2:0:0:0:0:1"));
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.push("n", 0, [{ data: "6001", to: host(3) }]);
  await l.router.swap(text("2:0:0:0:0:1"));
  assert.is(l.router.read("n.count"), "2");
  assert.is(l.router.read("n.solicitations"), "1");
  l.router.runFor(3.1);
  assert.equal(l.got("asked"), [ask(3), ask(3)]);
  assert.equal(l.got("failed"), ["6001"]);
  l.push("n", 0, [{ data: "6002", to: host(2) }]);
  assert.equal(l.got("out"), [framed("6002")]);
  await l.router.swap(text("2:0:0:0:0:9"));
  assert.is(l.router.read("n.count"), "0");
  l.router.close();
  assert.is(l.used(), 0);
});

test.run();
