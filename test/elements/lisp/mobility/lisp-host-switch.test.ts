// LISPHostSwitch: which way packets from and to mobile hosts go.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bench, hex, ip, ipv4, toHex } from "../harness.js";
import { complaints, empty, from4, from6, RANGES } from "./mobility-lab.js";

const switched = (by: string, outputs: number): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(IID 7, 192.168.2.0/24 10.0.0.2, 192.168.1.128/25 10.0.0.2);
    m :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, IID 7)
      -> Discard; Idle -> m; Idle -> [1] m;
    feed :: Feed -> e :: LISPHostSwitch(m, ${by});
    ${Array.from({ length: outputs }, (_, i) => `e[${i}] -> s${i} :: Sink;`).join(" ")}
  `);

test("packets go by their source: nobody's, of hosts here, elsewhere, and unknown ones in a range", async () => {
  const b = await switched("src", 4);
  await b.router.write("m.add", "192.168.1.10");
  await b.router.write("m.add", "fd01::10");
  await b.router.write("m.away", "192.168.2.9 10.0.0.3");
  const packets = {
    s0: [
      from4("10.1.1.1"),
      from4("192.168.2.8"),
      from4("192.168.1.200"),
      from6("fd02::1"),
      hex("45"),
      hex("60".repeat(30)),
    ],
    s1: [from4("192.168.1.10"), from6("fd01::10")],
    s2: [from4("192.168.2.9")],
    s3: [from4("192.168.1.11"), from6("fd01::11")],
  };
  b.push("e", Object.values(packets).flat().reverse());
  for (const [sink, expected] of Object.entries(packets))
    assert.equal(
      b.take(sink).map((s) => toHex(s.bytes)),
      expected.map(toHex).reverse(),
      sink,
    );
  b.close();
});

test("by destination, only in the instance that packets bring, and what has no output is dropped", async () => {
  const b = await switched("dst, PACKET_IID true", 2);
  const to4 = (destination: string): Uint8Array => ipv4(empty, { destination: ip(destination) });
  await b.router.write("m.add", "192.168.1.10");
  b.push("e", [to4("192.168.1.10"), to4("192.168.1.10"), to4("192.168.1.11")], { iids: [7, 8, 7] });
  assert.equal([b.take("s0").length, b.take("s1").length, b.read("e.unconnected")], [1, 1, "1"]);
  b.close();
  assert.equal(await complaints("s :: LISPSite; Idle -> LISPHostSwitch(s, src) -> Discard"), [
    "MOBILITY is not a LISPMobility",
  ]);
});

test("while there are no hosts packets pass, unless unknown ones in ranges matter", async () => {
  for (const [outputs, passed] of [
    [3, 2],
    [4, 1],
  ]) {
    const b = await switched("src", outputs);
    b.push("e", [from4("192.168.1.11"), from4("10.1.1.1")]);
    assert.is(b.take("s0").length, passed);
    b.close();
  }
});

test.run();
