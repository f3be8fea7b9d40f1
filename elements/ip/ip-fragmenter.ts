import * as layout from "../../assembly/forward-layout.js";
import { SLOT_LENGTH, SLOT_MTU, SLOT_NETWORK } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipNumber, ipText } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { offerOf, type ToDeviceOffer } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { IPV4_DESTINATION, IPV4_SOURCE } from "../../src/wire/ipv4.js";

const args = {
  MTU: { type: "unsigned", positional: true, required: true, doc: "largest IP packet let through, in bytes" },
  HONOR_DF: {
    type: "bool",
    positional: true,
    default: "true",
    doc: "false: also cut packets whose don't-fragment bit is set",
  },
  HONOR_MTU: {
    type: "bool",
    default: "false",
    doc: "true: what a packet's MTU annotation says counts where it is less than MTU",
  },
  VERBOSE: {
    type: "bool",
    positional: true,
    default: "false",
    doc: "print a message for every packet that must not be cut, not just the first five",
  },
  HEADROOM: { type: "unsigned", default: "128", doc: "headroom of later fragments, in bytes" },
  DEVICE: {
    type: "element",
    doc: "the ToDevice that the packets leave by: what its device carries counts where it is less than MTU",
  },
} as const;

const REPORTS = 5;

/**
 * Cuts IPv4 packets larger than the MTU into fragments (RFC 791 section 3.2). The length that counts is that of the
 * IP packet, without what is before the network header.
 *
 * Packets whose don't-fragment bit is set leave on output 1, ordinarily to an ICMPError (which then reports the MTU);
 * they are dropped when that is not connected. So do all IPv6 packets that are too big, which only their sender may
 * cut (RFC 8200 section 4.5): to an ICMP6Error. With HONOR_MTU packets are cut to what the element that found them too
 * big, LISPEncap for example, has said would pass. Fragments are in order, and have the annotations of
 * the packet they are of; only the first keeps a link header. A checksum left to the device is completed first.
 *
 * @input 0 IPv4 or IPv6 packets, marked
 * @output 0 packets and fragments of at most MTU bytes
 * @output 1 packets that are too big and must not be cut (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> IPFragmenter(1500) -> Discard
 * @see ICMPError, LISPEncap
 */
export class IPFragmenter extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h",
    args,
    counters: {
      fragments: "fragments made",
      drops: "packets that left on output 1 or were dropped there",
    },
    drops: {
      malformed: "too big, and without a whole IPv4 header or as long as it says",
      too_many: "it would have become more than 256 fragments",
      no_slot: "fragments not made because no slot was free",
    },
    state: layout.FRAG_SIZE,
    live: true,
  } as const satisfies ElementSpec;

  #verbose = false;
  #mtu = 0;
  #source: ToDeviceOffer | null = null;
  #deviceMtu = Number.POSITIVE_INFINITY;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.MTU < 8) {
      errors.error("MTU must be at least 8");
      return;
    }
    this.#verbose = values.VERBOSE;
    this.#mtu = values.MTU;
    this.#follow(offerOf(values.DEVICE, "ToDevice", "DEVICE", errors));
    const set = (at: number, value: number): void => this.memory.set32(this.stateArea + at, value);
    set(layout.FRAG_HONOR_DF, values.HONOR_DF ? 1 : 0);
    set(layout.FRAG_HONOR_MTU, values.HONOR_MTU ? 1 : 0);
    set(layout.FRAG_HEADROOM, values.HEADROOM);
    set(layout.FRAG_RANDOM, this.router.random.u32());
  }

  #follow(source: ToDeviceOffer | null): void {
    if (source !== this.#source) {
      this.#source = source;
      this.#deviceMtu = Number.POSITIVE_INFINITY;
      source?.followMtu((mtu) => {
        if (this.#source !== source) return;
        this.#deviceMtu = mtu;
        this.#setMtu();
      });
    }
    this.#setMtu();
  }

  #setMtu(): void {
    // A device below the least that IPv4 can be cut to carries nothing.
    const mtu = Math.max(8, Math.min(this.#mtu, this.#deviceMtu));
    this.memory.set32(this.stateArea + layout.FRAG_MTU, mtu);
  }

  override push(_port: number, batch: Batch): void {
    const { memory, stateArea } = this;
    const out = this.router.batches.acquire();
    const bad = this.router.batches.acquire();
    memory.set32(stateArea + layout.FRAG_NEXT, 0);
    let next = 0;
    while (next < batch.count) {
      const before = memory.get64(this.state + layout.FRAG_DROPS);
      memory.set32(stateArea + layout.FRAG_NEXT, next);
      out.count = memory.kernels.ipFragment(this.state, batch.address, batch.count, out.address, bad.address);
      next = memory.get32(stateArea + layout.FRAG_NEXT);
      bad.count = memory.get32(stateArea + layout.FRAG_BAD);
      if (bad.count > 0) {
        this.#report(bad, before);
        this.pushOrKill(1, bad);
      }
      this.outputs[0].push(out);
    }
    batch.count = 0; // every packet of it is in another batch, or back in the pool
    this.router.batches.release(bad);
    this.router.batches.release(out);
  }

  #report(bad: Batch, before: number): void {
    const { memory } = this;
    for (let i = 0; i < bad.count && (this.#verbose || before + i < REPORTS); i++) {
      const header = memory.get32(bad.at(i) + SLOT_NETWORK);
      if (memory.u8[header] >> 4 !== 4) continue;
      const source = ipText(ipNumber(memory.u8, header + IPV4_SOURCE));
      const destination = ipText(ipNumber(memory.u8, header + IPV4_DESTINATION));
      const length = memory.get32(bad.at(i) + SLOT_LENGTH);
      const mtu = memory.get32(bad.at(i) + SLOT_MTU);
      this.router.log(`IPFragmenter(${mtu}) DF ${source} ${destination} len=${length}`);
    }
  }
}
