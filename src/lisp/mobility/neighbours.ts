// What an xTR says to its site, and hears there, for the sake of hosts that come and go.

import { addressText, sameAddress } from "../../net/address.js";
import { linkLocalAddress } from "../../net/mac.js";
import { covers } from "../../net/prefix.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { announcement, answer, type Heard, hear, introduction, question } from "./frames.js";
import type { MobileHosts } from "./hosts.js";
import type { MisdirectedPacket } from "./misdirected.js";
import { type DynamicRange, isRouter, rangeOf } from "./ranges.js";

export interface NeighboursOptions {
  readonly ranges: readonly DynamicRange[];
  /** Our hardware address in the site. */
  readonly ether: Uint8Array;
  /** Our addresses in the site; none: each default router of the site's own ranges is one. */
  readonly own: readonly Uint8Array[];
  /** How often the site is told of a host that comes or goes. */
  readonly times: number;
  readonly timers: TimerGroup;
  readonly hosts: () => MobileHosts;
  /** Whether an address is out of the site's own prefixes. */
  readonly home: (eid: Uint8Array) => boolean;
  /** Asks the site for a host. */
  readonly ask: (eid: Uint8Array) => void;
  /** Sends an Ethernet frame to the site. */
  readonly send: (frame: Uint8Array) => void;
}

/** What the site is still told of a host. */
interface Telling {
  readonly timer: Timer;
  left: number;
}

/** Nanoseconds between two times (RFC 4861, section 10: RETRANS_TIMER). Linux ignores what comes sooner after a change. */
const TELL_INTERVAL = 1e9;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #ownLocal: Uint8Array;
  readonly #tellings = new Map<string, Telling>();

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#ownLocal = linkLocalAddress(options.ether);
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
    const answered = range !== null && answers !== null && sameAddress(answers, this.#routersOf(range)[0]);
    hosts().heard(eid, mac, answered);
  }

  /** Answers for the default routers and subnets of hosts from elsewhere, and for hosts of ours that are elsewhere. */
  #answer(heard: Heard, asks: Uint8Array, sender: Uint8Array): boolean {
    const { ranges, hosts, home, ether, send } = this.#options;
    const host = hosts().get(asks);
    const range = rangeOf(ranges, asks);
    // Hosts ask for a router's link-local address from their own: of which range they are does not show.
    const router = range === null ? this.#isVisitorsRouter(asks) : isRouter(range, asks);
    const foreign = range === null ? router : !home(asks) && covers(range, sender);
    if (host === null ? !foreign : host.state !== "away") return false;
    send(answer(heard, ether, router));
    return true;
  }

  /** Whether an address that is in no range is a default router of hosts from elsewhere. */
  #isVisitorsRouter(address: Uint8Array): boolean {
    const { ranges, home } = this.#options;
    return !this.#isOwn(address) && ranges.some((range) => isRouter(range, address) && !home(range.address));
  }

  #isOwn(router: Uint8Array): boolean {
    return sameAddress(router, this.#ownLocal) || this.#options.own.some((own) => sameAddress(own, router));
  }

  /** The default routers of a range's hosts that we are: all while they are elsewhere's, our own addresses at home. */
  #routersOf(range: DynamicRange): readonly Uint8Array[] {
    const { own, home } = this.#options;
    if (own.length === 0 || !home(range.address)) return range.routers;
    const ours = range.routers.filter((router) => this.#isOwn(router));
    return ours.length === 0 ? range.routers.slice(0, 1) : ours;
  }

  /** Asks the site for a host, in the name of its default router; returns false where it has none. */
  ask(eid: Uint8Array): boolean {
    const { ranges, ether, send } = this.#options;
    const range = rangeOf(ranges, eid);
    if (range === null) return false;
    send(question(eid, this.#routersOf(range)[0], ether, ether));
    return true;
  }

  /**
   * Tells the site where a host is, which has come or gone: its neighbours the hardware address at which they reach it,
   * itself that of its default routers. At once, and again: it may have been told before its port was up.
   */
  tell(eid: Uint8Array): void {
    const { times, timers } = this.#options;
    const name = addressText(eid);
    this.#tellings.get(name)?.timer.unschedule();
    this.#tellings.delete(name);
    if (times === 0) return;
    const telling: Telling = { timer: timers.timer(() => this.#tellAgain(name, eid, telling)), left: times };
    this.#tellings.set(name, telling);
    this.#tellAgain(name, eid, telling);
  }

  #tellAgain(name: string, eid: Uint8Array, telling: Telling): void {
    if (--telling.left > 0) telling.timer.scheduleAfter(TELL_INTERVAL);
    else this.#tellings.delete(name);
    const { ranges, ether, hosts, home, send } = this.#options;
    const host = hosts().get(eid);
    if (host === null || host.state === "away") {
      // Of one of this site that is nowhere known it is not for us to say where it is.
      if (host !== null || !home(eid)) send(announcement(eid, ether, ether));
      return;
    }
    const range = rangeOf(ranges, eid);
    if (host.mac !== null) {
      if (host.answered) send(announcement(eid, host.mac, ether));
      if (range !== null)
        for (const router of this.#routersOf(range))
          send(introduction(router, ether, true, eid, host.mac, ether));
    }
    // Its answer is for switches to see. Until then it may probe for duplicates (RFC 4862, section 5.4; RFC 5227, section
    // 2.1.1): whoever tells others of its address then takes it away from it.
    if (!host.answered) this.#options.ask(eid);
  }

  /**
   * A frame with this packet was not for us, and perhaps for nobody: its sender is told where the destination is, or its
   * default routers are, where that `may` be said. Returns whether it was.
   */
  correct({ source, destination, from, to }: MisdirectedPacket, may: () => boolean): boolean {
    const { ranges, ether, hosts, home, send } = this.#options;
    const host = hosts().get(source);
    const range = rangeOf(ranges, source);
    if (range === null || (host === null ? !home(source) : host.state === "away")) return false;
    const tell = (address: Uint8Array, mac: Uint8Array, router: boolean): void =>
      send(introduction(address, mac, router, source, from, ether));
    if (!covers(range, destination)) {
      // Of hosts that do not move others may be the routers.
      if (host === null || !may()) return false;
      for (const router of this.#routersOf(range)) tell(router, ether, true);
      return true;
    }
    const there = hosts().get(destination);
    if (there === null && home(destination)) {
      // One that is back may know its neighbour by the address of a router elsewhere; only the neighbour knows its own.
      if (host === null || !may()) return false;
      send(question(destination, source, from, ether));
      return true;
    }
    const away = there === null || there.state === "away";
    const mac = away ? ether : there.mac;
    if (mac === null || sameAddress(mac, to) || !may()) return false;
    tell(destination, mac, away && isRouter(range, destination));
    return true;
  }
}
