// A map-cache with an encapsulator behind it.

import { Bench, flowHash, type Seen } from "../harness.js";

export const NOTHING = new Uint8Array(0);
export const SIX_RLOC = "2001:db8::9";
export const ALL = "0.0.0.0/0 192.0.2.2, ::/0 192.0.2.2";
export const ALL_6 = "0.0.0.0/0 2001:db8::2, ::/0 2001:db8::2";

/** Map-cache, then encapsulator `e`; s0 encapsulated, s1 too big. */
export function graph(encap: string, mappings = ALL): Promise<Bench> {
  return Bench.start(
    `feed :: Feed -> m :: LISPMapCache(${mappings}) -> e :: LISPEncap(${encap}); e[0] -> s0 :: Sink; e[1] -> s1 :: Sink`,
  );
}

export async function one(encap: string, packet: Uint8Array, mappings = ALL): Promise<Seen> {
  const b = await graph(encap, mappings);
  b.push("m", [packet]);
  const [seen] = b.take("s0");
  b.close();
  return seen;
}

export const port = (inner: Uint8Array): string => (0xc000 + sixBits(flowHash(inner))).toString(16);
// The hash's bytes lie in memory as they come: its low byte gives the port's high one.
export const sixBits = (hash: number): number => ((hash & 0x3f) << 8) | ((hash >>> 8) & 0xff);
