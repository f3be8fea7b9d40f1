import type { ElementSpec } from "../../src/router/spec.js";
import { RadixIPLookup } from "./radix-ip-lookup.js";

/**
 * An IPv4 routing table which Click searches from end to end, for small tables. All of Click's tables give the same answers, so
 * this one is a RadixIPLookup under another name.
 *
 * @input 0 IPv4 packets with their destination annotation set
 * @output 0... packets whose route names that output
 * @example InfiniteSource(LIMIT 3) -> SetIPAddress(10.1.2.3) -> rt :: LinearIPLookup(10.0.0.0/8 0) -> Discard
 * @see RadixIPLookup
 */
export class LinearIPLookup extends RadixIPLookup {
  static override readonly spec = { ...RadixIPLookup.spec } as const satisfies ElementSpec;
}
