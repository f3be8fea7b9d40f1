// timeout: 900
// Two sites that register with a Map-Server and resolve each other, all from conf/: IPv4 and IPv6 EIDs over RLOCs of
// either family, in network namespaces with the kernel's own traffic.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { hasTshark, lispPackets, startCapture } from "./capture.js";
import { Network, namespacesRefused, saying } from "./namespaces.js";
import { ping, pingMeanwhile } from "./ping.js";
import { transfer } from "./traffic.js";
import { type RlocFamily, rloc, SiteNetwork } from "./xtr-network.js";

const MEGABYTES = 20;
/** Bytes of a frame in the core that is full. */
const FULL_FRAME = 14 + 1500;
/** Of outer and inner IP headers in a capture. */
const PROTOCOL = { IPv4: "ip", IPv6: "ipv6" };

const refused = namespacesRefused();
const tests = suite("sites that register and resolve");
const test = skipUnless(refused === null, refused ?? "", tests);
const tshark = skipUnless(refused === null && hasTshark(), refused ?? "needs the program tshark", tests);

const FAMILIES: readonly RlocFamily[] = ["IPv4", "IPv6"];
/** The hosts' EIDs. */
const EIDS = [
  ["IPv4", (n: number) => `192.168.${n}.10`],
  ["IPv6", (n: number) => `fd0${n}::10`],
] as const;
const networks = new Map<RlocFamily, SiteNetwork>();

function start(family: RlocFamily): SiteNetwork {
  const one = { locators: ["1/100"] };
  return new SiteNetwork(new Network(`dyn${family}`), family, [one, one]);
}

if (refused === null) {
  tests.before(
    saying(async () => {
      for (const family of FAMILIES) networks.set(family, start(family));
      for (const n of networks.values()) await n.registered();
    }),
  );
  tests.after(async () => {
    for (const n of networks.values()) await n.network.close();
  });
}

for (const over of FAMILIES)
  for (const [family, at] of EIDS) {
    const name = `${family} EIDs over ${over} RLOCs`;

    test(`nobody knows a mapping, and no ping is lost, the first one either: ${name}`, async () => {
      const { network, xtrs } = networks.get(over)!;
      const both = [...xtrs.values()];
      const held = [];
      for (const [i, xtr] of both.entries()) {
        assert.is(await xtr.read("cache.lookup", at(2 - i)), "none");
        held.push(await xtr.count("resolver.resolved"));
      }
      ping(network, "host1", at(2), 5);
      for (const [i, xtr] of both.entries()) {
        // The first echo request waited at the one, the first reply at the other.
        assert.ok((await xtr.count("resolver.resolved")) > held[i], `packets waited at ${xtr.name}`);
        assert.ok((await xtr.read("cache.lookup", at(2 - i))).includes(` ${rloc(over, 2 - i)}/1/100`));
      }
    });

    test(`${MEGABYTES} MB over TCP arrive intact: ${name}`, () =>
      transfer(networks.get(over)!.network, "tcp", at(2), MEGABYTES));

    tshark(`TCP fills the core's packets, and all of them decode: ${name}`, async () => {
      const { network } = networks.get(over)!;
      const capture = join(network.folder, `${over}-${family}.pcap`);
      const stop = await startCapture(network, "xtr2", "core", capture);
      await transfer(network, "tcp", at(2), 2);
      await stop("host1", at(2));
      const packets = lispPackets(capture);
      const full = packets.filter((p) => p.length === FULL_FRAME);
      assert.ok(full.length > 1000, `${full.length} of ${packets.length} packets are full`);
      assert.is(Math.max(...packets.map((p) => p.length)), FULL_FRAME);
      const outer = `eth:ethertype:${PROTOCOL[over]}:udp:lisp-data:${PROTOCOL[family]}:tcp`;
      assert.ok(
        full.every((p) => p.protocols.startsWith(outer)),
        full[0].protocols,
      );
    });
  }

test("the other way too no ping is lost, once everything is forgotten: each family over each", async () => {
  for (const { xtrs } of networks.values()) for (const xtr of xtrs.values()) await xtr.write("cache.clear");
  // At once, as each waits: an ETR answers the same ITR once in 3 seconds (RFC 9301, section 5.4).
  const pings = [...networks.values()].flatMap(({ network }) =>
    EIDS.map(([, at]) => pingMeanwhile(network, "host2", at(1), 5)),
  );
  await Promise.all(pings);
});

tests.run();
