// What IP elements drop for is what their handlers say: one packet for each reason.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKET_BROADCAST } from "../../../assembly/layout.js";
import { hex, ip, ip6, ipv4, ipv6 } from "../../packets.js";
import { type Fed, lab } from "../lab.js";

/** `packet` with byte `at` changed. */
function changed(packet: Uint8Array, at: number, value: number): Uint8Array {
  const copy = packet.slice();
  copy[at] = value;
  return copy;
}

const CHECKS = {
  tiny: ipv4().subarray(0, 19),
  version: changed(ipv4(), 0, 0x65),
  header_length: changed(ipv4(), 0, 0x44),
  length: changed(ipv4(), 3, 200),
  source: ipv4({ source: ip("10.0.0.9") }),
};

/** By element: its arguments, and a packet for each reason. */
const CASES: Readonly<
  Record<string, { readonly config: string; readonly packets: Readonly<Record<string, Fed | Uint8Array>> }>
> = {
  CheckIPHeader: {
    config: "BADSRC 10.0.0.9",
    packets: { ...CHECKS, checksum: changed(ipv4(), 8, 1) },
  },
  CheckIPHeader2: { config: "BADSRC 10.0.0.9", packets: CHECKS },
  CheckIP6Header: {
    config: "2001:db8::9",
    packets: {
      tiny: ipv6().subarray(0, 39),
      version: changed(ipv6(), 0, 0x45),
      length: changed(ipv6(), 5, 9),
      source: changed(ipv6(), 23, 9),
    },
  },
  DecIPTTL: {
    config: "",
    packets: {
      expired: { bytes: ipv4({ ttl: 1 }), network: 0, transport: 20 },
      no_header: ipv4().subarray(0, 19),
    },
  },
  DecIP6HLIM: {
    config: "",
    packets: {
      expired: { bytes: ipv6({ hopLimit: 1 }), network: 0, transport: 40 },
      no_header: ipv6().subarray(0, 39),
    },
  },
  DropBroadcasts: {
    config: "",
    packets: { broadcast: { bytes: ipv4(), packetType: PACKET_BROADCAST } },
  },
  DropUnroutable: {
    config: "10.1.0.0/16",
    packets: {
      unspecified: { bytes: ipv4({ destination: ip("0.1.2.3") }), network: 0 },
      loopback: { bytes: ipv4({ destination: ip("127.255.0.1") }), network: 0 },
      link_local: { bytes: ipv6({ destination: ip6("fe80::1") }), network: 0 },
      multicast: { bytes: ipv6({ destination: ip6("ff02::1") }), network: 0 },
      broadcast: { bytes: ipv4({ destination: ip("10.1.255.255") }), network: 0 },
      reserved: { bytes: ipv4({ destination: ip("240.0.0.1") }), network: 0 },
      bad_source: { bytes: ipv4({ source: ip("224.0.0.1") }), network: 0 },
      bad_packet: { bytes: ipv4().subarray(0, 19) },
    },
  },
  IPGWOptions: {
    config: "10.0.0.1",
    packets: { bad_option: { bytes: ipv4({ options: hex("07ff0400") }), network: 0, transport: 24 } },
  },
  SetIPChecksum: {
    config: "",
    packets: { bad_header: { bytes: ipv4().subarray(0, 12), network: 0 } },
  },
};

for (const [name, { config, packets }] of Object.entries(CASES)) {
  for (const [reason, packet] of Object.entries(packets)) {
    test(`${name} drops for ${reason}, and for nothing else then`, async () => {
      const l = await lab(`f :: Feed -> e :: ${name}(${config}) -> out :: Catch`);
      l.feed([packet, packet]);
      assert.equal(l.caught("out"), []);
      for (const other of Object.keys(packets))
        assert.is(l.read(`e.${other}`), other === reason ? "2" : "0", other);
      l.close();
    });
  }
}

test.run();
