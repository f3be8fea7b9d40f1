import { PACKET_HOST } from "../../assembly/layout.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { etherText, ipText } from "../../src/wire/address.js";
import { ARP_REPLY, ARP_REQUEST, readArp, writeArp } from "../../src/wire/arp.js";
import { WireError } from "../../src/wire/error.js";
import { ETHERTYPE_ARP, readEthernet, writeEthernet } from "../../src/wire/ethernet.js";

const args = {
  ENTRY: {
    type: "any",
    rest: true,
    doc: "`IP/MASK [IP/MASK...] ETH`: addresses to answer for, and the hardware address to answer with; or a name for both",
  },
} as const;

interface Entry {
  readonly address: number;
  readonly mask: number;
  readonly mac: Uint8Array;
}

/**
 * Answers ARP requests (RFC 826) for the addresses and networks that its arguments give.
 *
 * A request becomes its reply. Where several networks hold the address, the smallest decides. What it has no
 * answer for goes to output 1, or is dropped.
 *
 * @element ARPResponder
 * @category ethernet
 * @input 0 ARP requests with Ethernet header
 * @output 0 ARP replies with Ethernet header
 * @output 1 packets that it has no answer for
 * @handler replies requests answered
 * @handler table a line a network: prefix, hardware address
 * @handler lookup the hardware address it answers with for the IP address given; empty where it does not
 * @handler add adds entries: `IP/MASK [IP/MASK...] ETH`
 * @handler remove removes the entry of exactly this `IP/MASK`
 * @example Idle -> ARPResponder(18.26.4.24 18.26.7.0/24 00-00-C0-AE-67-EF) -> Discard
 * @see ARPQuerier, IP6NDAdvertiser, AddressInfo
 */
export class ARPResponder extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    counters: { replies: "requests answered" },
    drops: { unanswered: "not an ARP request for an address of its table, and output 1 is not connected" },
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

  readonly #packet = new Packet(this.memory);
  /** More specific before less. */
  #entries: readonly Entry[] = [];

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const entries: Entry[] = [];
    let wrong = false;
    for (const [i, text] of values.ENTRY.entries()) {
      const parsed = this.#parse(text);
      if (typeof parsed === "string") {
        errors.error(`argument ${i}: ${parsed}`);
        wrong = true;
      } else entries.push(...parsed);
    }
    if (wrong) return;
    this.#entries = arranged(entries, (entry) => errors.warning(`multiple entries for ${prefixText(entry)}`));
  }

  /** The entries that `IP/MASK [IP/MASK...] ETH` gives, or what is wrong with it. */
  #parse(text: string): Entry[] | string {
    const context = this.graph.argContext(this);
    const prefixes: { address: number; mask: number }[] = [];
    const words = splitSpaces(text);
    let mac: Uint8Array | null = null;
    for (const word of words) {
      const prefix = parseValue(word, { type: "ip_prefix" }, context);
      if ("value" in prefix) {
        const { address, mask } = prefix.value;
        prefixes.push({ address: (address & mask) >>> 0, mask });
        continue;
      }
      const ether = parseValue(word, { type: "ether" }, context);
      if (!("value" in ether)) return "expected IP/MASK ETH";
      if (mac !== null) return "more than one ETH";
      mac = ether.value;
    }
    // A name may stand for both.
    for (const word of words) {
      if (mac !== null) break;
      const ether = parseValue(word, { type: "ether" }, context);
      if ("value" in ether) mac = ether.value;
    }
    if (prefixes.length === 0) return "missing IP/MASK";
    if (mac === null) return "missing ETH";
    const found = mac;
    return prefixes.map((prefix) => ({ ...prefix, mac: found }));
  }

  #lookup(address: number): Uint8Array | null {
    for (const entry of this.#entries) {
      if ((address & entry.mask) >>> 0 === entry.address) return entry.mac;
    }
    return null;
  }

  override process(batch: Batch): void {
    const others = this.router.batches.acquire();
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      if (this.#answer(slot)) batch.set(count++, slot);
      else others.add(slot);
    }
    batch.count = count;
    this.memory.add64(this.state, count);
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("unanswered"), others.count);
    this.pushOrKill(1, others);
    this.router.batches.release(others);
  }

  /** Makes the request in `slot` its reply; false, and nothing changed, where there is none. */
  #answer(slot: number): boolean {
    const packet = this.#packet.at(slot);
    const reply = this.#reply(packet.bytes());
    if (reply === null) return false;
    packet.setBytes(reply);
    packet.macHeader = packet.data;
    packet.networkHeader = 0;
    packet.transportHeader = 0;
    packet.packetType = PACKET_HOST;
    return true;
  }

  /** The frame that answers an ARP request; null when it is none, or not for an address of the table. */
  #reply(frame: Uint8Array): Uint8Array | null {
    try {
      const { etherType, payload } = readEthernet(frame);
      if (etherType !== ETHERTYPE_ARP) return null;
      const request = readArp(payload);
      if (request.operation !== ARP_REQUEST) return null;
      const mac = this.#lookup(request.targetIp);
      if (mac === null) return null;
      const reply = writeArp({
        operation: ARP_REPLY,
        senderEther: mac,
        senderIp: request.targetIp,
        targetEther: request.senderEther,
        targetIp: request.senderIp,
      });
      return writeEthernet({ destination: request.senderEther, source: mac, etherType, payload: reply });
    } catch (e) {
      if (e instanceof WireError) return null;
      throw e;
    }
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
          const parsed = this.#parse(text);
          if (typeof parsed === "string") throw new HandlerError("FAILED", parsed);
          this.#entries = arranged([...this.#entries, ...parsed], () => {});
        },
      },
      remove: {
        write: (text) => {
          const prefix = parseValue(text.trim(), { type: "ip_prefix" }, context);
          if (!("value" in prefix)) throw new HandlerError("FAILED", "expected IP/MASK");
          const { mask } = prefix.value;
          const address = (prefix.value.address & mask) >>> 0;
          const left = this.#entries.filter((entry) => entry.address !== address || entry.mask !== mask);
          if (left.length === this.#entries.length)
            throw new HandlerError("FAILED", `${prefixText({ address, mask })} not found`);
          this.#entries = left;
        },
      },
    };
  }
}

/** More specific entries before those that hold them, otherwise in order; of the same network the last one counts. */
function arranged(entries: readonly Entry[], twice: (entry: Entry) => void): readonly Entry[] {
  const sorted: Entry[] = [];
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

function prefixText(entry: { readonly address: number; readonly mask: number }): string {
  const length = Math.clz32(~entry.mask);
  const contiguous = length === 32 || entry.mask << length === 0;
  return `${ipText(entry.address)}/${contiguous ? length : ipText(entry.mask)}`;
}
