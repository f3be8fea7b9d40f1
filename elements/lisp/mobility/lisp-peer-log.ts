import * as layout from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { MappingError, parseEidAndInstance } from "../../../src/lisp/mapping.js";
import type { DecapOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { type LoggedPeer, PeerLog } from "../../../src/lisp/tables/peer-log.js";
import { addressText } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";

const args = {
  DECAP: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPDecap before input 0, which remembers its PEERS",
  },
  CAPACITY: {
    type: "unsigned",
    default: "8192",
    min: 8,
    max: 1048576,
    doc: "pairs of EID and peer that are kept; of more, those that were silent longest make room",
  },
  ACTIVE: {
    type: "bool",
    default: "true",
    doc: "keep them from the start: otherwise only once a LISPMobility needs them",
  },
} as const;

/**
 * Keeps, for each EID of the site, the peers (RLOCs) that it exchanges packets with.
 *
 * Packets pass unchanged. When an EID moves, these are the tunnel routers to tell.
 *
 * @input 0 packets from peers: output 0 of LISPDecap
 * @input 1 packets to peers: output 0 of LISPMapCache
 * @output 0 the packets of input 0
 * @output 1 the packets of input 1
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
 *     -> LISPMapCache(10.2.0.0/16 192.0.2.1) -> [1] log :: LISPPeerLog(decap);
 * log[1] -> LISPEncap(192.0.2.9) -> decap :: LISPDecap(PEERS 16) -> log -> Discard
 * @see LISPMobility, LISPDecap, LISPMapCache
 */
export class LISPPeerLog extends Element {
  static readonly spec = {
    ports: "2/2",
    processing: "h/h",
    flow: "xy/xy",
    args,
    state: layout.PEERLOG_SIZE,
    handlers: {
      table: {
        read: true,
        params: true,
        expensive: true,
        doc: "every pair: instance ID, EID, peer's RLOC, packets from there, packets to there, seconds since the last; of one EID where `EID [iid N]` is given",
      },
      clear: { write: true, button: true, doc: "forgets all" },
    },
  } as const satisfies ElementSpec;

  #decap: DecapOffer | null = null;
  #log: PeerLog | null = null;
  #capacity = 0;

  override offers(): Partial<Offers> {
    return { LISPPeerLog: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#decap = offerOf(values.DECAP, "LISPDecap", "DECAP", errors);
    this.#capacity = values.CAPACITY;
    if (values.ACTIVE) this.start();
  }

  /** Begins to keep peers; no effect when it does already. */
  start(): void {
    if (this.#log === null) this.#adopt(new PeerLog(this.memory, this.#capacity));
  }

  #adopt(log: PeerLog): void {
    this.#log = log;
    this.memory.set32(this.state + layout.PEERLOG_TABLE, log.address);
    this.memory.set32(this.state + layout.PEERLOG_MASK, log.places - 1);
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPPeerLog) || old.#log === null || this.#log?.places !== old.#log.places) return;
    this.#log.destroy();
    this.#adopt(old.#log);
    old.#log = null;
  }

  override cleanup(): void {
    this.#log?.destroy();
    this.#log = null;
  }

  override push(port: number, batch: Batch): void {
    if (this.#log !== null) this.#note(port, batch);
    this.outputs[port].push(batch);
  }

  #note(port: number, batch: Batch): void {
    const { kernels } = this.memory;
    const now = this.router.clock.now();
    if (port === 1) {
      kernels.lispLogTo(this.state, batch.address, batch.count, now);
      return;
    }
    const peers = this.#decap!.peers;
    this.memory.set32(this.state + layout.PEERLOG_PEERS, peers?.address ?? 0);
    this.memory.set32(
      this.state + layout.PEERLOG_PEERS_SIZE,
      peers === null ? 0 : peers.places * layout.PEER_SIZE,
    );
    kernels.lispLogFrom(this.state, batch.address, batch.count, now);
  }

  /** The peers of an EID. */
  peers(iid: number, eid: Uint8Array): IterableIterator<LoggedPeer> {
    return (this.#log?.of(iid, eid) ?? [].values()) as IterableIterator<LoggedPeer>;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      table: { read: (text) => this.#list(text) },
      clear: { write: () => this.#log?.clear() },
    };
  }

  #list(text: string): string {
    const now = this.router.clock.now();
    const line = (p: LoggedPeer): string =>
      `${p.iid} ${addressText(p.eid)} ${addressText(p.rloc)} ${p.from} ${p.to} ${((now - p.seen) / 1e9).toFixed(3)}\n`;
    if (text.trim() === "") return [...(this.#log?.entries() ?? [])].map(line).join("");
    const { iid, eid } = asHandlerError(() => parseEidAndInstance(text), MappingError);
    return [...this.peers(iid, eid.address)].map(line).join("");
  }
}
