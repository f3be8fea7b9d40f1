// LISPEncap against a slow twin, and with many packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import { parseEid, parseRloc } from "../../../../src/lisp/mapping.js";
import * as fc from "../../../property.js";
import { type Fields, flowHash, ip, ipv4, ipv6, SIX_A, toHex, udp } from "../harness.js";
import { graph, NOTHING, SIX_RLOC, sixBits } from "./encap-lab.js";

interface Outer {
  readonly rloc: string;
  readonly six: boolean;
}

/** Identifications count up, low byte first. */
function identification(n: number): number {
  return ((n & 0xff) << 8) | ((n >> 8) & 0xff);
}

/** What RFC 9300 section 5.3 asks for, header by header. */
function slowEncap(inner: Uint8Array, hash: number, o: Outer, id: number): Uint8Array {
  const four = inner[0] >> 4 === 4;
  const tos = four ? inner[1] : ((inner[0] & 15) << 4) | (inner[1] >> 4);
  const f: Fields = { tos, ttl: four ? inner[8] : inner[7], id, fragment: 0x4000 };
  const datagram = udp(0xc000 | sixBits(hash), 4341, Uint8Array.of(...new Uint8Array(8), ...inner));
  if (!o.six) return ipv4(datagram, { ...f, source: ip("192.0.2.1"), destination: ip(o.rloc) });
  const bytes = ipv6(datagram, { ...f, source: parseRloc(SIX_RLOC), destination: parseRloc(o.rloc) });
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (view.getUint32(0) | (hash & 0xfffff)) >>> 0);
  return bytes;
}

test("any inner packet to any locator comes out as the slow twin has it", async () => {
  const b = await graph(
    `192.0.2.1, ${SIX_RLOC}`,
    "0.0.0.0/1 192.0.2.2, 128.0.0.0/1 2001:db8::2, ::/1 2001:db8::3, 8000::/1 203.0.113.255",
  );
  let id = 0;
  const packet = fc
    .record({
      six: fc.boolean(),
      address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      payload: fc.uint8Array({ maxLength: 100 }),
      tos: fc.nat(255),
      ttl: fc.nat(255),
      protocol: fc.constantFrom(1, 6, 17, 132),
      pad: fc.nat(3),
    })
    .map(({ six, address, payload, pad, ...f }) => {
      const inner = six
        ? ipv6(payload, { ...f, source: SIX_A, destination: address })
        : ipv4(payload, { ...f, destination: address.subarray(0, 4) });
      return { inner, given: Uint8Array.of(...inner, ...new Uint8Array(pad)), six, high: address[0] >= 128 };
    });
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 10 }), (packets) => {
      b.push(
        "m",
        packets.map((p) => p.given),
      );
      const expected = packets.map((p) => {
        const o = p.six
          ? { rloc: p.high ? "203.0.113.255" : "2001:db8::3", six: !p.high }
          : { rloc: p.high ? "2001:db8::2" : "192.0.2.2", six: p.high };
        return toHex(slowEncap(p.inner, flowHash(p.given), o, identification(id++)));
      });
      assert.equal(
        b.take("s0").map((s) => toHex(s.bytes)),
        expected,
      );
    }),
    { numRuns: 200 },
  );
  b.close();
});

test("a mapping's RLOC counts stay exact after encapsulation of many", async () => {
  const b = await graph("192.0.2.1");
  for (let i = 0; i < 10; i++) b.push("m", Array(100).fill(ipv4(NOTHING)));
  const { cache } = b.router.find("m") as LISPMapCache;
  assert.equal([cache.get(0, parseEid("0.0.0.0/0"))!.packets, b.read("e.count")], [1000, "1000"]);
  b.close();
});

test.run();
