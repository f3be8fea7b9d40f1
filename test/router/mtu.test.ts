// What is too large for a device whose MTU changes: cut, or its sender told.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Device, MapProvider, makeLink, Router, SimulatedClock } from "../../src/index.js";
import { ConfigurationError } from "../../src/lang/diagnostics.js";
import { ipv4, ipv6 } from "../elements/lisp/harness.js";

/** A device with an MTU that the test changes. */
function device(clock: SimulatedClock): {
  readonly device: Device;
  change(mtu: number): void;
  followers(): number;
} {
  const [end] = makeLink({ clock, schedule: () => {}, linkType: "ip" });
  const listeners = new Set<(mtu: number) => void>();
  let mtu = 1500;
  const changing = new Proxy(end, {
    get(target, name) {
      if (name === "mtu") return mtu;
      if (name === "onMtu")
        return (listener: (mtu: number) => void) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        };
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    device: changing,
    change: (to) => {
      mtu = to;
      for (const listener of listeners) listener(to);
    },
    followers: () => listeners.size,
  };
}

const DF = 0x4000;
const packet4 = (bytes: number, fragment = 0): Uint8Array => ipv4(new Uint8Array(bytes - 20), { fragment });
const packet6 = (bytes: number): Uint8Array => ipv6(new Uint8Array(bytes - 40));

test("packets are cut to what the device carries now, or leave to be answered; IPv6 is never cut", async () => {
  const clock = new SimulatedClock();
  const d = device(clock);
  const text = (mtu: number): string => `
    Idle -> in4 :: CheckIPHeader -> f :: IPFragmenter(${mtu}, DEVICE out) -> count :: Counter -> q :: Queue -> out :: ToDevice(d);
    Idle -> in6 :: CheckIP6Header -> f; f [1] -> big :: Queue -> Discard(ACTIVE false)`;
  const router = await Router.fromText(text(1400), {
    clock,
    log: () => {},
    devices: new MapProvider([["d", d.device]]),
  });
  /** Packets that pass for each packet sent, and those refused. */
  const send = (...packets: Uint8Array[]): [number, number] => {
    const before = Number(router.read("count.count"));
    for (const p of packets) router.inject(p[0] >> 4 === 4 ? "in4" : "in6", p);
    return [Number(router.read("count.count")) - before, router.take("big").length];
  };
  assert.is(router.read("out.mtu"), "1500");
  assert.equal(send(packet4(1400), packet6(1400)), [2, 0]);
  assert.equal(send(packet4(1401, DF), packet6(1401)), [0, 2], "the configuration's own limit");
  d.change(1300);
  assert.is(router.read("out.mtu"), "1300");
  assert.equal(send(packet4(1300, DF), packet6(1300)), [2, 0]);
  assert.equal(send(packet4(1400)), [2, 0]);
  assert.equal(send(packet4(1400, DF), packet6(1301)), [0, 2]);
  await router.write("f.config", "1200, DEVICE out");
  assert.equal(send(packet4(1300, DF), packet6(1201), packet6(1200)), [1, 2]);
  await router.write("f.config", "1400, DEVICE out");
  assert.equal(send(packet4(1300, DF), packet4(1400, DF)), [1, 1], "the device's limit stays");
  await router.swap(text(1500));
  assert.equal(send(packet4(1400, DF)), [0, 1], "after a hot swap as well");
  assert.is(d.followers(), 1);
  d.change(9000);
  assert.equal(send(packet4(1500, DF), packet4(1501, DF)), [1, 1]);
  router.close();
  assert.is(d.followers(), 0);
});

test("LISPEncap says what would fit the device when that carries less than MTU", async () => {
  const clock = new SimulatedClock();
  const d = device(clock);
  const router = await Router.fromText(
    `Idle -> in :: Null -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.1) -> e :: LISPEncap(192.0.2.9, MTU 1400, DEVICE out)
       -> count :: Counter -> Queue -> out :: ToDevice(d); e [1] -> big :: Counter -> Discard`,
    { clock, log: () => {}, devices: new MapProvider([["d", d.device]]) },
  );
  const counts = (): string[] => [router.read("count.count"), router.read("big.count")];
  assert.is(router.read("e.mtu"), "1400");
  router.inject("in", packet4(1300, DF));
  assert.equal(counts(), ["1", "0"]);
  d.change(1300);
  assert.is(router.read("e.mtu"), "1300");
  router.inject("in", packet4(1300, DF));
  assert.equal(counts(), ["1", "1"]);
  d.change(1500);
  assert.is(router.read("e.mtu"), "1400");
  await router.write("e.mtu", "9000");
  assert.is(router.read("e.mtu"), "1500");
  router.close();
});

test("an element without a device cannot be followed", async () => {
  for (const text of [
    "Idle -> IPFragmenter(1500, DEVICE c) -> c :: Counter -> Discard",
    "Idle -> LISPEncap(192.0.2.9, DEVICE c) -> c :: Counter -> Discard",
  ]) {
    let message = "";
    await Router.fromText(text).catch((e: unknown) => {
      message = e instanceof ConfigurationError ? e.message : String(e);
    });
    assert.match(message, "DEVICE is not a ToDevice");
  }
});

test.run();
