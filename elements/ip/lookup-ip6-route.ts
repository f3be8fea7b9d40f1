import type { ArgValues } from "../../src/lang/args/spec.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ROUTING_DROPS, ROUTING_HANDLERS, type RouteFamily, RoutingElement } from "./routing.js";

const args = {
  ROUTE: { type: "any", rest: true, doc: "a route: DST/MASK [GATEWAY] OUTPUT; gateway :: or - means none" },
} as const;

const ROUTING: RouteFamily = {
  family: 6,
  expected: "DADDR/MASK [GW] OUTPUT",
  complaint: "LookupIP6Route",
  columns: false,
};

/**
 * An IPv6 routing table: finds the longest prefix that holds a packet's 16-byte destination annotation, puts that
 * route's gateway, if it has one, into the annotation, and sends the packet to the route's output.
 *
 * Packets without a route are dropped; the first five are reported. Routes can be added and removed while packets
 * flow. In a hot swap the table goes on: routes that were added while the old configuration ran stay.
 *
 * @input 0 IPv6 packets with their destination annotation set
 * @output 0... packets whose route names that output
 * @example InfiniteSource(LIMIT 3) -> SetIP6Address(2001:db8::1) -> rt :: LookupIP6Route(2001:db8::/32 fe80::1 0,
 *   ::/0 1); rt[0] -> Discard; rt[1] -> Discard
 * @see GetIP6Address, RadixIPLookup
 */
export class LookupIP6Route extends RoutingElement {
  static readonly spec = {
    ports: "1/-",
    processing: "h",
    args,
    drops: ROUTING_DROPS,
    handlers: ROUTING_HANDLERS,
  } as const satisfies ElementSpec;

  protected override readonly routing = ROUTING;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.configureRoutes(values.ROUTE, errors);
    if (values.ROUTE.length === 0) errors.warning("no routes");
  }
}
