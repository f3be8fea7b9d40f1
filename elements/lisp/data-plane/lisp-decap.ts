import * as layout from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { HeaderVerifier } from "../../../src/lisp/data-plane/header-verifier.js";
import type { MobilityOffer, SiteOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { Instances } from "../../../src/lisp/tables/instances.js";
import { type Peer, type PeerNews, PeerTable } from "../../../src/lisp/tables/peer-table.js";
import { addressText } from "../../../src/net/address.js";
import { IID_MAX } from "../../../src/net/eid.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { listenersOf } from "../../../src/router/listeners.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";

const args = {
  PORT: { type: "ip_port", protocol: 17, default: "4341", doc: "UDP port of LISP data" },
  CHECKSUM: {
    type: "bool",
    default: "true",
    doc: "verify UDP checksums; 0 (none) is accepted for IPv4 and IPv6",
  },
  DSCP: { type: "bool", default: "true", doc: "copy the outer DSCP to the inner header" },
  IID: {
    type: "unsigned",
    many: true,
    max: IID_MAX,
    doc: "an instance ID to accept (0: also packets without one), may be repeated; without it only 0 is",
  },
  ALL_IIDS: {
    type: "bool",
    default: "false",
    doc: "accept every instance ID: for graphs that heed the instance ID annotation behind it",
  },
  PEERS: {
    type: "unsigned",
    default: "0",
    max: 1048576,
    doc: "senders to remember what their LISP headers said; 0: none",
  },
  SITE: {
    type: "element",
    doc: "the LISPSite of the site behind it: nobody sends from its EIDs out of other sites",
  },
  MOBILITY: {
    type: "element",
    doc: "the LISPMobility that knows which hosts of SITE may be elsewhere, and do send from there",
  },
} as const;

/**
 * Takes outer IP, UDP and LISP headers off packets.
 *
 * Input packets are IP packets to UDP port 4341, their outer header at the network header annotation or at the start
 * of the data; header checksums are CheckIPHeader's business. After the checks of RFC 9300, section 5.3, the inner
 * TTL becomes the outer one if that is less (a packet without any hop left is dropped), the outer DSCP is copied, ECN
 * fields are merged as RFC 6040 says, and what is not the inner packet is cut off. The inner packet leaves with its network header set and its instance ID
 * annotation: 0 if the LISP header had none. Instance IDs that are not served here are refused: EIDs of one instance
 * say nothing in another (RFC 9300, section 8).
 *
 * With PEERS it notes of each sender (source RLOC and instance ID) its last nonce, Map-Versions and
 * Locator-Status-Bits, and tells the control plane when they change. LISPMapVersion and LISPLocatorStatus have it
 * verify what headers say of mappings.
 *
 * @input 0 encapsulated packets
 * @output 0 inner packets
 * @output 1 packets it refuses (optional)
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
 *     -> LISPMapCache(10.2.0.0/16 192.0.2.1) -> LISPEncap(192.0.2.9, NONCE true)
 *     -> LISPDecap(PEERS 16) -> Discard
 * @see LISPEncap, LISPClassifier, LISPEchoNonce, LISPLocatorStatus, LISPMapVersion
 */
export class LISPDecap extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    counters: { count: "packets decapsulated" },
    drops: {
      truncated: "cut short within the outer headers, or shorter than they say",
      not_lisp: "not a UDP packet to the LISP data port",
      fragment: "outer packet is a fragment",
      bad_length: "outer header or UDP length cannot be",
      bad_checksum: "UDP checksum is wrong",
      encrypted: "encrypted, and there is no key",
      unknown_iid: "instance ID is not one of ours",
      bad_inner: "inner packet is neither IPv4 nor IPv6, or longer than its datagram",
      bad_ecn: "congestion experienced outside, and the inner packet does not know ECN",
      null_version: "Map-Versions, though ours for its destination is none, or its own for us is",
      newer_version: "Destination Map-Version newer than that of our mapping",
      older_version: "Destination Map-Version older than any that is still allowed to its sender",
      older_source: "Source Map-Version older than that of the mapping we have of its sender",
      expired: "no hop is left: the inner TTL or hop limit is 0, or the outer one",
      own_source: "inner source is an EID of this site: forged, or a loop",
    },
    state: layout.DECAP_AREA_SIZE,
    handlers: {
      peers: {
        read: true,
        expensive: true,
        doc: "every sender remembered: RLOC, instance ID, packets, nonce, Map-Versions, Locator-Status-Bits; - for what it never sent",
      },
    },
  } as const satisfies ElementSpec;

  #expected: Instances | null = null;
  #site: SiteOffer | null = null;
  #hosts: MobilityOffer | null = null;
  #peers: PeerTable | null = null;
  #verifier: HeaderVerifier | null = null;
  readonly #listeners = listenersOf<[news: PeerNews]>(this, "its peers");

  override offers(): Partial<Offers> {
    return { LISPDecap: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { memory, state } = this;
    memory.set32(state + layout.DECAP_PORT, ((values.PORT & 0xff) << 8) | (values.PORT >>> 8));
    memory.set32(state + layout.DECAP_CHECK, values.CHECKSUM ? 1 : 0);
    memory.set32(state + layout.DECAP_DSCP, values.DSCP ? 0xfc : 0);
    if (values.ALL_IIDS && values.IID.length > 0) errors.error("IID and ALL_IIDS exclude each other");
    if (!values.ALL_IIDS) for (const iid of values.IID.length > 0 ? values.IID : [0]) this.expect(iid);
    if (values.PEERS > 0) this.rememberPeers(values.PEERS);
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#hosts = offerOf(values.MOBILITY, "LISPMobility", "MOBILITY", errors);
  }

  override initialize(): void {
    const set = (at: number, value: number): void => this.memory.set32(this.state + at, value);
    if (this.#site !== null) set(layout.DECAP_SITE, this.#site.records.root);
    if (this.#hosts === null) return;
    set(layout.DECAP_HOSTS_4, this.#hosts.table.four.address);
    set(layout.DECAP_HOSTS_6, this.#hosts.table.six.address);
    set(layout.DECAP_HOSTS_IID, this.#hosts.iid);
  }

  /** A hot swap hands the peers over, and what the old one was told to remember of them. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPDecap) || old.#peers === null || this.#peers === null) return;
    if (old.#peers.places !== this.#peers.places) return;
    this.#peers.destroy();
    this.#adopt(old.#peers);
    old.#peers = null;
  }

  override cleanup(): void {
    this.#expected?.destroy();
    this.#peers?.destroy();
    this.#verifier?.destroy();
    this.#expected = null;
    this.#peers = null;
    this.#verifier = null;
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.lispDecap(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
    const news = this.memory.get32(this.state + layout.DECAP_EVENT_COUNT);
    if (news > 0) this.#peers!.deliver(news, (n) => this.#tell(n));
    this.#verifier?.deliver();
  }

  // ---- For the control plane --------------------------------------------------

  /** Accepts packets of this instance ID from now on; with ALL_IIDS, from the first call on only of those named so. */
  expect(iid: number): void {
    this.#expected ??= new Instances(this.memory);
    this.#expected.set(iid);
    this.memory.set32(this.state + layout.DECAP_ROOT, this.#expected.root);
    if (this.memory.get32(this.state + layout.DECAP_ONLY) === 0)
      this.memory.set32(this.state + layout.DECAP_ONLY, iid + 1);
  }

  /** Refuses packets of this instance ID from now on, if it was accepted by name. */
  unexpect(iid: number): void {
    this.#expected?.delete(iid);
    if (this.memory.get32(this.state + layout.DECAP_ONLY) === iid + 1)
      this.memory.set32(this.state + layout.DECAP_ONLY, 0);
  }

  /** Begins to remember senders, up to `capacity` (rounded up to a power of two); no effect when it does already. */
  rememberPeers(capacity: number): void {
    if (this.#peers === null) this.#adopt(new PeerTable(this.memory, capacity));
  }

  /** The senders remembered, and `awaitEcho`; null when it does not remember any. */
  get peers(): PeerTable | null {
    return this.#peers;
  }

  /** Calls `listener` with what is news about a peer, after the batch that brought it. Peers must be remembered. */
  onPeer(listener: (news: PeerNews) => void): void {
    this.#listeners.add(listener);
  }

  /** What Map-Versions and Locator-Status-Bits are verified by, from the first time it is asked for. Throws MemoryError. */
  get verifier(): HeaderVerifier {
    if (this.#verifier === null) {
      this.#verifier = new HeaderVerifier(this.memory, (line) =>
        this.router.log(`${this.declaration}: ${line}`),
      );
      this.memory.set32(this.state + layout.DECAP_VERIFY, this.#verifier.address);
    }
    return this.#verifier;
  }

  #tell(news: PeerNews): void {
    this.#listeners.tell(news);
  }

  #adopt(peers: PeerTable): void {
    this.#peers = peers;
    this.memory.set32(this.state + layout.DECAP_PEER_MASK, peers.places - 1);
    this.memory.set32(this.state + layout.DECAP_EVENTS, peers.events);
    this.memory.set32(this.state + layout.DECAP_PEERS, peers.address);
  }

  override handlers(): Record<string, HandlerCode> {
    return { peers: { read: () => [...(this.#peers?.peers() ?? [])].map(peerLine).join("") } };
  }
}

function peerLine(p: Peer): string {
  const nonce = (p.flags & 0x80) !== 0 ? String(p.nonce) : "-";
  const versions = (p.flags & 0x90) === 0x10 ? `${p.sourceVersion}/${p.destinationVersion}` : "-";
  const bits = (p.flags & 0x40) !== 0 ? `0x${p.statusBits.toString(16)}` : "-";
  return `${addressText(p.rloc)} ${p.iid} ${p.packets} ${nonce} ${versions} ${bits}\n`;
}
