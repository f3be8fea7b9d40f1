import type { ElementSpec } from "../../src/router/spec.js";
import { RadixIPLookup } from "./radix-ip-lookup.js";

/**
 * An IPv4 routing table whose table Click cannot change while it runs; here it can. All of Click's tables give the same answers, so
 * this one is a RadixIPLookup under another name.
 *
 * @element StaticIPLookup
 * @category ip
 * @input 0 IPv4 packets with their destination annotation set
 * @output 0... packets whose route names that output
 * @handler add adds a route: DST/MASK [GATEWAY] OUTPUT; fails when its prefix has one
 * @handler set adds a route, or replaces that of its prefix
 * @handler remove removes a route: DST/MASK [[GATEWAY] OUTPUT]
 * @handler ctrl lines of `add ROUTE`, `set ROUTE` and `remove ROUTE`; all of them are done, or none
 * @handler lookup for an address: the output (-1: none), and the gateway if there is one
 * @handler table the routes, a line each: prefix, gateway or -, output
 * @example InfiniteSource(LIMIT 3) -> SetIPAddress(10.1.2.3) -> rt :: StaticIPLookup(10.0.0.0/8 0) -> Discard
 * @see RadixIPLookup
 */
export class StaticIPLookup extends RadixIPLookup {
  static override readonly spec = { ...RadixIPLookup.spec } as const satisfies ElementSpec;
}
