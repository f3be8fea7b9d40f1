import { LISP_KEYS } from "../../../assembly/layout.js";
import * as layout from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { addressScope, addressText, isRoutable } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../../src/router/handler.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { E_BIT, L_BIT, V_BIT } from "../../../src/wire/lisp-data.js";

const args = {
  MTU: {
    type: "unsigned",
    default: "1500",
    min: 128,
    max: 65535,
    doc: "largest outer packet, bytes: L of RFC 9300, section 7.1",
  },
  DEVICE: {
    type: "element",
    doc: "the ToDevice that the packets leave by: what its device carries counts where it is less than MTU",
  },
  DF: {
    type: "choice",
    choices: ["set", "clear", "copy"],
    default: "set",
    doc: "DF bit of an outer IPv4 header; copy: the inner IPv4 header's, set for IPv6",
  },
  TTL: { type: "unsigned", default: "0", max: 255, doc: "outer TTL; 0: copied from the inner header" },
  DSCP: { type: "int", default: "-1", min: -1, max: 63, doc: "outer DSCP; -1: copied from the inner header" },
  ECN: {
    type: "bool",
    default: "true",
    doc: "copy the ECN field (RFC 6040's normal mode); false: Not-ECT (its compatibility mode)",
  },
  FLOW_LABEL: {
    type: "bool",
    default: "true",
    doc: "flow label of an outer IPv6 header from the inner flow (RFC 6438); false: 0",
  },
  NONCE: { type: "bool", default: "false", doc: "send a nonce (N bit), one of its own for each RLOC" },
  ECHO: { type: "bool", default: "false", doc: "ask everybody to echo the nonce (E bit); needs NONCE" },
  VERSION: {
    type: "unsigned",
    default: "0",
    max: 4095,
    doc: "Source Map-Version Number: send Map-Versions (V bit) where the destination's mapping has one; 0: do not. Not with NONCE",
  },
  STATUS_BITS: {
    type: "long",
    default: "-1",
    min: -1,
    max: 4294967295,
    doc: "Locator-Status-Bits of our site to send (L bit); -1: none",
  },
  IID: {
    type: "choice",
    choices: ["auto", "always", "never"],
    default: "auto",
    doc: "send the packet's instance ID (I bit); auto: when it is not 0",
  },
  RLOC: {
    type: "address",
    positional: true,
    rest: true,
    doc: "source RLOC: an IPv4 address, an IPv6 address, or one of each",
  },
} as const;

/**
 * Puts outer IP, UDP and LISP headers in front of packets.
 *
 * Expects what LISPMapCache leaves on a packet: the locator in the route annotation, instance ID, flow hash. The
 * outer header is of the locator's family, with the source RLOC of that family; a packet that would need a family
 * that has none is dropped. Header fields follow RFC 9300, section 5.3: TTL and DSCP copied, ECN as RFC 6040 says,
 * UDP checksum 0, UDP source port from the inner flow, 49152 to 65535. The destination annotation is set to the
 * locator's address, network and transport headers to the outer ones. What follows the inner packet (padding) goes.
 *
 * A packet too large for MTU, or for the path to its locator where the control plane knows that, goes to output 1 as
 * it came, with the largest size that would pass in its MTU annotation: to be fragmented or answered with an ICMP
 * error (RFC 9300, section 7).
 *
 * What the control plane wants said to an RLOC (a nonce to echo, or an echo) takes the place of NONCE and VERSION.
 * LISPMapVersion and LISPLocatorStatus have it say what holds for the EID-prefix that a packet comes from.
 *
 * @input 0 IP packets with a locator
 * @output 0 encapsulated packets, from the outer IP header on
 * @output 1 packets too large for the path (optional)
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
 *     -> LISPMapCache(10.2.0.0/16 192.0.2.1 2001:db8::1/2)
 *     -> LISPEncap(192.0.2.9, 2001:db8::9, NONCE true) -> Discard
 * @see LISPMapCache, LISPDecap, IPFragmenter, ICMPError, LISPEchoNonce, LISPLocatorStatus, LISPMapVersion
 */
export class LISPEncap extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    counters: { count: "packets encapsulated", too_big: "packets too large for the path" },
    drops: {
      no_locator: "no locator from LISPMapCache",
      no_source: "no source RLOC of the locator's address family",
      no_headroom: "no room for the outer headers",
      bad_packet: "inner packet is neither IPv4 nor IPv6, or cut short",
      locator_gone: "the locator has gone from LISPMapCache since, while the packet waited",
    },
    state: layout.ENCAP_AREA_SIZE,
    handlers: {
      mtu: { read: true, write: true, doc: "largest outer packet, bytes" },
      status_bits: { read: true, write: true, doc: "Locator-Status-Bits sent, -1 for none" },
    },
  } as const satisfies ElementSpec;

  #mtu = 0;
  #deviceMtu = Number.POSITIVE_INFINITY;
  #nonces = false;
  /** Whether headers say something of the source EID's own mapping. */
  #signs = false;

  override offers(): Partial<Offers> {
    return { LISPEncap: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#nonces = values.NONCE;
    const four = values.RLOC.filter((a) => a.length === 4);
    const six = values.RLOC.filter((a) => a.length === 16);
    if (values.RLOC.length === 0) errors.error("no source RLOC given");
    for (const rloc of values.RLOC)
      if (!isRoutable(rloc)) errors.error(`${addressText(rloc)} can be no RLOC: it is ${addressScope(rloc)}`);
    if (four.length > 1 || six.length > 1) errors.error("more than one source RLOC of an address family");
    if (values.ECHO && !values.NONCE) errors.error("ECHO needs NONCE");
    if (values.VERSION !== 0 && values.NONCE)
      errors.error("NONCE and VERSION share a field: only one can be sent");
    const { memory, state } = this;
    const { view } = memory;
    const set = (at: number, value: number): void => memory.set32(state + at, value);
    if (four.length > 0) memory.u8.set(four[0], state + layout.ENCAP_SOURCE_4);
    if (six.length > 0) memory.u8.set(six[0], state + layout.ENCAP_SOURCE_6);
    set(layout.ENCAP_HAS_6, six.length > 0 ? 1 : 0);
    this.#mtu = values.MTU;
    set(layout.ENCAP_MTU, values.MTU);
    offerOf(values.DEVICE, "ToDevice", "DEVICE", errors)?.followMtu((mtu) => {
      this.#deviceMtu = mtu;
      this.#setMtu(this.#mtu);
    });
    // Bits of an IPv4 header's first 8 bytes: traffic class in the second, DF in the seventh.
    const tos = (values.DSCP < 0 ? 0xfc : 0) | (values.ECN ? 3 : 0);
    set(layout.ENCAP_COPY, tos << 8);
    set(layout.ENCAP_COPY + 4, values.DF === "copy" ? 0x400000 : 0);
    set(layout.ENCAP_TOS, Math.max(0, values.DSCP) << 2);
    set(layout.ENCAP_DF, values.DF === "set" ? 0x40 : 0);
    set(layout.ENCAP_TTL_MASK, values.TTL === 0 ? 0xff : 0);
    set(layout.ENCAP_TTL, values.TTL);
    set(layout.ENCAP_LABEL, values.FLOW_LABEL ? 0xfffff : 0);
    set(layout.ENCAP_NONCE_MASK, values.NONCE ? 0xffffffff : 0);
    const flags = (values.ECHO ? E_BIT : 0) | (values.VERSION > 0 ? V_BIT : 0);
    view.setUint32(state + layout.ENCAP_WORD, (flags << 24) | (values.VERSION << 12));
    set(layout.ENCAP_IID, ["auto", "always", "never"].indexOf(values.IID));
    this.setStatusBits(values.STATUS_BITS < 0 ? null : values.STATUS_BITS);
  }

  override process(batch: Batch): void {
    const { kernels } = this.memory;
    const counts = this.#signs
      ? kernels.lispEncapSources(this.state, batch.address, batch.count, this.rejects)
      : kernels.lispEncap(this.state, batch.address, batch.count, this.rejects);
    if (counts === batch.count) return;
    const big = this.router.batches.collect(counts >>> 10);
    batch.count = counts & 1023;
    if (big.count > 0) this.pushOrKill(1, big);
    this.router.batches.release(big);
  }

  /** Locator-Status-Bits of our site to send from now on (8 of them with an instance ID); null: none, the L bit is clear. */
  setStatusBits(bits: number | null): void {
    this.memory.set32(this.state + layout.ENCAP_L_BIT, bits === null ? 0 : L_BIT);
    this.memory.set32(this.state + layout.ENCAP_LSB, bits ?? 0);
    this.#changed();
  }

  get statusBits(): number | null {
    if (this.memory.get32(this.state + layout.ENCAP_L_BIT) === 0) return null;
    return this.memory.get32(this.state + layout.ENCAP_LSB);
  }

  /**
   * From now on the header of each packet says what the record of its source EID does, `root` being that of the site's
   * SiteRecords: Locator-Status-Bits in place of STATUS_BITS, and the Source Map-Version where Map-Versions are sent.
   */
  signSources(root: number): void {
    this.memory.set32(this.state + layout.ENCAP_SITE, root);
    this.#signs = true;
  }

  /** Sends Map-Versions from now on, where the destination's mapping has one; false where it sends nonces in their place. */
  sendVersions(): boolean {
    if (this.#nonces) return false;
    const { u8 } = this.memory;
    u8[this.state + layout.ENCAP_WORD] |= V_BIT;
    this.#changed();
    return true;
  }

  #setMtu(mtu: number): void {
    this.#mtu = mtu;
    this.memory.set32(this.state + layout.ENCAP_MTU, Math.min(mtu, this.#deviceMtu));
    this.#changed();
  }

  /** Headers prepared in RLOC records do not hold any more. */
  #changed(): void {
    const key = this.memory.get32(LISP_KEYS) + 1;
    this.memory.set32(LISP_KEYS, key);
    this.memory.set32(this.state + layout.ENCAP_KEY, key);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      mtu: valueHandler(
        args.MTU,
        () => this.memory.get32(this.state + layout.ENCAP_MTU),
        (mtu) => this.#setMtu(mtu),
      ),
      status_bits: valueHandler(
        args.STATUS_BITS,
        () => this.statusBits ?? -1,
        (bits) => this.setStatusBits(bits < 0 ? null : bits),
      ),
    };
  }
}
