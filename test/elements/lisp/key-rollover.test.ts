// A site's key is changed while its xTRs run: no registration is lost, and every Map-Notify is understood.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PeerKeys } from "../../../src/lisp/map-server/peer-keys.js";
import { parseSite } from "../../../src/lisp/map-server/sites.js";
import { Bench } from "./harness.js";

const OLD = "key 1:old";
const NEW = "key 2:new hkdf";

/** One xTR with the subnet and these keys, one for what moves out of it, and a Map-Server. */
const graph = (xtr: string, server: string): string => `
  site1 :: LISPSite(10.1.0.0/16 192.0.2.1);
  reg1 :: LISPRegistrar(site1, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 ${xtr});
  site2 :: LISPSite();
  reg2 :: LISPRegistrar(site2, RLOC 192.0.2.2, MAP_SERVER 192.0.2.100 key 9:other);
  ms :: LISPMapServer(a ${server} key 9:other eid 10.1.0.0/16 more, RLOC4 192.0.2.100);
  net :: IPClassifier(dst host 192.0.2.1, dst host 192.0.2.2, dst host 192.0.2.100);
  reg1, reg2, ms -> Queue -> Unqueue -> net;
  net[0] -> reg1; net[1] -> reg2; net[2] -> ms;`;

for (const [what, stages] of [
  [
    "at the Map-Server first, the new key behind the old one",
    [
      [OLD, `${OLD} ${NEW}`],
      [`${NEW} ${OLD}`, `${OLD} ${NEW}`],
      [NEW, `${OLD} ${NEW}`],
      [NEW, NEW],
    ],
  ],
  [
    "at the Map-Server first, the new key before the old one",
    [
      [OLD, `${NEW} ${OLD}`],
      [NEW, `${NEW} ${OLD}`],
      [NEW, NEW],
    ],
  ],
  [
    "at the xTR first",
    [
      [`${NEW} ${OLD}`, OLD],
      [`${NEW} ${OLD}`, NEW],
      [NEW, NEW],
    ],
  ],
  [
    "at the xTR first, the new key behind the old one",
    [
      [`${OLD} ${NEW}`, OLD],
      [`${OLD} ${NEW}`, NEW],
      [NEW, NEW],
    ],
  ],
] as const)
  test(`from one key over both to the other: ${what}`, async () => {
    const b = await Bench.start(graph(OLD, OLD));
    b.router.runFor(30);
    for (const [xtr, server] of stages) {
      await b.router.swap(graph(xtr, server));
      for (let second = 0; second < 200; second++) {
        b.router.runFor(1);
        assert.is(
          b.read("ms.registrations", "10.1.0.0/16").split("\n").length,
          1,
          `${second} seconds after ${xtr}, ${server}`,
        );
        assert.match(b.read("ms.registrations", "10.1.0.0/16"), /^10\.1\.0\.0\/16 /);
      }
      assert.is(b.read("reg1.registered"), "true");
      // What moves away is told of in a key that the xTR has: it acknowledges it.
      const [told, acks] = [Number(b.read("reg1.unsolicited")), Number(b.read("ms.acks"))];
      await b.router.write("site2.add", "10.1.0.9/32 192.0.2.2");
      b.router.runFor(1);
      assert.equal([b.read("reg1.unsolicited"), b.read("ms.acks")], [String(told + 1), String(acks + 1)]);
      assert.equal([b.read("reg1.bad_auth"), b.read("ms.pending")], ["0", "0"]);
      await b.router.write("site2.remove", "10.1.0.9/32");
      b.router.runFor(1);
    }
    b.close();
  });

test("which key an xTR uses is kept for as many as may be, and only where there are several", () => {
  const several = parseSite("a key 1:old key 2:new eid 10.0.0.0/8");
  const single = parseSite("b key 1:old eid 11.0.0.0/8");
  const keys = new PeerKeys(2);
  const xtr = (n: number, site: string) => ({
    site,
    xtrId: null,
    siteId: null,
    source: Uint8Array.of(10, 0, 0, n),
  });
  keys.used(xtr(1, "b"), single, single.keys[0]);
  assert.is(keys.size, 0);
  for (const n of [1, 2, 1, 3]) keys.used(xtr(n, "a"), several, several.keys[1]);
  assert.is(keys.size, 2);
  assert.equal(
    [1, 2, 3].map((n) => keys.of(xtr(n, "a"), several).id),
    [2, 1, 2],
  );
  // A key that is the site's no more is not used.
  assert.is(keys.of(xtr(1, "a"), parseSite("a key 1:old key 3:x eid 10.0.0.0/8")).id, 1);
});

test.run();
