// timeout: 900
// A LISP site and a host without LISP, joined by a proxy ITR and ETR, all from conf/: IPv4 and IPv6 over RLOCs of either
// family, in network namespaces with the kernel's own traffic.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sluice } from "../cli/sluice.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { Network, namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import type { RouterProcess } from "./router-process.js";
import { transfer } from "./traffic.js";
import { joinProxy, PROXY, type RlocFamily, rloc, SiteNetwork } from "./xtr-network.js";

const MEGABYTES = 20;
const FAMILIES: readonly RlocFamily[] = ["IPv4", "IPv6"];
/** Addresses of the LISP host and of the one without. */
const ADDRESSES = [
  ["IPv4", "192.168.1.10", "198.51.100.10"],
  ["IPv6", "fd01::10", "2001:db8:1::10"],
] as const;

const refused = namespacesRefused();
const tests = suite("a LISP site and a host without LISP");
const test = skipUnless(refused === null, refused ?? "", tests);
const networks = new Map<RlocFamily, { readonly sites: SiteNetwork; readonly proxy: RouterProcess }>();

if (refused === null) {
  tests.before(async () => {
    for (const family of FAMILIES) {
      const site = { locators: ["1/100"], variables: { PETR: rloc(family, PROXY) } };
      const sites = new SiteNetwork(new Network(`pxtr${family}`), family, [site]);
      networks.set(family, { sites, proxy: joinProxy(sites, family) });
    }
    for (const { sites, proxy } of networks.values()) {
      await sites.registered();
      await proxy.running();
    }
  });
  tests.after(async () => {
    for (const { sites } of networks.values()) await sites.network.close();
  });
}

for (const over of FAMILIES)
  for (const [family, eid, legacy] of ADDRESSES) {
    const name = `${family} over ${over} RLOCs`;

    test(`the host without LISP pings the LISP host, and none is lost: ${name}`, async () => {
      const { sites, proxy } = networks.get(over)!;
      assert.is(await proxy.read("cache.lookup", eid), "none");
      ping(sites.network, "legacy", eid, 5);
      assert.ok((await proxy.read("cache.lookup", eid)).includes(` ${rloc(over, 1)}/1/100`));
      assert.match(await sites.xtr("xtr1").read("cache.lookup", legacy), "natively-forward");
    });

    test(`the LISP host pings the host without, and none is lost: ${name}`, async () => {
      const { network } = networks.get(over)!.sites;
      ping(network, "host1", legacy, 5);
    });

    for (const [from, to, address] of [
      ["legacy", "host1", eid],
      ["host1", "legacy", legacy],
    ] as const)
      test(`${MEGABYTES} MB over TCP arrive intact, from ${from} to ${to}: ${name}`, () =>
        transfer(networks.get(over)!.sites.network, "tcp", address, MEGABYTES, undefined, [from, to]));
  }

test("the routers tell why (sluice lisp why)", async () => {
  const { sites, proxy } = networks.get("IPv4")!;
  const why = async (router: RouterProcess, eid: string): Promise<string> => {
    const { code, out, err } = await sluice(["lisp", "why", eid, "--control", router.socket]);
    assert.is(code, 0, err);
    return out;
  };
  const [[, eid, legacy]] = ADDRESSES;
  const atProxy = await why(proxy, eid);
  assert.match(atProxy, `miss: a packet from ${legacy} to ${eid} has no mapping, and is held`);
  assert.match(atProxy, /Map-Reply from 10\.0\.0\.\d+, nonce .* 10\.0\.0\.1\/1\/100\n/);
  // One, or more where the answer takes longer than from one ping to the next.
  assert.match(atProxy, /\b[1-9]\d* held packets? sent on\b/);
  assert.match(atProxy, "10.0.0.1 priority 1 weight 100: chosen");
  const atSite = await why(sites.xtr("xtr1"), legacy);
  assert.match(atSite, "natively-forward: packets go to a proxy ETR");
});

test("all of that went through the tunnel, both ways, and nothing came from elsewhere", async () => {
  for (const { sites, proxy } of networks.values()) {
    const least = (2 * MEGABYTES * 1e6) / 1500;
    assert.ok((await proxy.count("encap.count")) > least && (await proxy.count("decap.count")) > least);
    const counts = (): Promise<string[]> =>
      Promise.all(["proxied.hits", "cache.native"].map((name) => sites.xtr("xtr1").read(name)));
    // Once no packet comes between the two.
    await until(async () => new Set(await counts()).size === 1, "what is not LISP went by the proxy");
    for (const counter of ["spoofed4", "spoofed6"]) assert.is(await proxy.count(`${counter}.count`), 0);
  }
});

tests.run();
