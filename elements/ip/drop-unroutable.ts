import {
  UNROUTABLE_BROADCASTS,
  UNROUTABLE_BROADCASTS_COUNT,
  UNROUTABLE_SIZE,
} from "../../assembly/ip-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipNumber } from "../../src/net/address.js";
import { AddressList } from "../../src/packet/address-list.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  NET: {
    type: "prefix",
    positional: true,
    rest: true,
    doc: "a network whose directed broadcast address goes nowhere either",
  },
} as const;

/**
 * Drops IP packets that no router may send on, by their addresses (RFC 1812, section 5.3; RFC 6890; RFC 4291, section
 * 2.4): what is for this host, this link, a group or for nobody, and what says that it comes from there.
 *
 * Takes IPv4 and IPv6 packets, their network header at the network header annotation or at the start of the data. A
 * router answers none of them with an ICMP error (RFC 1812, section 4.3.2.7): it stands before the element that
 * decrements the TTL. They leave on output 1 when that is connected.
 *
 * @input 0 IP packets
 * @output 0 packets that may go on
 * @output 1 the others (optional)
 * @example InfiniteSource(LIMIT 3) -> UDPIPEncap(10.1.0.1, 1, 224.0.0.251, 5353) -> DropUnroutable(10.1.0.0/16) -> Discard
 * @see DropBroadcasts, CheckIPHeader, DecIPTTL
 */
export class DropUnroutable extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: {
      unspecified: "to no host: 0.0.0.0/8, ::",
      loopback: "to a host itself: 127.0.0.0/8, ::1",
      link_local: "to a link-local address: 169.254.0.0/16, fe80::/10",
      multicast: "to a multicast group: 224.0.0.0/4, ff00::/8",
      broadcast: "to 255.255.255.255, or the directed broadcast address of a NET",
      reserved: "to the rest of 240.0.0.0/4, or an IPv4 address written as IPv6, ::ffff:0:0/96",
      bad_source: "from any such address",
      bad_packet: "neither an IPv4 nor an IPv6 header",
    },
    state: UNROUTABLE_SIZE - UNROUTABLE_BROADCASTS_COUNT,
  } as const satisfies ElementSpec;

  readonly #broadcasts = new AddressList(this.memory, 4);

  override configure(values: ArgValues<typeof args>): void {
    // Networks of one or two hosts have no broadcast address (RFC 3021).
    const nets = values.NET.filter(({ address, length }) => address.length === 4 && length <= 30);
    this.#broadcasts.set(
      nets.map(({ address, length }) => (ipNumber(address) | (0xffffffff >>> length)) >>> 0),
    );
    this.memory.set32(this.state + UNROUTABLE_BROADCASTS_COUNT, this.#broadcasts.count);
    this.memory.set32(this.state + UNROUTABLE_BROADCASTS, this.#broadcasts.address);
  }

  override cleanup(): void {
    this.#broadcasts.free();
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.dropUnroutable(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }
}
