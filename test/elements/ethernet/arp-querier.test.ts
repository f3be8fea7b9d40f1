// ARPQuerier, with and without an ARPTable: who is asked when, what waits, what is forgotten.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_VLAN_TCI, SLOT_ANNO, SLOT_MAC } from "../../../assembly/layout.js";
import { type ConfigurationError, Packet } from "../../../src/index.js";
import { noMoreRoom } from "../../slot-canary.js";
import { type Lab, lab } from "./harness.js";

const ME = "020000000001";
const YOU = "0200000000aa";
const ASK = "ffffffffffff";
const IP_ME = "0a000001";
const A = "0a000002";
const B = "0a000003";

const query = (ip: string, to = ASK): string =>
  `${to}${ME}08060001080006040001${ME}${IP_ME}000000000000${ip}`;
const reply = (ip: string, mac = YOU): string => `${ME}${mac}08060001080006040002${mac}${ip}${ME}${IP_ME}`;
const framed = (data: string, mac = YOU): string => `${mac}${ME}0800${data}`;

const make = (args = "", more = "", memory = {}): Promise<Lab> =>
  lab(
    `q :: ARPQuerier(10.0.0.1/24, 2:0:0:0:0:1${args}); Source -> q; Source -> [1] q;
       q -> out :: Capture; q [1] -> asked :: Capture; ${more}`,
    { memory },
  );

test("a packet to a stranger waits, a query is broadcast, and the answer lets it go", async () => {
  const l = await make();
  l.push("q", 0, [{ data: "45aa", to: A }]);
  assert.equal(l.got("asked"), [query(A)]);
  assert.equal(l.got("out"), []);
  assert.is(l.router.read("q.length"), "1");
  assert.is(l.router.read("q.table"), "10.0.0.2 0 FF-FF-FF-FF-FF-FF 0.000000\n");
  l.router.runFor(0.25);
  l.push("q", 1, [{ data: reply(A) }]);
  assert.equal(l.got("out"), [framed("45aa")]);
  l.router.runFor(1.5);
  assert.is(l.router.read("q.table"), "10.0.0.2 1 02-00-00-00-00-AA 1.500000\n");
  assert.is(l.router.read("q.responses"), "1");
  assert.is(l.router.read("q.count"), "1");
  assert.is(l.router.read("q.stats"), "0 packets killed\n1 ARP queries sent\n");
  assert.is(l.used(), 0);
  l.router.close();
});

test("packets to known neighbours leave as one batch, in order, with their MAC header set", async () => {
  const l = await make();
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  await l.router.write("q.insert", "10.0.0.3 2:0:0:0:0:bb");
  const packet = new Packet(l.router.memory);
  l.capture("out").onPacket = (slot) => assert.is(packet.at(slot).macHeader, packet.data);
  l.push("q", 0, [
    { data: "4501", to: A },
    { data: "4502", to: "0a000009" },
    { data: "4503", to: B },
    { data: "4504", to: A },
  ]);
  assert.equal(l.capture("out").batches, [3]);
  assert.equal(l.got("out"), [framed("4501"), framed("4503", "0200000000bb"), framed("4504")]);
  assert.equal(l.got("asked"), [query("0a000009")]);
  l.router.close();
});

test("what waited leaves in the order in which it came", async () => {
  const l = await make();
  l.push(
    "q",
    0,
    ["4501", "4502", "4503"].map((data) => ({ data, to: A })),
  );
  l.push("q", 1, [{ data: reply(A) }]);
  assert.equal(l.got("out"), [framed("4501"), framed("4502"), framed("4503")]);
  l.router.close();
});

test("the same stranger is asked for ten times a second at most, and every two seconds once ten queries stay unanswered", async () => {
  const l = await make();
  let asked = 0;
  const second = (): number => {
    for (let i = 0; i < 100; i++) {
      l.push("q", 0, [{ data: "45", to: A }]);
      l.router.runFor(0.01);
    }
    const n = l.got("asked").length;
    asked += n;
    return n;
  };
  assert.is(second(), 10);
  assert.is(second(), 0);
  assert.is(second() + second(), 1);
  assert.is(l.router.read("q.queries"), String(asked));
  l.router.close();
});

test("broadcast addresses go to all, groups to their own address, and nobody is asked for them", async () => {
  const l = await make();
  l.push("q", 0, [{ data: "4501", to: "ffffffff" }]);
  l.push("q", 0, [{ data: "4502", to: "0a0000ff" }]);
  l.push("q", 0, [{ data: "4503", to: "e1a20304" }]);
  assert.equal(l.got("out"), [framed("4501", ASK), framed("4502", ASK), framed("4503", "01005e220304")]);
  assert.equal(l.got("asked"), []);
  assert.is(l.router.read("q.broadcast"), "10.0.0.255");
  await l.router.write("q.broadcast", "10.0.0.77");
  l.push("q", 0, [{ data: "4504", to: "0a00004d" }]);
  assert.equal(l.got("out"), [framed("4504", ASK)]);
  const other = await make(", BROADCAST 10.0.0.9");
  assert.is(other.router.read("q.broadcast"), "10.0.0.9");
  l.router.close();
  other.router.close();
});

test("packets without a destination are dropped, and that is said once", async () => {
  const l = await make();
  l.push("q", 0, [{ data: "45" }, { data: "45" }]);
  assert.equal(l.got("out"), []);
  assert.is(l.router.read("q.drops"), "2");
  assert.is(l.router.read("q.no_destination"), "2");
  assert.equal(l.log, ["q :: ARPQuerier: would query for 0.0.0.0; missing dest IP addr annotation?"]);
  assert.is(l.used(), 0);
  l.router.close();
});

test("without an address of its own it drops everything", async () => {
  const l = await make();
  await l.router.write("q.ipaddr", "0.0.0.0");
  l.push("q", 0, [{ data: "45", to: A }]);
  assert.is(l.router.read("q.unconfigured"), "1");
  assert.is(l.router.read("q.ipaddr"), "0.0.0.0");
  l.router.close();
});

test("a neighbour in use is asked again after POLL_TIMEOUT, itself or by broadcast, while its packets go on", async () => {
  for (const [args, to] of [
    ["", YOU],
    [", BROADCAST_POLL true", ASK],
  ]) {
    const l = await make(args);
    await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
    l.router.runFor(59);
    l.push("q", 0, [{ data: "4501", to: A }]);
    assert.equal(l.got("asked"), []);
    l.router.runFor(2);
    l.push("q", 0, [{ data: "4502", to: A }]);
    l.push("q", 0, [{ data: "4503", to: A }]);
    assert.equal(l.got("asked"), [query(A, to)]);
    assert.equal(l.got("out"), [framed("4501"), framed("4502"), framed("4503")]);
    l.push("q", 1, [{ data: reply(A, "0200000000cc") }]);
    l.router.runFor(1);
    l.push("q", 0, [{ data: "4504", to: A }]);
    assert.equal(l.got("asked"), []);
    assert.equal(l.got("out"), [framed("4504", "0200000000cc")]);
    l.router.close();
  }
});

test("POLL_TIMEOUT 0 never asks again, and TIMEOUT forgets", async () => {
  const l = await make(", POLL_TIMEOUT 0, TIMEOUT 90s");
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  l.router.runFor(89);
  l.push("q", 0, [{ data: "4501", to: A }]);
  assert.equal(l.got("asked"), []);
  assert.equal(l.got("out"), [framed("4501")]);
  l.router.runFor(2);
  l.push("q", 0, [{ data: "4502", to: A }]);
  assert.equal(l.got("asked"), [query(A)]);
  assert.equal(l.got("out"), []);
  l.router.runFor(200);
  assert.is(l.router.read("q.count"), "0");
  assert.is(l.router.read("q.waited"), "1");
  assert.is(l.used(), 0);
  l.router.close();
});

test("TIMEOUT 0 never forgets", async () => {
  const l = await make(", POLL_TIMEOUT 0, TIMEOUT 0");
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  l.router.runFor(100_000);
  l.push("q", 0, [{ data: "4501", to: A }]);
  assert.equal(l.got("out"), [framed("4501")]);
  l.router.close();
});

test("beyond CAPACITY the packets of the oldest neighbours are dropped, part of them at once", async () => {
  const l = await make(", CAPACITY 4");
  for (const to of [A, A, A, B]) l.push("q", 0, [{ data: "45", to }]);
  assert.is(l.router.read("q.length"), "4");
  l.push("q", 0, [{ data: "46", to: B }]);
  assert.is(l.router.read("q.length"), "2");
  assert.is(l.router.read("q.waited"), "3");
  assert.match(l.router.read("q.stats"), /^3 packets killed\n/);
  l.push("q", 1, [{ data: reply(B) }]);
  assert.equal(l.got("out"), [framed("45"), framed("46")]);
  assert.is(l.used(), 0);
  l.router.close();
});

test("however many may wait, an eighth of the router's slots is the most: the answer needs one", async () => {
  for (const capacity of ["", ", CAPACITY 0", ", CAPACITY 1000"]) {
    const l = await make(capacity, "", { slots: 64 });
    for (let i = 0; i < 100; i++) l.push("q", 0, [{ data: "45", to: A }]);
    assert.ok(Number(l.router.read("q.length")) <= 8);
    l.push("q", 1, [{ data: reply(A) }]);
    assert.is(l.got("out").length + Number(l.router.read("q.waited")), 100);
    assert.is(l.used(), 0);
    l.router.close();
  }
});

test("beyond ENTRY_PACKET_CAPACITY new packets for one neighbour are dropped", async () => {
  const l = await make(", ENTRY_PACKET_CAPACITY 2");
  for (const data of ["4501", "4502", "4503"]) l.push("q", 0, [{ data, to: A }]);
  assert.is(l.router.read("q.waited"), "1");
  l.push("q", 1, [{ data: reply(A) }]);
  assert.equal(l.got("out"), [framed("4501"), framed("4502")]);
  l.router.close();
});

test("beyond ENTRY_CAPACITY the neighbour not heard of for the longest time goes", async () => {
  const l = await make(", ENTRY_CAPACITY 2");
  l.push("q", 0, [{ data: "45", to: A }]);
  l.router.runFor(1);
  l.push("q", 0, [{ data: "45", to: B }]);
  l.push("q", 0, [{ data: "45", to: "0a000004" }]);
  assert.is(l.router.read("q.count"), "2");
  assert.match(l.router.read("q.table"), /^10\.0\.0\.3 .*\n10\.0\.0\.4 .*\n$/);
  assert.is(l.router.read("q.waited"), "1");
  l.router.close();
  assert.is(l.used(), 0, "what waited was given back");
});

test("only whole ARP messages of single stations are believed", async () => {
  const l = await make();
  const bad = [
    reply(A).slice(0, 80),
    reply(A).replace("0806", "0800"),
    reply(A).replace("00010800", "00060800"),
    reply(A).replace("0001080006040002", "0001080006040003"),
    reply(A).replace("0001080006040002", "0001080008040002"),
    reply(A, "0300000000aa"),
    "",
  ];
  for (const data of bad) l.push("q", 1, [{ data }]);
  assert.is(l.router.read("q.count"), "0");
  assert.is(l.router.read("q.bad_reply"), String(bad.length));
  assert.is(l.used(), 0);
  l.router.close();
});

test("a packet without headroom is moved, one that fills its buffer gets another; without room it is dropped", async () => {
  const l = await make();
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  for (const length of [2048 - 14, 2048 - 10]) {
    l.push("q", 0, [{ data: "45".repeat(length), to: A }]);
    assert.equal(l.got("out"), [framed("45".repeat(length))]);
  }
  const { kernels } = l.router.memory;
  const spare = kernels.poolTake();
  const waiting = kernels.poolTakeFor(3000);
  noMoreRoom(l.router.memory);
  kernels.poolGive(spare);
  l.push("q", 0, [{ data: "45".repeat(2048 - 10), to: A }]);
  assert.is(l.router.read("q.no_room"), "1");
  kernels.poolGive(waiting);
  assert.is(l.used(), 0);
  l.router.close();
});

test("queries go out of output 0 where there is only one, with the packet's VLAN annotation", async () => {
  const l = await lab(
    "q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1); Source -> q; Source -> [1] q; q -> out :: Capture",
  );
  let vlan = 0;
  l.capture("out").onPacket = (slot) => {
    vlan = l.router.memory.view.getUint16(slot + SLOT_ANNO + ANNO_VLAN_TCI);
    assert.ok(l.router.memory.get32(slot + SLOT_MAC) > 0);
  };
  l.push("q", 0, [{ data: "45", to: `${A}${"00".repeat(16)}2042` }]);
  assert.equal(l.got("out"), [query(A)]);
  assert.is(vlan, 0x2042);
  l.router.close();
});

test("an answer that comes back while the query is sent finds the packet waiting", async () => {
  const l = await lab(`q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1); Source -> q; q -> out :: Capture;
    q [1] -> ARPResponder(10.0.0.0/24 2:0:0:0:0:aa) -> [1] q`);
  l.push("q", 0, [{ data: "4501", to: A }]);
  assert.equal(l.got("out"), [framed("4501")]);
  l.router.close();
});

test("delete forgets a hardware address, clear everything", async () => {
  const l = await make();
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  await l.router.write("q.delete", "10.0.0.2");
  assert.match(l.router.read("q.table"), /^10\.0\.0\.2 0 FF-FF-FF-FF-FF-FF /);
  l.push("q", 0, [{ data: "45", to: A }]);
  assert.equal(l.got("asked"), [query(A)]);
  await l.router.write("q.clear");
  assert.is(l.router.read("q.count"), "0");
  assert.is(l.router.read("q.queries"), "0");
  assert.is(l.used(), 0);
  for (const [handler, text] of [
    ["insert", "10.0.0.2"],
    ["insert", "x 2:0:0:0:0:aa"],
    ["insert", "10.0.0.2 2:0:0:0:0:aa 7"],
    ["delete", ""],
  ]) {
    let failed = false;
    await l.router.write(`q.${handler}`, text).catch(() => {
      failed = true;
    });
    assert.ok(failed, `${handler} '${text}'`);
  }
  l.router.close();
});

test("inserting by hand lets go what waits", async () => {
  const l = await make();
  l.push("q", 0, [{ data: "4501", to: A }]);
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  assert.equal(l.got("out"), [framed("4501")]);
  l.router.close();
});

test("several queriers share an ARPTable, each with its own source address", async () => {
  const l = await lab(`t :: ARPTable(CAPACITY 1);
    q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TABLE t); Source -> q; Source -> [1] q; q -> out :: Capture;
    p :: ARPQuerier(10.0.0.7, 2:0:0:0:0:7, TABLE t); Source -> p; Source -> [1] p; p -> pout :: Capture`);
  l.push("q", 1, [{ data: reply(A) }]);
  l.push("p", 0, [{ data: "45", to: A }]);
  assert.equal(l.got("pout"), [`${YOU}020000000007080045`]);
  assert.is(l.router.read("t.table"), l.router.read("q.table"));
  assert.is(l.router.read("t.count"), "1");
  l.push("p", 0, [{ data: "45", to: B }]);
  l.push("p", 0, [{ data: "46", to: B }]);
  assert.is(l.router.read("t.length"), "1");
  assert.is(l.router.read("t.drops"), "1");
  await l.router.write("t.delete", "10.0.0.2");
  assert.match(l.router.read("t.table"), /10\.0\.0\.2 0 /);
  await l.router.write("t.insert", "10.0.0.4 2:0:0:0:0:4");
  assert.match(l.router.read("t.table"), /10\.0\.0\.4 1 /);
  await l.router.write("t.clear");
  assert.is(l.router.read("t.count"), "0");
  l.router.close();
  assert.is(l.used(), 0);
});

test("a hot swap keeps the table, what waits and the counts, where the addresses stay the same", async () => {
  const text = (args: string): string =>
    `q :: ARPQuerier(10.0.0.1/24, ${args}); Source -> q; Source -> [1] q; q -> out :: Capture; q [1] -> asked :: Capture;
     t :: ARPTable`;
  const l = await lab(text("2:0:0:0:0:1"));
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  await l.router.write("t.insert", "10.0.0.9 2:0:0:0:0:bb");
  l.push("q", 0, [{ data: "4501", to: B }]);
  await l.router.swap(text("2:0:0:0:0:1, CAPACITY 1"));
  assert.is(l.router.read("q.count"), "2");
  assert.is(l.router.read("q.queries"), "1");
  assert.match(l.router.read("t.table"), /^10\.0\.0\.9 1 /);
  l.push("q", 0, [{ data: "4502", to: A }]);
  l.push("q", 1, [{ data: reply(B) }]);
  assert.equal(l.got("out"), [framed("4502"), framed("4501")]);
  l.push("q", 0, [
    { data: "4503", to: "0a000004" },
    { data: "4504", to: "0a000004" },
  ]);
  assert.is(l.router.read("q.waited"), "1", "the new CAPACITY counts");
  await l.router.swap(text("2:0:0:0:0:2"));
  assert.is(l.router.read("q.count"), "0");
  l.router.close();
  assert.is(l.used(), 0);
});

test("writing config changes limits at once, and forgets all when the addresses change", async () => {
  const l = await make();
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  await l.router.write("q.config", "10.0.0.1/24, 2:0:0:0:0:1, TIMEOUT 1s");
  assert.is(l.router.read("q.count"), "1");
  l.router.runFor(3);
  assert.is(l.router.read("q.count"), "0");
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  await l.router.write("q.config", "10.0.0.1/24, 2:0:0:0:0:9");
  assert.is(l.router.read("q.count"), "0");
  l.router.close();
});

test("wrong configurations are refused in Click's words", async () => {
  const problem = async (text: string): Promise<string> => {
    try {
      (await lab(`${text}; Source -> q; Source -> [1] q; q -> Capture`)).router.close();
      return "";
    } catch (e) {
      return (e as ConfigurationError).diagnostics.map((d) => d.message).join("\n");
    }
  };
  assert.match(await problem("q :: ARPQuerier"), /IP: required argument missing/);
  assert.match(await problem("q :: ARPQuerier(10.0.0.1)"), /ETH: parse error/);
  assert.match(
    await problem("q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, CAPACITY_SLIM_FACTOR 0)"),
    /CAPACITY_SLIM_FACTOR cannot be zero/,
  );
  assert.match(await problem("q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TABLE q)"), /TABLE: type mismatch/);
});

test("a device's name stands for both its addresses", async () => {
  const addresses: Record<string, Uint8Array> = {
    ether: Uint8Array.of(2, 0, 0, 0, 0, 1),
    ip: Uint8Array.of(10, 0, 0, 1),
  };
  const devices = {
    open: () => {
      throw new Error("not opened");
    },
    address: (name: string, kind: string) => (name === "eth0" ? (addresses[kind] ?? null) : null),
    close() {},
  };
  for (const args of ["eth0", "eth0:ip, eth0:eth", "eth0, 2:0:0:0:0:1"]) {
    const l = await lab(`q :: ARPQuerier(${args}); Source -> q; Source -> [1] q; q -> out :: Capture`, {
      devices,
    });
    l.push("q", 0, [{ data: "45", to: A }]);
    assert.equal(l.got("out"), [query(A)], args);
    l.router.close();
  }
});

test("without a free slot for a query the packet waits, the loss is counted, and the next packet asks", async () => {
  const l = await make();
  const { kernels } = l.router.memory;
  const taken: number[] = [];
  l.push("q", 0, [{ data: "45aa", to: A }]);
  l.push("q", 1, [{ data: reply(A) }]);
  l.got("asked");
  const slot = kernels.poolTake();
  new Packet(l.router.memory).at(slot).setBytes(Uint8Array.of(0x45, 0xbb));
  l.router.memory.u8.set([10, 0, 0, 3], slot + SLOT_ANNO);
  for (let spare = kernels.poolTake(); spare !== 0; spare = kernels.poolTake()) taken.push(spare);
  const batch = l.router.batches.acquire();
  batch.add(slot);
  l.router.find("q")!.push(0, batch);
  l.router.batches.release(batch);
  assert.is(l.router.read("q.no_memory"), "1");
  assert.is(l.router.read("q.length"), "1");
  assert.equal(l.got("asked"), []);
  for (const spare of taken) kernels.poolGive(spare);
  l.clock.advance(1e9);
  l.push("q", 0, [{ data: "45cc", to: B }]);
  assert.equal(l.got("asked"), [query(B)]);
  l.push("q", 1, [{ data: reply(B) }]);
  assert.equal(l.got("out"), [framed("45aa"), framed("45bb"), framed("45cc")]);
  l.router.close();
  assert.is(l.used(), 0);
});

test("thousands of neighbours that are forgotten or cleared all go, between packets, and can come again", async () => {
  const MANY = 2000;
  const l = await make(", TIMEOUT 60s", "", { bytes: 16 << 20 });
  const read = (handler: string): number => Number(l.router.read(`q.${handler}`));
  const fill = async (): Promise<void> => {
    for (let i = 0; i < MANY; i++) await l.router.write("q.insert", `10.0.${i >> 8}.${i & 255} 2:0:0:0:0:9`);
    assert.is(read("count"), MANY);
  };
  await fill();
  const full = l.router.memory.heapUsed;
  l.router.runFor(121);
  // Those that have not gone yet are among the expired: none is used.
  l.push("q", 0, [{ data: "45aa", to: A }]);
  assert.equal(l.got("asked"), [query(A)]);
  l.router.runFor(1);
  assert.ok(read("count") <= 1);
  await fill();
  await l.router.write("q.clear");
  assert.is(read("count"), 0);
  l.push("q", 0, [{ data: "45bb", to: B }]);
  assert.equal(l.got("asked"), [query(B)]);
  l.router.runFor(1);
  assert.equal([read("count"), read("length")], [1, 1]);
  assert.ok(l.router.memory.heapUsed < full - MANY * 32);
  l.router.close();
});

test("a router that closes gives back at once what was being cleared by and by", async () => {
  const l = await make("", "", { bytes: 16 << 20 });
  const { memory } = l.router;
  for (let i = 0; i < 500; i++) {
    await l.router.write("q.insert", `10.0.1.${i & 255} 2:0:0:0:0:9`);
    await l.router.write("q.insert", `10.0.2.${i & 255} 2:0:0:0:0:9`);
  }
  l.push("q", 0, [{ data: "45aa", to: A }]);
  assert.is(l.router.read("q.length"), "1");
  await l.router.write("q.clear");
  assert.is(memory.slotsUsed, 1, "it waits behind the others");
  l.router.close();
  assert.is(memory.slotsUsed, 0);
});

test.run();
