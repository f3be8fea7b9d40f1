// Sends the Map-Requests of resolutions to Map-Resolvers, no more than a rate.

import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import { TokenBucket } from "../../router/token-bucket.js";
import { encodeLispControl } from "../../wire/lisp-control/message.js";
import type { ControlChannel } from "../control/control-channel.js";
import { encapsulatedRequest } from "../control/map-requests.js";
import { nonceText } from "../control/nonce-policy.js";
import type { Resolution } from "./resolutions.js";
import type { ServerList } from "./server-list.js";

export interface MapRequestSenderOptions {
  readonly clock: Clock;
  readonly channel: ControlChannel;
  /** Output of the element. */
  readonly port: number;
  readonly servers: ServerList;
  /** Our RLOCs: the ITR-RLOCs. */
  readonly rlocs: readonly Uint8Array[];
  /** Whether they are a proxy ITR's (RFC 6832). */
  readonly proxy: boolean;
  /** Map-Requests a second, and at once. */
  readonly rate: number;
  readonly count: (what: "requests" | "rate" | "no_slot") => void;
}

export class MapRequestSender {
  readonly #options: MapRequestSenderOptions;
  readonly #bucket: TokenBucket;

  constructor(options: MapRequestSenderOptions) {
    this.#options = options;
    this.#bucket = TokenBucket.full(options.rate, options.rate, options.clock.now());
  }

  /** Sends the next Map-Request of a resolution; returns the Map-Resolver's index, -1 when none was asked. */
  send(resolution: Resolution, nonce: bigint): number {
    const { clock, channel, port, servers, rlocs, proxy, count } = this.#options;
    const { trace } = resolution;
    const now = clock.now();
    if (this.#bucket.take(1, now) === 0) {
      count("rate");
      trace?.add({ event: "not-sent", because: "rate" });
      return -1;
    }
    const index = servers.choose(resolution.sent === 1 ? -1 : resolution.resolver);
    if (index < 0) {
      trace?.add({ event: "not-sent", because: "no-resolver" });
      return -1;
    }
    const { address, source } = servers.at(index);
    const message = encapsulatedRequest({ ...resolution, proxyItr: proxy }, nonce, rlocs, source, address);
    servers.asked(index);
    count("requests");
    trace?.add({
      event: "request",
      number: resolution.sent,
      to: addressText(address),
      from: addressText(source),
      nonce: nonceText(nonce),
      waiting: resolution.held.length,
      timeout: (resolution.timer.expiry - now) / 1e9,
    });
    if (!channel.send({ source, destination: address, payload: encodeLispControl(message) }, port)) {
      count("no_slot");
      trace?.add({ event: "not-sent", because: "no-slot" });
    }
    return index;
  }
}
