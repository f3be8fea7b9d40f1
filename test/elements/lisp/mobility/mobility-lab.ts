// A site that hosts come to and leave: an xTR's state, and what the site's hosts send.

import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipNumber } from "../../../../src/net/address.js";
import { ARP_REPLY, writeArpFrame } from "../../../../src/wire/arp.js";
import { ICMP6_ADVERTISEMENT, ICMP6_SOLICITATION } from "../../../../src/wire/icmp6.js";
import { writeNeighborFrame } from "../../../../src/wire/neighbour-discovery.js";
import * as lab from "../../lab.js";
import { Bench, hex, ip, ipv4, ipv6, udp } from "../harness.js";

/** What is wrong with a configuration, without who says so. */
export const complaints = async (text: string): Promise<string[]> => (await lab.complaints(text)).slice(1);

export const US = hex("020000000002");
export const HOST = hex("020000000009");
export const ALL = hex("ffffffffffff");
export const RANGES = "192.168.1.0/24 192.168.1.1, fd01::/64 fd01::1 fe80::1";

/** An xTR's state of site 2 with `args`: `site` is what it registers, `s0` what it says to the site. */
export const bench = (args = "", ranges = RANGES): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2);
    feed :: Feed -> cache :: LISPMapCache -> Discard;
    frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${ranges}, LOCATORS "10.0.0.2/1/50",
      CACHE cache${args}) -> s0 :: Sink;
    packets :: Feed -> e;
  `);

export const empty = udp(1, 2, new Uint8Array(0));
export const from4 = (source: string): Uint8Array => ipv4(empty, { source: ip(source) });
export const from6 = (source: string): Uint8Array => ipv6(empty, { source: parseRloc(source) });

export function arp(operation: number, sender: string, target: string, mac = HOST): Uint8Array {
  const message = {
    operation,
    senderEther: mac,
    senderIp: ipNumber(ip(sender)),
    targetEther: new Uint8Array(6),
    targetIp: ipNumber(ip(target)),
  };
  return writeArpFrame(message, operation === ARP_REPLY ? US : ALL);
}

export function nd(
  type: "solicit" | "advertise",
  source: string,
  destination: string,
  target: string,
  flags = 0,
): Uint8Array {
  return writeNeighborFrame({
    message: {
      type: type === "solicit" ? ICMP6_SOLICITATION : ICMP6_ADVERTISEMENT,
      flags: flags >>> 0,
      target: parseRloc(target),
      link: source === "::" ? null : HOST,
    },
    source: parseRloc(source),
    destination: parseRloc(destination),
    etherSource: HOST,
    etherDestination: US,
  });
}

/** What element `e` counts. */
export const counts = (b: Bench, ...names: string[]): string[] => names.map((name) => b.read(`e.${name}`));
/** Each host's EID and state. */
export const hosts = (b: Bench): string[] =>
  b
    .read("e.table")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ").slice(0, 2).join(" "));
export const registered = (b: Bench): string[] => b.read("site.table").split("\n").slice(2);
