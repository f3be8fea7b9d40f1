// A site whose hosts' moves are told: LISPMobility between the switches that sort packets for it.

import { parseRloc } from "../../../../src/lisp/mapping.js";
import { addressText } from "../../../../src/net/address.js";
import { Bench, type Seen } from "../harness.js";
import { RANGES } from "./mobility-lab.js";

/** Both of the families of the hosts that come, and of those at home. */
export const GUEST = { 4: "192.168.1.10", 6: "fd01::10" } as const;
export const OWN = { 4: "192.168.2.10", 6: "fd02::10" } as const;
export const HOME = "192.168.2.0/24 192.168.2.1, fd02::/64 fd02::1";

/** What a site has: `here`, `away` and `stray` get what comes from the core, `out` what comes from the site, `s0` frames. */
export const site = (args = "", ranges = `${RANGES}, ${HOME}`): string => `
  site :: LISPSite(192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2);
  f1 :: Feed -> cache :: LISPMapCache -> Discard;
  frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${ranges}, LOCATORS "10.0.0.2/1/50", CACHE cache${args})
    -> s0 :: Sink;
  f2 :: Feed -> arrived :: LISPHostSwitch(e, dst) -> home :: Sink;
  arrived [1] -> here :: Sink; arrived [2] -> away :: Sink; arrived [3] -> stray :: Sink;
  arrived [4] -> [3] e; e [1] -> arrived;
  f3 :: Feed -> sent :: LISPHostSwitch(e, src) -> out :: Sink;
  sent [1] -> out; sent [2], sent [3] -> e; sent [4] -> [4] e; e [2] -> sent; Idle -> [2] e;
  f4 :: Feed -> to :: Null -> [3] e; f5 :: Feed -> from :: Null -> [4] e;
`;

export const start = (args = "", ranges?: string): Promise<Bench> => Bench.start(site(args, ranges));

/** A UDP packet with a number, of either family. */
export function packet(n: number, source: string, destination: string): Uint8Array {
  const payload = Uint8Array.of(0, 1, 0, 2, 0, 10, 0, 0, n >> 8, n & 255);
  const [from, to] = [parseRloc(source), parseRloc(destination)];
  const four = from.length === 4;
  const header = four
    ? Uint8Array.of(0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0)
    : Uint8Array.of(0x60, 0, 0, 0, 0, 10, 17, 64);
  return Uint8Array.of(...header, ...from, ...to, ...payload);
}

const peer = (eid: string): string => (eid.includes(":") ? "fd03::10" : "192.168.3.10");

/** Packets number `from` to `to` from the core to an EID. */
export function toward(b: Bench, eid: string, from: number, to = from): void {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  b.push(
    "arrived",
    numbers.map((n) => packet(n, peer(eid), eid)),
  );
}

/** The same from an EID in the site. */
export function fromSite(b: Bench, eid: string, n: number): void {
  b.push("sent", [packet(n, eid, peer(eid))]);
}

/** The numbers of the packets that a sink has got. */
export const numbers = (b: Bench, sink: string): number[] =>
  b.take(sink).map(({ bytes }: Seen) => (bytes[bytes.length - 2] << 8) | bytes[bytes.length - 1]);

/** Which EIDs they were for. */
export const destinations = (b: Bench, sink: string): string[] =>
  b
    .take(sink)
    .map(({ bytes }) =>
      addressText(bytes.subarray(...((bytes[0] >> 4 === 4 ? [16, 20] : [24, 40]) as [number, number]))),
    );
