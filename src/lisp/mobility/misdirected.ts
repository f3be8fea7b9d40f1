// Packets of the site in frames for other hardware addresses than ours: their senders may know a host that has left, or their
// default router before they came here, by an address where nobody hears them.

import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import {
  ETHERNET_HEADER,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  ETHERTYPE_IP,
  ETHERTYPE_IP6,
} from "../../wire/ethernet.js";
import { IPV4_DESTINATION, IPV4_HEADER, IPV4_SOURCE } from "../../wire/ipv4.js";
import { IPV6_DESTINATION, IPV6_HEADER, IPV6_SOURCE } from "../../wire/ipv6.js";
import { IntervalLimit } from "../limits/interval-limit.js";

/** What such a frame says. Addresses of 4 or 16 bytes, hardware addresses of 6. */
export interface MisdirectedPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface MisdirectedOptions {
  readonly clock: Clock;
  /** Senders a second that are told, and at once; those that are remembered. */
  readonly rate: number;
  readonly burst: number;
  readonly capacity: number;
  /** Tells who sent it what it needs to know, if there is anything and it `may` be told. */
  readonly correct: (packet: MisdirectedPacket, may: () => boolean) => void;
}

/** Between two times that one is told of the same, nanoseconds: what comes sooner is on its way already. */
const INTERVAL = 1e9;

export class Misdirected {
  readonly #options: MisdirectedOptions;
  readonly #limit: IntervalLimit;

  constructor(options: MisdirectedOptions) {
    this.#options = options;
    const { clock, rate, burst, capacity } = options;
    this.#limit = new IntervalLimit({ clock, rate, burst, capacity, interval: INTERVAL });
  }

  /** Takes such a frame. */
  take(frame: Uint8Array): void {
    if (frame.length < ETHERNET_HEADER || (frame[ETHERNET_SOURCE] & 1) !== 0) return;
    const etherType = (frame[ETHERNET_TYPE] << 8) | frame[ETHERNET_TYPE + 1];
    const four = etherType === ETHERTYPE_IP;
    if (!four && etherType !== ETHERTYPE_IP6) return;
    if (frame.length < ETHERNET_HEADER + (four ? IPV4_HEADER : IPV6_HEADER)) return;
    const at = (offset: number): Uint8Array =>
      frame.slice(ETHERNET_HEADER + offset, ETHERNET_HEADER + offset + (four ? 4 : 16));
    const source = at(four ? IPV4_SOURCE : IPV6_SOURCE);
    const destination = at(four ? IPV4_DESTINATION : IPV6_DESTINATION);
    const may = (): boolean => this.#limit.allow(`${addressText(source)} ${addressText(destination)}`);
    const [to, from] = [frame.slice(0, ETHERNET_SOURCE), frame.slice(ETHERNET_SOURCE, ETHERNET_TYPE)];
    this.#options.correct({ source, destination, from, to }, may);
  }
}
