// DropUnroutable: by the addresses of IPv4 and IPv6 packets, as a slow twin does.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipBytes, isRoutable } from "../../../src/net/address.js";
import { ip, ip6, ipv4, ipv6 } from "../../packets.js";
import * as fc from "../../property.js";
import { lab } from "../lab.js";

const REASONS = [
  "unspecified",
  "loopback",
  "link_local",
  "multicast",
  "broadcast",
  "reserved",
  "bad_source",
  "bad_packet",
] as const;

test("each kind of address has a reason, of either family; all others pass", async () => {
  const l = await lab(
    "f :: Feed -> d :: DropUnroutable(192.168.1.0/24, 10.0.0.4/30, 10.9.9.9/32, fd01::/64) -> on :: Catch; d[1] -> back :: Catch",
  );
  for (const [address, reason] of [
    ["0.0.0.0", "unspecified"],
    ["0.255.0.1", "unspecified"],
    ["127.0.0.1", "loopback"],
    ["169.254.9.9", "link_local"],
    ["224.0.0.5", "multicast"],
    ["239.255.255.250", "multicast"],
    ["255.255.255.255", "broadcast"],
    ["192.168.1.255", "broadcast"],
    ["10.0.0.7", "broadcast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.254", "reserved"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["fe80::1", "link_local"],
    ["febf::1", "link_local"],
    ["ff05::1:3", "multicast"],
    ["::ffff:a00:1", "reserved"],
    ["1.0.0.0", null],
    ["126.255.255.255", null],
    ["128.0.0.0", null],
    ["169.253.0.1", null],
    ["169.255.0.1", null],
    ["223.255.255.255", null],
    ["10.9.9.9", null],
    ["192.168.1.0", null],
    ["fec0::1", null],
    ["::2", null],
    ["::1:0:0:0", null],
    ["2001:db8::ffff:102:304", null],
  ] as const) {
    const six = address.includes(":");
    const before = REASONS.map((name) => Number(l.read(`d.${name}`)));
    l.feed([
      { bytes: six ? ipv6({ destination: ip6(address) }) : ipv4({ destination: ip(address) }), network: 0 },
    ]);
    const counted = REASONS.filter((name, i) => Number(l.read(`d.${name}`)) > before[i]);
    assert.equal(counted, reason === null ? [] : [reason], address);
    assert.equal([l.caught("on").length, l.caught("back").length], reason === null ? [1, 0] : [0, 1]);
    // As a source it is no host either; networks' broadcast addresses are only known as destinations.
    l.feed([{ bytes: six ? ipv6({ source: ip6(address) }) : ipv4({ source: ip(address) }) }]);
    const from = reason === null || address === "192.168.1.255" || address === "10.0.0.7";
    assert.equal([l.caught("on").length, l.caught("back").length], from ? [1, 0] : [0, 1], `from ${address}`);
  }
  l.close();
});

test("any addresses: what is routable by src/net passes", async () => {
  const l = await lab("f :: Feed -> DropUnroutable -> on :: Catch");
  const four = fc
    .tuple(fc.constantFrom(0, 1, 10, 126, 127, 128, 169, 223, 224, 239, 240, 255), fc.nat(0xffffff))
    .map(([first, rest]) =>
      ipBytes(first * 0x1000000 + (first === 169 && rest % 2 === 0 ? 0xfe0000 + (rest & 0xffff) : rest)),
    );
  const six = fc
    .tuple(
      fc.constantFrom("", "fe80", "fec0", "ff02", "fd01", "2001"),
      fc.constantFrom("0", "ffff"),
      fc.constantFrom(0, 1, 2, 0x7f000001, 0xa000001),
    )
    .map(([head, middle, tail]) =>
      ip6(`${head}::${middle}:${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`),
    );
  fc.assert(
    fc.property(fc.oneof(fc.tuple(four, four), fc.tuple(six, six)), ([source, destination]) => {
      l.feed([
        source.length === 4
          ? ipv4({ source: ipOf(source), destination: ipOf(destination) })
          : ipv6({ source, destination }),
      ]);
      assert.is(l.caught("on").length === 1, isRoutable(source) && isRoutable(destination));
    }),
    { numRuns: 500 },
  );
  l.close();
});

function ipOf(bytes: Uint8Array): ReturnType<typeof ip> {
  return ip(bytes.join("."));
}

test.run();
