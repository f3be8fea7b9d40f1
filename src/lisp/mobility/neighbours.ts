// What an xTR says to its site, and hears there, for the sake of hosts that come and go.

import { sameAddress } from "../../net/address.js";
import { covers } from "../../net/prefix.js";
import { announcement, answer, type Heard, hear, question } from "./frames.js";
import type { MobileHosts } from "./hosts.js";
import { type DynamicRange, isRouter, rangeOf } from "./ranges.js";

export interface NeighboursOptions {
  readonly ranges: readonly DynamicRange[];
  /** Our hardware address in the site. */
  readonly ether: Uint8Array;
  readonly hosts: () => MobileHosts;
  /** Whether an address is out of the site's own prefixes. */
  readonly home: (eid: Uint8Array) => boolean;
  /** Sends an Ethernet frame to the site. */
  readonly send: (frame: Uint8Array) => void;
}

export class Neighbours {
  readonly #options: NeighboursOptions;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Takes a frame from the site: `answered` when it was a question that got an answer. */
  take(frame: Uint8Array): "malformed" | "answered" | "heard" {
    const heard = hear(frame);
    if (heard === null) return "malformed";
    const { sender, asks } = heard;
    if (sender === null) return "heard";
    // Our own addresses are no hosts', whoever says that he has them.
    if (!this.#options.ranges.some((range) => isRouter(range, sender))) this.#from(sender, heard);
    return asks !== null && this.#answer(heard, asks, sender) ? "answered" : "heard";
  }

  #from(eid: Uint8Array, { mac, answers }: Heard): void {
    const { ranges, hosts } = this.#options;
    const range = rangeOf(ranges, eid);
    if (range === null && hosts().get(eid) === null) return;
    const answered = range !== null && answers !== null && sameAddress(answers, range.routers[0]);
    hosts().heard(eid, mac, answered);
  }

  /** Answers for the default routers and subnets of hosts from elsewhere, and for hosts of ours that are elsewhere. */
  #answer(heard: Heard, asks: Uint8Array, sender: Uint8Array): boolean {
    const { ranges, hosts, home, ether, send } = this.#options;
    const host = hosts().get(asks);
    const range = rangeOf(ranges, asks);
    const foreign = range !== null && !home(asks) && covers(range, sender);
    if (host === null ? !foreign : host.state !== "away") return false;
    send(answer(heard, ether, range !== null && isRouter(range, asks)));
    return true;
  }

  /** Asks the site for a host, in the name of its default router; returns false where it has none. */
  ask(eid: Uint8Array): boolean {
    const { ranges, ether, send } = this.#options;
    const router = rangeOf(ranges, eid)?.routers[0];
    if (router === undefined) return false;
    send(question(eid, router, ether));
    return true;
  }

  /** Tells the site that a host is reached at `mac`; null: through us. */
  announce(eid: Uint8Array, mac: Uint8Array | null): void {
    const { ether, send } = this.#options;
    send(announcement(eid, mac ?? ether, ether));
  }
}
