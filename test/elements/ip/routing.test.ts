import { test } from "uvu";
import * as assert from "uvu/assert";
import { PacketMemory } from "../../../src/index.js";
import { ipBytes } from "../../../src/net/address.js";
import { type Route, RouteTable } from "../../../src/packet/route-table.js";
import { ip, ip6, ipv4 } from "../../packets.js";
import * as fc from "../../property.js";
import { complaints, type Fed, lab } from "../lab.js";

const to = (address: string): Fed => ({ bytes: ipv4(), anno: { 0: ipBytes(ip(address)) } });
const to6 = (address: string): Fed => ({ bytes: ipv4(), anno: { 0: ip6(address) } });

async function failure(run: Promise<void>): Promise<string> {
  return run.then(
    () => "",
    (e) => e.message,
  );
}

const THREE = "rt[0] -> a :: Catch; rt[1] -> b :: Catch; rt[2] -> c :: Catch;";

test("RadixIPLookup sends packets to the longest prefix's output, by its gateway", async () => {
  const l = await lab(
    `f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0, 10.1.0.0/16 192.168.0.1 1, 10.1.2.3 2, 0.0.0.0/0 192.168.0.254 2);
     ${THREE}`,
  );
  l.feed(["10.200.0.1", "10.1.9.9", "10.1.2.3", "8.8.8.8", "10.1.0.0"].map(to));
  const where = (name: string): string[] => l.caught(name).map((c) => c.anno.subarray(0, 4).join("."));
  assert.equal(where("a"), ["10.200.0.1"]);
  assert.equal(where("b"), ["192.168.0.1", "192.168.0.1"]);
  assert.equal(where("c"), ["10.1.2.3", "192.168.0.254"]);
  l.close();
});

test("packets without a route are dropped, counted, and five times reported", async () => {
  const l = await lab(`f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0) -> a :: Catch`);
  l.feed(Array.from({ length: 7 }, (_, i) => to(`9.0.0.${i}`)));
  l.feed([to("10.0.0.1"), to("9.1.1.1")]);
  assert.is(l.caught("a").length, 1);
  assert.is(l.read("rt.no_route"), "8");
  assert.equal(
    l.lines,
    [0, 1, 2, 3, 4].map((i) => `IPRouteTable: no route for 9.0.0.${i}`),
  );
  l.close();
});

test("handlers add, set, remove and look up routes, and say what is wrong in Click's words", async () => {
  const l = await lab(`f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0); ${THREE}`);
  const write = (handler: string, text: string): Promise<string> =>
    failure(l.router.write(`rt.${handler}`, text));
  assert.is(l.router.read("rt.lookup", "10.0.0.1"), "0");
  assert.is(l.router.read("rt.lookup", "11.0.0.1"), "-1");
  assert.throws(() => l.router.read("rt.lookup", "x"), "expected IP address");
  assert.is(await write("add", "11.0.0.0/8 1.2.3.4 2"), "");
  assert.is(l.router.read("rt.lookup", "11.0.0.1"), "2 1.2.3.4");
  assert.is(await write("add", "11.1.1.1/8 - 1"), "conflict with existing route '11.0.0.0/8 1.2.3.4 2'");
  assert.is(await write("set", "11.0.0.0/8 1"), "");
  assert.is(l.router.read("rt.lookup", "11.0.0.1"), "1");
  assert.is(await write("remove", "11.0.0.0/8 2"), "route '11.0.0.0/8 - 2' not found");
  assert.is(await write("remove", "12.0.0.0/8"), "route '12.0.0.0/8 - -1' not found");
  assert.is(await write("remove", "11.0.0.0/8 1"), "");
  assert.is(l.router.read("rt.lookup", "11.0.0.1"), "-1");
  assert.is(await write("remove", "10.0.0.0/8"), "");
  for (const text of [
    "",
    "10.0.0.0/8",
    "10.0.0.0/8 x",
    "10.0.0.0/8 1 1",
    "10.0.0.0/8 1.1.1.1 1 1",
    "10.0.0.0/255.0.255.0 1",
  ])
    assert.is(await write("add", text), "expected 'ADDR/MASK [GATEWAY] OUTPUT'", text);
  assert.is(await write("remove", "10.0.0.0/8 1 1"), "expected 'ADDR/MASK [GATEWAY OUTPUT]'");
  assert.is(await write("add", "10.0.0.0/8 3"), "bad OUTPUT");
  assert.is(await write("add", "10.0.0.0/8 -1"), "bad OUTPUT");
  assert.is(l.read("rt.table"), "");
  l.close();
});

test("the table lists routes in the order of their records, in Click's columns", async () => {
  const l = await lab(
    `f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0, 192.168.100.0/24 192.168.100.1 1, 0/0 1.2.3.4 2, 5.0.0.0/8 1); ${THREE}`,
  );
  assert.is(
    l.read("rt.table"),
    "10.0.0.0/8\t\t-\t\t0\n192.168.100.0/24\t192.168.100.1\t1\n0.0.0.0/0\t\t1.2.3.4\t\t2\n5.0.0.0/8\t\t-\t\t1\n",
  );
  await l.router.write("rt.remove", "192.168.100.0/24");
  await l.router.write("rt.add", "7.0.0.0/8 0");
  await l.router.write("rt.set", "0/0 1");
  const prefixes = l
    .read("rt.table")
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[0]);
  assert.equal(prefixes, ["10.0.0.0/8", "7.0.0.0/8", "5.0.0.0/8", "0.0.0.0/0"]);
  l.close();
});

test("ctrl does all its lines or none", async () => {
  const l = await lab(`f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0, 11.0.0.0/8 1); ${THREE}`);
  const before = l.read("rt.table");
  assert.is(
    await failure(
      l.router.write(
        "rt.ctrl",
        "set 10.0.0.0/8 2\nremove 11.0.0.0/8\n\nadd 12.0.0.0/8 1.1.1.1 1\nadd 12.0.0.0/8 1\n",
      ),
    ),
    "conflict with existing route '12.0.0.0/8 1.1.1.1 1'",
  );
  assert.equal(l.read("rt.table").trim().split("\n").sort(), before.trim().split("\n").sort());
  assert.is(await failure(l.router.write("rt.ctrl", "add 12.0.0.0/8 1\nfoo")), "bad command 'foo'");
  assert.is(l.router.read("rt.lookup", "12.0.0.1"), "-1");
  await l.router.write(
    "rt.ctrl",
    "set 10.0.0.0/8 2 /* comment */\n remove 11.0.0.0/8\nadd 12.0.0.0/8 1.1.1.1 1",
  );
  assert.is(l.router.read("rt.lookup", "10.0.0.1"), "2");
  assert.is(l.router.read("rt.lookup", "12.0.0.1"), "1 1.1.1.1");
  assert.is(l.router.read("rt.lookup", "11.0.0.1"), "-1");
  l.close();
});

test("configurations with faulty or double routes say so", async () => {
  assert.equal(
    await complaints("Feed -> rt :: RadixIPLookup(10/8 0, x 1, 10.0.0.0/8 1.1.1.1, 11.0.0.0/8 1) -> Catch"),
    [
      "While configuring 'rt :: RadixIPLookup':",
      "argument 2 should be 'ADDR/MASK [GATEWAY] OUTPUT'",
      "argument 3 bad OUTPUT",
      "argument 4 bad OUTPUT",
    ],
  );
  const l = await lab(
    "f :: Feed -> rt :: RadixIPLookup(10.0.0.0/8 0, 10.0.0.0/8 1); rt[0] -> Catch; rt[1] -> Catch",
  );
  assert.match(l.lines.join("\n"), "warning: 1 route replaced by later versions");
  assert.is(l.router.read("rt.lookup", "10.0.0.1"), "0");
  l.close();
});

test("LookupIP6Route sends packets to the longest prefix's output, by its gateway", async () => {
  const l = await lab(
    `f :: Feed -> rt :: LookupIP6Route(2001:db8::/32 0, 2001:db8:1::/48 fe80::1 1, 2001:db8:1::5 :: 2); ${THREE}`,
  );
  l.feed(["2001:db8:ffff::1", "2001:db8:1::1", "2001:db8:1::5", "2001:db9::1"].map(to6));
  const where = (name: string): Uint8Array[] => l.caught(name).map((c) => c.anno.slice(0, 16));
  assert.equal(where("a"), [ip6("2001:db8:ffff::1")]);
  assert.equal(where("b"), [ip6("fe80::1")]);
  assert.equal(where("c"), [ip6("2001:db8:1::5")]);
  assert.equal(l.lines, ["LookupIP6Route: no route for 2001:db9::1"]);
  assert.is(
    l.read("rt.table"),
    "2001:db8::/32\t-\t0\n2001:db8:1::/48\tfe80::1\t1\n2001:db8:1::5/128\t-\t2\n",
  );
  await l.router.write("rt.add", "::/0 2");
  assert.is(l.router.read("rt.lookup", "::1"), "2");
  assert.is(
    await failure(l.router.write("rt.add", "2001:db8:1:ffff::/48 2")),
    "conflict with existing route '2001:db8:1::/48 fe80::1 1'",
  );
  l.close();
  assert.equal(
    (await complaints("Feed -> LookupIP6Route(10.0.0.0/8 0) -> Catch"))[1],
    "argument 1 should be DADDR/MASK [GW] OUTPUT",
  );
});

for (const name of ["StaticIPLookup", "LinearIPLookup", "DirectIPLookup"]) {
  test(`${name} routes as RadixIPLookup does`, async () => {
    const l = await lab(
      `f :: Feed -> rt :: ${name}(10.0.0.0/8 0, 10.1.0.0/16 1.1.1.1 1); rt[0] -> a :: Catch; rt[1] -> b :: Catch`,
    );
    l.feed([to("10.0.0.1"), to("10.1.0.1")]);
    assert.is(l.caught("a").length, 1);
    assert.equal([...l.caught("b")[0].anno.subarray(0, 4)], [1, 1, 1, 1]);
    l.close();
  });
}

test("in a hot swap routes added at run time stay, and the configuration's changes count", async () => {
  const graph = (routes: string): string =>
    `f :: Feed -> rt :: RadixIPLookup(${routes}); rt[0] -> a :: Catch; rt[1] -> b :: Catch`;
  const first = graph("10.0.0.0/8 0, 11.0.0.0/8 0, 12.0.0.0/8 0");
  const l = await lab(first);
  const used = (): number => l.router.memory.heapUsed;
  await l.router.write("rt.add", "20.0.0.0/8 1");
  await l.router.write("rt.set", "12.0.0.0/8 1");
  await l.router.write("rt.remove", "10.0.0.0/8");
  await l.router.swap(first);
  const look = (...addresses: string[]): string[] => addresses.map((a) => l.router.read("rt.lookup", a));
  assert.equal(look("20.0.0.1", "12.0.0.1", "10.0.0.1", "11.0.0.1"), ["1", "1", "-1", "0"]);
  await l.router.swap(graph("13.0.0.0/8 1, 20.0.0.0/8 0"));
  assert.equal(look("20.0.0.1", "12.0.0.1", "11.0.0.1", "13.0.0.1"), ["0", "1", "-1", "1"]);
  const before = used();
  await l.router.swap(graph("13.0.0.0/8 1, 20.0.0.0/8 0"));
  assert.is(used(), before, "a swap leaves no table behind");
  await l.router.swap("f :: Feed -> rt :: RadixIPLookup(20.0.0.0/8 0) -> a :: Catch");
  assert.equal(look("20.0.0.1", "12.0.0.1", "13.0.0.1"), ["0", "-1", "-1"]);
  l.close();
});

test("a route table answers like a plain list, whatever is set and removed", () => {
  for (const family of [4, 6] as const) {
    const address = (n: number): number | Uint8Array =>
      family === 4 ? (n << 24) >>> 0 : Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? n & 255 : 0));
    const mask = (n: number, length: number): number => n & (0xff00 >> length) & 255;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            n: fc.integer({ min: 0, max: 255 }),
            length: fc.integer({ min: 0, max: 8 }),
            output: fc.integer({ min: 0, max: 65534 }),
            hop: fc.integer({ min: 0, max: 3 }),
            remove: fc.boolean(),
          }),
          { maxLength: 60 },
        ),
        (steps) => {
          const memory = new PacketMemory({ bytes: 2 ** 22, slots: 16 });
          const before = memory.heapUsed;
          const table = new RouteTable(memory, family);
          const model = new Map<string, { n: number; length: number; route: Route }>();
          for (const { n, length, output, hop, remove } of steps) {
            const network = mask(n, length);
            const key = `${network}/${length}`;
            const known = model.get(key)?.route ?? null;
            if (remove) {
              assert.equal(table.remove(address(network), length), known);
              model.delete(key);
            } else {
              const gateway = hop === 0 ? null : address(hop);
              const route: Route = { address: address(network), length, gateway, output };
              assert.equal(table.set(route), known);
              model.set(key, { n: network, length, route });
            }
          }
          assert.is(table.size, model.size);
          assert.is([...table.routes()].length, model.size);
          for (const { route } of model.values())
            assert.equal(table.exact(route.address, route.length), route);
          for (let n = 0; n < 256; n++) {
            let best: Route | null = null;
            for (const m of model.values())
              if (mask(n, m.length) === m.n && (best === null || m.length > best.length)) best = m.route;
            assert.equal(table.lookup(address(n)), best);
          }
          table.destroy();
          assert.is(memory.heapUsed, before);
        },
      ),
      { numRuns: 40 },
    );
  }
});

test.run();
