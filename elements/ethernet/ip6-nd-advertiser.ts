import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { sameAddress } from "../../src/net/address.js";
import { etherText, linkLocalAddress } from "../../src/net/mac.js";
import { covers, type Prefix, prefixText } from "../../src/net/prefix.js";
import type { Packet } from "../../src/packet/packet.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { orNull } from "../../src/wire/error.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  ND_OVERRIDE,
  ND_ROUTER,
  ND_SOLICITED,
} from "../../src/wire/icmp6.js";
import {
  ALL_NODES,
  groupEther,
  readNeighborFrame,
  UNSPECIFIED,
  writeNeighborFrame,
} from "../../src/wire/neighbour-discovery.js";
import { type Entry, NeighbourResponder, RESPONDER_DROPS } from "./neighbour-responder.js";

const args = {
  ROUTER: { type: "bool", default: "true", doc: "advertisements say that their sender is a router" },
  LINK_LOCAL: {
    type: "bool",
    default: "false",
    doc: "answers for the link-local address made of each hardware address, too (RFC 4291, appendix A)",
  },
  ENTRY: {
    type: "any",
    rest: true,
    doc: "`IP6[/LENGTH] [IP6[/LENGTH]...] ETH`: addresses to answer for, and the hardware address to answer with; or a name for both",
  },
} as const;

/**
 * Answers Neighbor Solicitations (RFC 4861 section 7.2.4) for the addresses and networks that its arguments give.
 *
 * A solicitation becomes the advertisement. For an address of its own (without a length, or /128) that overrides
 * what others may have noted before; for a network, whose hosts it stands in for, it does not (section 7.2.8).
 * Where several networks hold the address, the smallest decides. Probes for duplicate addresses (from ::,
 * RFC 4862) are answered to all nodes. Solicitations must have hop limit 255 and a right checksum. What it has no
 * answer for goes to output 1, or is dropped.
 *
 * @input 0 Neighbor Solicitations with Ethernet header
 * @output 0 Neighbor Advertisements with Ethernet header
 * @output 1 packets that it has no answer for
 * @example Idle -> IP6NDAdvertiser(2001:db8::1 2001:db8:1::/64 00-00-C0-AE-67-EF) -> Discard
 * @see IP6NDSolicitor, ARPResponder, AddressInfo
 */
export class IP6NDAdvertiser extends NeighbourResponder<Prefix> {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    counters: { advertisements: "solicitations answered" },
    drops: RESPONDER_DROPS,
    handlers: { table: { read: true, doc: "a line a network: prefix, hardware address" } },
    live: true,
  } as const satisfies ElementSpec;

  protected override readonly entryErrors = {
    separator: " ",
    unknown: "should be 'IP6/MASK ETHADDR'",
    secondEther: "has more than one Ethernet address",
    noPrefix: "had no IP6 address and masks",
    noEther: "had no Ethernet address",
  };
  /** Longer prefixes first. */
  #entries: readonly Entry<Prefix>[] = [];
  #router = true;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const entries = this.parseEntries(values.ENTRY, errors);
    if (entries === null) return;
    if (values.LINK_LOCAL) {
      const macs = new Map(entries.map(({ mac }) => [etherText(mac), mac]));
      for (const mac of macs.values()) entries.push({ address: linkLocalAddress(mac), length: 128, mac });
    }
    this.#entries = entries.sort((a, b) => b.length - a.length);
    this.#router = values.ROUTER;
  }

  protected override parsePrefix(word: string): Prefix | null {
    const prefix = parseValue(word, { type: "ip6_prefix" }, this.graph.argContext(this));
    return "value" in prefix ? prefix.value : null;
  }

  protected override mark(packet: Packet): void {
    packet.networkHeader = packet.data + 14;
    packet.transportHeader = packet.data + 54;
  }

  protected override answer(frame: Uint8Array): Uint8Array | null {
    const asked = orNull(() => readNeighborFrame(frame));
    if (asked?.message.type !== ICMP6_SOLICITATION) return null;
    const { message, source, etherSource } = asked;
    const { target } = message;
    const entry = this.#entries.find((e) => covers(e, target));
    if (entry === undefined) return null;
    const probe = sameAddress(source, UNSPECIFIED);
    const flags =
      ((this.#router ? ND_ROUTER : 0) |
        (probe ? 0 : ND_SOLICITED) |
        (entry.length === 128 ? ND_OVERRIDE : 0)) >>>
      0;
    return writeNeighborFrame({
      message: { type: ICMP6_ADVERTISEMENT, flags, target, link: entry.mac },
      source: target,
      destination: probe ? ALL_NODES : source,
      etherSource: entry.mac,
      etherDestination: probe ? groupEther(ALL_NODES) : (message.link ?? etherSource),
    });
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      table: {
        read: () => this.#entries.map((e) => `${prefixText(e)} ${etherText(e.mac)}\n`).join(""),
      },
    };
  }
}
