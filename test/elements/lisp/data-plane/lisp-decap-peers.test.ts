// LISPDecap: what it notices of the peers that packets come from. Paragraphs are RFC 9300's unless said otherwise.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PeerNews } from "../../../../src/lisp/tables/peer-table.js";
import { Bench, ip, lisp } from "../harness.js";
import { decap, INNER, OUTER, word } from "./decap-lab.js";

async function peers(args = "ALL_IIDS true, PEERS 8"): Promise<{ b: Bench; news: string[] }> {
  const b = await Bench.of(`LISPDecap(${args})`, 2);
  const news: string[] = [];
  decap(b).onPeer((n: PeerNews) => {
    const what = Object.entries(n)
      .filter(([, v]) => v === true)
      .map(([k]) => k);
    news.push(`${n.peer.rloc.join(".")} ${n.peer.iid} ${what.join(" ")}`);
  });
  return { b, news };
}

const from = (rloc: string, header: string): Uint8Array => lisp(INNER[0], word(header), { source: ip(rloc) });

test("a peer's first packet is news, the following are not while they say the same", async () => {
  const { b, news } = await peers();
  b.push("e", [from("192.0.2.1", "0000000000000000"), from("192.0.2.1", "0000000000000000")]);
  b.push("e", [from("192.0.2.1", "80000001 00000000"), from("192.0.2.1", "8000000200000000")]);
  assert.equal(news, ["192.0.2.1 0 fresh"], "a nonce without E that nobody awaits is no news");
  assert.is(b.read("e.peers"), "192.0.2.1 0 4 2 - -");
  b.close();
});

test("an echo request is news when its nonce is (10.1)", async () => {
  const { b, news } = await peers();
  for (const header of [
    "a0abcdef00000000",
    "a0abcdef00000000",
    "a0abcdf000000000",
    "0000000000000000",
    "a0abcdf000000000",
  ])
    b.push("e", [from("192.0.2.1", header)]);
  assert.equal(news, [
    "192.0.2.1 0 fresh echoRequested",
    "192.0.2.1 0 echoRequested",
    "192.0.2.1 0 echoRequested",
  ]);
  assert.is(decap(b).peers!.get(ip("192.0.2.1"), 0)!.nonce, 0xabcdf0);
  b.close();
});

test("the nonce that is awaited is noticed when it comes back, once (10.1)", async () => {
  const { b, news } = await peers();
  b.push("e", [from("192.0.2.1", "0000000000000000")]);
  news.length = 0;
  assert.is(decap(b).peers!.awaitEcho(ip("192.0.2.1"), 0, 0x123456), true);
  assert.is(decap(b).peers!.awaitEcho(ip("192.0.2.9"), 0, 0x123456), false);
  b.push("e", [
    from("192.0.2.1", "8012345500000000"),
    from("192.0.2.1", "a012345600000000"),
    from("192.0.2.9", "8012345600000000"),
  ]);
  assert.equal(news.splice(0), ["192.0.2.1 0 echoRequested", "192.0.2.9 0 fresh"]);
  b.push("e", [from("192.0.2.1", "8012345600000000"), from("192.0.2.1", "8012345600000000")]);
  b.push("e", [from("192.0.2.1", "8012345600000000")]);
  assert.equal(news, ["192.0.2.1 0 echoed"]);
  b.close();
});

test("changed Locator-Status-Bits and Map-Versions are news; bits not in use are not (10, RFC 9302)", async () => {
  const { b, news } = await peers();
  const tell = (header: string): string[] => {
    b.push("e", [from("192.0.2.1", header)]);
    return news.splice(0).map((n) => n.slice(12));
  };
  assert.equal(tell("4000000000000003"), ["fresh statusBitsChanged"]);
  assert.equal(tell("4000000000000003"), []);
  assert.equal(tell("0000000000000007"), []);
  assert.equal(tell("4000000000000001"), ["statusBitsChanged"]);
  assert.equal(tell("5012345600000001"), ["versionChanged"]);
  assert.equal(tell("5012345600000001"), []);
  assert.equal(tell("5012345700000003"), ["statusBitsChanged versionChanged"]);
  assert.is(b.read("e.peers"), "192.0.2.1 0 7 - 291/1111 0x3");
  b.push("e", [from("192.0.2.1", "4800000000006503")]);
  assert.equal(news.splice(0), ["192.0.2.1 101 fresh statusBitsChanged"], "another instance, another peer");
  b.push("e", [from("192.0.2.1", "d80000050000650f")]);
  assert.equal(news.splice(0), ["192.0.2.1 101 statusBitsChanged"]);
  assert.is(decap(b).peers!.get(ip("192.0.2.1"), 101)!.statusBits, 15);
  assert.is(decap(b).peers!.get(ip("192.0.2.1"), 101)!.nonce, 5, "N and V: a nonce (5.3)");
  b.close();
});

test("IPv6 peers are peers", async () => {
  const { b } = await peers();
  b.push("e", [lisp(INNER[1], word("80000007 00000000"), OUTER[1])]);
  assert.is(b.read("e.peers"), "fd01:0:0:1::1 0 1 7 - -");
  b.close();
});

test("forged sources fill no memory, and every packet still passes", async () => {
  const { b, news } = await peers();
  b.push("e", [from("203.0.113.1", "0000000000000000")]);
  b.take("s0");
  const used = b.router.memory.heapUsed;
  for (let i = 0; i < 40; i++)
    b.push(
      "e",
      Array.from({ length: 100 }, (_, k) => from(`203.${i}.0.${k}`, "4000000000000001")),
    );
  assert.is(b.take("s0").length, 4000);
  assert.equal([b.router.memory.heapUsed, [...decap(b).peers!.peers()].length], [used, 8]);
  assert.ok(news.length > 300, `${news.length}`);
  b.close();
});

test("a hot swap keeps the peers and frees the rest", async () => {
  const { b } = await peers("PEERS 8, IID 0");
  b.push("e", [from("192.0.2.1", "0000000000000000")]);
  const used = b.router.memory.heapUsed;
  await b.router.swap(b.router.source);
  assert.is(b.read("e.peers"), "192.0.2.1 0 1 - - -");
  assert.is(b.router.memory.heapUsed, used);
  b.push("e", [from("192.0.2.1", "0000000000000000")]);
  assert.is(b.read("e.peers"), "192.0.2.1 0 2 - - -");
  b.close();
});

test.run();
