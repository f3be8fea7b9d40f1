import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipText } from "../../src/net/address.js";
import { etherText } from "../../src/net/mac.js";
import { maskLength } from "../../src/net/prefix.js";
import type { Packet } from "../../src/packet/packet.js";
import type { ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ARP_REQUEST, readArpFrame, writeArpReply } from "../../src/wire/arp.js";
import { orNull } from "../../src/wire/error.js";
import { type Entry, NeighbourResponder, RESPONDER_DROPS } from "./neighbour-responder.js";

const args = {
  ENTRY: {
    type: "any",
    rest: true,
    doc: "`IP/MASK [IP/MASK...] ETH`: addresses to answer for, and the hardware address to answer with; or a name for both",
  },
} as const;

interface Network {
  readonly address: number;
  readonly mask: number;
}

/**
 * Answers ARP requests (RFC 826) for the addresses and networks that its arguments give.
 *
 * A request becomes its reply. Where several networks hold the address, the smallest decides. What it has no
 * answer for goes to output 1, or is dropped.
 *
 * @input 0 ARP requests with Ethernet header
 * @output 0 ARP replies with Ethernet header
 * @output 1 packets that it has no answer for
 * @example Idle -> ARPResponder(18.26.4.24 18.26.7.0/24 00-00-C0-AE-67-EF) -> Discard
 * @see ARPQuerier, IP6NDAdvertiser, AddressInfo
 */
export class ARPResponder extends NeighbourResponder<Network> {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    counters: { replies: "requests answered" },
    drops: RESPONDER_DROPS,
    handlers: {
      table: { read: true, doc: "a line a network: prefix, hardware address" },
      lookup: {
        read: true,
        params: true,
        doc: "the hardware address it answers with for the IP address given; empty where it does not",
      },
      add: { write: true, doc: "adds entries: `IP/MASK [IP/MASK...] ETH`" },
      remove: { write: true, doc: "removes the entry of exactly this `IP/MASK`" },
    },
    live: true,
  } as const satisfies ElementSpec;

  protected override readonly entryErrors = {
    separator: ": ",
    unknown: "expected IP/MASK ETH",
    secondEther: "more than one ETH",
    noPrefix: "missing IP/MASK",
    noEther: "missing ETH",
  };
  /** More specific before less. */
  #entries: readonly Entry<Network>[] = [];

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const entries = this.parseEntries(values.ENTRY, errors);
    if (entries === null) return;
    this.#entries = arranged(entries, (entry) => errors.warning(`multiple entries for ${prefixText(entry)}`));
  }

  protected override parsePrefix(word: string): Network | null {
    const prefix = parseValue(word, { type: "ip_prefix" }, this.graph.argContext(this));
    if (!("value" in prefix)) return null;
    const { address, mask } = prefix.value;
    return { address: (address & mask) >>> 0, mask };
  }

  #lookup(address: number): Uint8Array | null {
    for (const entry of this.#entries) {
      if ((address & entry.mask) >>> 0 === entry.address) return entry.mac;
    }
    return null;
  }

  protected override mark(packet: Packet): void {
    packet.networkHeader = 0;
    packet.transportHeader = 0;
  }

  protected override answer(frame: Uint8Array): Uint8Array | null {
    const request = orNull(() => readArpFrame(frame));
    if (request?.operation !== ARP_REQUEST) return null;
    const mac = this.#lookup(request.targetIp);
    return mac === null ? null : writeArpReply(request, mac);
  }

  override handlers(): Record<string, HandlerCode> {
    const context = this.graph.argContext(this);
    return {
      table: {
        read: () => this.#entries.map((entry) => `${prefixText(entry)} ${etherText(entry.mac)}\n`).join(""),
      },
      lookup: {
        read: (parameters) => {
          const address = parseValue(parameters.trim(), { type: "ip" }, context);
          if (!("value" in address)) throw new HandlerError("FAILED", "expected IP address");
          const mac = this.#lookup(address.value);
          return mac === null ? "" : etherText(mac);
        },
      },
      add: {
        write: (text) => {
          const parsed = this.parseEntry(text);
          if (typeof parsed === "string") throw new HandlerError("FAILED", parsed);
          this.#entries = arranged([...this.#entries, ...parsed], () => {});
        },
      },
      remove: {
        write: (text) => {
          const network = this.parsePrefix(text.trim());
          if (network === null) throw new HandlerError("FAILED", "expected IP/MASK");
          const { address, mask } = network;
          const left = this.#entries.filter((entry) => entry.address !== address || entry.mask !== mask);
          if (left.length === this.#entries.length)
            throw new HandlerError("FAILED", `${prefixText(network)} not found`);
          this.#entries = left;
        },
      },
    };
  }
}

/** More specific entries before those that hold them, otherwise in order; of the same network the last one counts. */
function arranged(
  entries: readonly Entry<Network>[],
  twice: (entry: Network) => void,
): readonly Entry<Network>[] {
  const sorted: Entry<Network>[] = [];
  for (const entry of entries) {
    const same = sorted.findIndex((other) => other.address === entry.address && other.mask === entry.mask);
    if (same >= 0) {
      twice(entry);
      sorted[same] = entry;
      continue;
    }
    const above = sorted.findIndex(
      (other) => (entry.address & other.mask) >>> 0 === other.address && within(entry.mask, other.mask),
    );
    if (above < 0) sorted.push(entry);
    else sorted.splice(above, 0, entry);
  }
  return sorted;
}

/** Whether mask `inner` has every bit of `outer`. */
function within(inner: number, outer: number): boolean {
  return (inner & outer) >>> 0 === outer;
}

function prefixText({ address, mask }: Network): string {
  const length = maskLength(mask);
  return `${ipText(address)}/${length >= 0 ? length : ipText(mask)}`;
}
