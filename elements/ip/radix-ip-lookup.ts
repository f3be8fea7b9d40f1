import type { ArgValues } from "../../src/lang/args/spec.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ROUTING_DROPS, ROUTING_HANDLERS, type RouteFamily, RoutingElement } from "./routing.js";

const args = {
  ROUTE: { type: "any", rest: true, doc: "a route: DST/MASK [GATEWAY] OUTPUT" },
} as const;

const ROUTING: RouteFamily = {
  family: 4,
  expected: "'ADDR/MASK [GATEWAY] OUTPUT'",
  complaint: "IPRouteTable", // the class that Click's tables share
  columns: true,
};

/**
 * An IPv4 routing table: finds the longest prefix that holds a packet's destination annotation, puts that route's
 * gateway, if it has one, into the annotation, and sends the packet to the route's output.
 *
 * Packets without a route are dropped; the first five are reported. Routes can be added and removed while packets
 * flow. In a hot swap the table goes on: routes that were added while the old configuration ran stay.
 *
 * @input 0 IPv4 packets with their destination annotation set
 * @output 0... packets whose route names that output
 * @example InfiniteSource(LIMIT 3) -> SetIPAddress(10.1.2.3) -> rt :: RadixIPLookup(10.0.0.0/8 192.168.0.1 0, 0/0 1);
 *   rt[0] -> Discard; rt[1] -> Discard
 * @see GetIPAddress, LookupIP6Route, ARPQuerier
 */
export class RadixIPLookup extends RoutingElement {
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
  }
}
