// Elements of somebody else's that stand in for ours, by what they offer.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ARPCache,
  type ArpTableOffer,
  type Batch,
  Element,
  type ElementClass,
  Loader,
  type Offers,
  Router,
  SimulatedClock,
} from "../../src/index.js";
import {
  type MapCacheOffer,
  parseMapping,
  type ResolverOffer,
  recordOfMapping,
  SiteMappings,
  type SiteOffer,
  SiteRecords,
} from "../../src/lisp/index.js";
import { parseEid, parseRloc } from "../../src/lisp/mapping.js";
import { prefixText } from "../../src/net/prefix.js";
import { eidAddress, ipAddress } from "../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../src/wire/lisp-control/record.js";
import { packetOf, sentOf } from "./lisp/control.js";
import { Bench, Feed, Sink } from "./lisp/harness.js";

async function start(text: string, ...classes: ElementClass[]): Promise<Bench> {
  const loader = new Loader();
  for (const kind of [Sink, Feed, ...classes]) loader.add(kind, kind.name);
  const clock = new SimulatedClock();
  return Bench.around(await Router.fromText(text, { loader, clock, log: () => {} }), clock);
}

/** A site whose mappings a controller has, which nobody may keep longer than 7 minutes. */
class Site extends Element implements SiteOffer {
  static readonly spec = { ports: "0/0" } as const;
  readonly mappings = new SiteMappings(16, () => {});
  readonly records = new SiteRecords(this.memory, this.mappings);

  override offers(): Partial<Offers> {
    return { LISPSite: this };
  }
  override cleanup(): void {
    this.records.destroy();
  }
  minutes(): number {
    return 7;
  }
  record(...[mapping, fields]: Parameters<SiteOffer["record"]>): EidRecord {
    return recordOfMapping(mapping, { ttl: 7, ...fields });
  }
}

/** Asks a controller, here the test, and has the map-cache of another element. */
class Asker extends Element {
  static readonly spec = { ports: "0/0" } as const;
  readonly asked: string[] = [];

  override offers(): Partial<Offers> {
    const resolver: ResolverOffer = {
      cache: this.graph.find("cache")!.offers().LISPMapCache as MapCacheOffer,
      canAsk: true,
      ask: (iid, eid, smrInvoked) => this.asked.push(`${iid} ${prefixText(eid)} ${smrInvoked}`) > 0,
      onInstall: () => {},
      sendCovered: () => {},
    };
    return { LISPResolver: resolver };
  }
}

/** Knows one neighbour from the start. */
class Neighbours extends Element implements ArpTableOffer {
  static readonly spec = { ports: "0/0", counters: { drops: "packets that waited" } } as const;
  readonly cache = new ARPCache(this.memory, 1, this.counterAddress("drops"));

  override offers(): Partial<Offers> {
    return { ARPTable: this };
  }
  override initialize(): void {
    this.cache.insert(0x0a000002, Uint8Array.of(2, 0, 0, 0, 0, 9), this.router.clock.now());
  }
  override cleanup(): void {
    this.cache.destroy(this.router.chores);
  }
}

/** Sends through something of its own, which carries 1420 bytes. */
class Tunnel extends Element {
  static readonly spec = { ports: "1/0", processing: "h" } as const;

  override offers(): Partial<Offers> {
    return { ToDevice: { followMtu: (listener) => listener(1420) } };
  }
  override push(_port: number, batch: Batch): void {
    batch.kill();
  }
}

test("a LISPMapReplier answers, and a LISPSMRSender tells, for whatever offers the mappings of a site", async () => {
  const b = await start(
    `site :: Site;
     Feed -> e :: LISPMapReplier(site, RLOC 192.0.2.1) -> out :: Sink; Feed -> Null -> [1] e;
     cache :: LISPMapCache(192.168.2.0/24 192.0.2.2); Feed -> cache -> Discard;
     LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache) -> told :: Sink`,
    Site,
  );
  (b.router.find("site") as Site).mappings.set(parseMapping("192.168.1.0/24 192.0.2.1"));
  b.router.runFor(0);
  assert.equal(
    sentOf(b, "told", "map-request").map((s) => s.destination),
    [parseRloc("192.0.2.2")],
  );
  const asked = parseEid("192.168.1.5");
  const request = mapRequest({
    nonce: 1n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.7"))],
    records: [{ eid: eidAddress(0, asked.address), maskLength: 32, subscribe: false }],
  });
  b.push("e", [packetOf(request)]);
  const [{ message }] = sentOf(b, "out", "map-reply");
  assert.equal(
    message.records.map((r) => [r.eid, r.maskLength, r.ttl]),
    [[ipAddress(parseRloc("192.168.1.0")), 24, 7]],
  );
  b.close();
});

test("a LISPSMRReceiver asks through whatever offers to resolve", async () => {
  const b = await start(
    `cache :: LISPMapCache(192.168.2.0/24 192.0.2.2); Feed -> cache -> Discard;
     asker :: Asker; Feed -> e :: LISPSMRReceiver(asker)`,
    Asker,
  );
  const smr = mapRequest({
    nonce: 1n,
    smr: true,
    sourceEid: ipAddress(parseRloc("192.168.2.5")),
    itrRlocs: [ipAddress(parseRloc("192.0.2.2"))],
    records: [{ eid: ipAddress(parseRloc("192.168.1.0")), maskLength: 24, subscribe: false }],
  });
  b.push("e", [packetOf(smr)]);
  assert.equal((b.router.find("asker") as Asker).asked, ["0 192.168.2.0/24 true"]);
  b.close();
});

test("an ARPQuerier uses the table of whatever offers one", async () => {
  const b = await start(
    `table :: Neighbours;
     Feed -> q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TABLE table) -> out :: Sink;
     Feed -> Null -> [1] q`,
    Neighbours,
  );
  assert.is(b.read("q.table").slice(0, 28), "10.0.0.2 1 02-00-00-00-00-09");
  b.close();
});

test("ARPQueriers that name one another in a circle have no table", async () => {
  for (const tables of ["a", "bca", "bab"]) {
    const text = [...tables].map((table, i) => {
      const name = "abc"[i];
      return `Feed -> ${name} :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TABLE ${table}) -> Sink; Feed -> Null -> [1] ${name};`;
    });
    let said = "";
    await start(text.join("\n")).catch((e: unknown) => {
      said = String(e);
    });
    assert.match(said, "TABLE: type mismatch, expected ARPTable", tables);
  }
});

test("a LISPEncap follows the MTU of whatever sends through a device", async () => {
  const b = await start(
    "Feed -> e :: LISPEncap(192.0.2.1, MTU 1500, DEVICE tunnel) -> tunnel :: Tunnel",
    Tunnel,
  );
  assert.is(b.read("e.mtu"), "1420");
  b.close();
});

test("what an element does not offer it is not taken for", async () => {
  let said = "";
  try {
    await start(
      "asker :: Asker; cache :: Idle -> Discard; LISPSMRSender(asker, RLOC 192.0.2.1) -> Discard",
      Asker,
    );
  } catch (e) {
    said = String(e);
  }
  assert.match(said, "SITE is not a LISPSite");
});

test("an offer of a name that nobody knows does not compile", () => {
  class Wrong extends Element {
    override offers(): Partial<Offers> {
      // @ts-expect-error: no such name
      return { LispSite: this };
    }
  }
  assert.type(Wrong, "function");
});

test.run();
