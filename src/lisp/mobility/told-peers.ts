// Which peers have been told that a host has left, and who sends packets for it nevertheless.
//
// Where somebody else tells them (`quiet`), nobody is told for a while; and what they sent until then does not count.

import { LargeMap } from "../../collections/large-map.js";
import { addressText, sameAddress } from "../../net/address.js";
import type { Mapping } from "../mapping.js";
import type { LoggedPeer } from "../tables/peer-log.js";
import type { MobileHost } from "./mobile-host.js";

interface Told {
  /** Packets for the host at the last look. */
  packets: number;
  /** Steady nanoseconds until which others tell the peers; null: that is over. */
  quiet: number | null;
  /** By RLOC, packets from there when it was told last. */
  readonly peers: Map<string, number>;
}

export class ToldPeers {
  readonly #hosts = new LargeMap<string, Told>();

  /** The host has left: nobody has been told yet, and until `quiet`, if given, others tell. */
  begin(host: MobileHost, quiet: number | null): void {
    this.#hosts.set(addressText(host.eid), { packets: -1, quiet, peers: new Map() });
  }

  forget(host: MobileHost): void {
    this.#hosts.delete(addressText(host.eid));
  }

  /**
   * The RLOCs of those to tell at steady time `now`: who has sent packets for the host since it was told, but for where it is (`locators`).
   * `packets`: those for the host so far; `peers` is asked only when there are more.
   */
  due(
    now: number,
    host: MobileHost,
    locators: Mapping["locators"],
    packets: number,
    peers: () => Iterable<LoggedPeer>,
  ): Uint8Array[] {
    const told = this.#hosts.get(addressText(host.eid));
    if (told === undefined || told.packets === packets || now < (told.quiet ?? 0)) return [];
    told.packets = packets;
    const due: Uint8Array[] = [];
    const tell = told.quiet === null;
    told.quiet = null;
    for (const peer of peers()) {
      if (locators.some((l) => sameAddress(l.rloc, peer.rloc))) continue;
      const name = addressText(peer.rloc);
      if (told.peers.get(name) === peer.from) continue;
      told.peers.set(name, peer.from);
      if (tell) due.push(peer.rloc);
    }
    return due;
  }

  /** Takes over what was told before a hot swap. */
  adopt(former: ToldPeers): void {
    for (const [name, told] of former.#hosts) this.#hosts.set(name, told);
  }
}
