// Malformed packets through every IP and ICMP element: nothing may be written outside a packet's slot, and no
// packet may be lost track of.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../../src/router/random.js";
import { filling, hex, ip, ip6, ipv4, ipv6, udp4 } from "../../packets.js";
import { fillSlot, touched } from "../../slot-canary.js";
import { type Fed, lab } from "../lab.js";

const PER_ELEMENT = 40_000;
const CANARY = 0xa5;
const SLOTS = 600;

const ELEMENTS = [
  "CheckIPHeader",
  "CheckIPHeader2(OFFSET 3)",
  "CheckIP6Header",
  "DecIPTTL",
  "DecIP6HLIM",
  "GetIPAddress(IP src)",
  "GetIPAddress(16)",
  "GetIP6Address(24)",
  "MarkIPHeader(7)",
  "MarkIP6Header(7)",
  "IPEncap(4, 1.0.0.1, DST_ANNO)",
  "UDPIPEncap(1.0.0.1, 1, DST_ANNO, 2)",
  "StripIPHeader",
  "SetIPChecksum",
  "FixIPSrc(1.0.0.1)",
  "DropBroadcasts",
  "DropUnroutable(1.0.0.0/8)",
  "IPGWOptions(1.0.0.1)",
  "IPFragmenter(68)",
  "IPFragmenter(300, false)",
  "ICMPError(1.0.0.1, parameterproblem)",
  "ICMPError(1.0.0.1, unreachable, needfrag, MTU 9000)",
  "ICMP6Error(2001:db8::1, parameterproblem, option)",
  "ICMP6Error(2001:db8::1, redirect, 0)",
  "ICMPPingResponder",
  "ICMP6PingResponder(2001:db8::1)",
  "RadixIPLookup(0/0 0)",
  "LookupIP6Route(::/0 0)",
] as const;

const options = hex("83 0b 08 01020304 05060708 44 08 05 00 00000000 07 07 04 00000000".replace(/ /g, ""));
const SEEDS: readonly Uint8Array[] = [
  udp4(
    { options: new Uint8Array([...options, 0, 0, 0, 0, 0, 0, 0]).slice(0, 28) },
    { payload: filling(300) },
  ),
  ipv4({ protocol: 1, payload: hex("0800000000000000") }),
  ipv4({ moreFragments: true, payload: filling(1600) }),
  ipv6({ nextHeader: 0, payload: hex("3a00000000000000 8000000000000000".replace(/ /g, "")) }),
  ipv6({ nextHeader: 58, destination: ip6("ff02::1"), payload: hex("8000000000000000") }),
  ipv4({ source: ip("10.1.1.1"), payload: filling(20) }),
];

/** A packet cut short, with bytes changed, and header annotations that may point anywhere in or around it. */
function malformed(random: SeededRandom): Fed {
  const seed = SEEDS[random.below(SEEDS.length)];
  const bytes = seed.slice(0, random.below(4) === 0 ? random.below(seed.length + 1) : seed.length);
  for (let i = random.below(4); i > 0 && bytes.length > 0; i--)
    bytes[random.below(Math.min(bytes.length, 64))] = random.below(256);
  const place = (): number | undefined => {
    const kind = random.below(8);
    if (kind === 0) return undefined;
    return kind === 1 ? random.below(bytes.length + 200) - 100 : 0;
  };
  return {
    bytes,
    headroom: random.below(2) === 0 ? 128 : random.below(129),
    packetType: random.below(5),
    network: place(),
    transport: random.below(2) === 0 ? 20 : place(),
    anno: { 0: random.below(256), 17: random.below(256), 19: random.below(2) },
  };
}

for (const element of ELEMENTS) {
  test(`${PER_ELEMENT} malformed packets do no harm in ${element}`, async () => {
    const l = await lab(`f :: Feed -> e :: ${element} -> Catch`, {
      memory: { slots: SLOTS, bytes: 2 ** 23 },
      log: () => {},
    });
    const { memory } = l.router;
    const { kernels } = memory;
    // Every other slot stands guard over its neighbours.
    const slots = Array.from({ length: SLOTS }, () => kernels.poolTake()).sort((a, b) => a - b);
    const guards = slots.filter((_, i) => i % 2 === 0);
    for (const guard of guards) fillSlot(memory, guard, CANARY);
    for (const [i, slot] of slots.entries()) if (i % 2 === 1) kernels.poolGive(slot);
    const random = new SeededRandom(1);
    for (let sent = 0; sent < PER_ELEMENT; sent += 100)
      l.feed(Array.from({ length: 100 }, () => malformed(random)));
    for (const guard of guards) assert.is(touched(memory, guard, CANARY), null, "a neighbour was written to");
    for (const guard of guards) kernels.poolGive(guard);
    l.close();
  });
}

test.run();
