// Valid control messages for the world under test: with the nonces of what its elements have just sent, with right
// authentication, of every type.

import { type AuthenticationKey, authenticate } from "../../../src/lisp/control/authentication.js";
import type { Random } from "../../../src/router/random.js";
import {
  eidAddress,
  ipAddress,
  type LispAddress,
  NO_ADDRESS,
} from "../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../src/wire/lisp-control/encapsulated.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { type MapRequest, mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import {
  encodeLispControl,
  type LispControlMessage,
  type PlainControlMessage,
} from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord, XtrIds } from "../../../src/wire/lisp-control/record.js";
import {
  type MapNotify,
  type MapRegister,
  mapNotify,
  mapRegister,
} from "../../../src/wire/lisp-control/registration.js";
import { ip6 } from "../../packets.js";
import type { OnWire } from "./ends.js";

const v4 = (text: string): Uint8Array => Uint8Array.from(text.split("."), Number);

const RLOCS: readonly Uint8Array[] = [
  ...["192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.100", "192.0.2.77", "0.0.0.0", "224.0.0.1"].map(v4),
  ...["2001:db8:9::1", "2001:db8:9::100", "2001:db8:9::7", "ff02::1", "::"].map(ip6),
];
/** EIDs: of the sites, of others, of nobody. */
const NETS: readonly Uint8Array[] = [
  ...["10.1.0.0", "10.1.0.0", "10.2.0.0", "10.9.0.0", "10.50.0.0", "172.16.0.0"].map(v4),
  ...["fd01::", "fd01::", "fd05::"].map(ip6),
];

/** A key, and the algorithm that its owner uses it with. */
export interface Signer {
  readonly key: AuthenticationKey;
  readonly algorithm: number;
}

const signer = (id: number, secret: string, algorithm: number): Signer => ({
  key: { id, secret: Buffer.from(secret) },
  algorithm,
});
export const SIGNERS: readonly Signer[] = [
  signer(1, "secret-a", 2),
  signer(2, "newer-a", 3),
  signer(1, "secret-b", 1),
  signer(1, "hub", 2),
];

/** The messages of a kind that were sent last. */
const KEPT = 24;

export class LiveMessages {
  readonly #random: Random;
  /** What was sent last: to be answered. */
  readonly #requests: MapRequest[] = [];
  readonly #probes: MapRequest[] = [];
  readonly #registers: MapRegister[] = [];
  readonly #notifies: MapNotify[] = [];
  readonly #subscriptions: MapRequest[] = [];
  #nonce = 1n;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Takes note of a message of the world's. */
  sent({ message }: OnWire): void {
    if (message.type === "map-request" && message.probe) keep(this.#probes, message);
    else if (message.type === "map-register") keep(this.#registers, message);
    else if (message.type === "map-notify") keep(this.#notifies, message);
    else if (message.type === "encapsulated-control" && message.inner?.message.type === "map-request")
      keep(message.inner.message.ids === null ? this.#requests : this.#subscriptions, message.inner.message);
  }

  /** A message, and who can sign it. */
  next(): { readonly message: LispControlMessage; readonly signer: Signer } {
    const random = this.#random;
    const signer = this.#pick(SIGNERS);
    const kinds = [
      () => this.#answer(),
      () => this.#answer(),
      () => this.#probeAnswer(),
      () => this.#register(),
      () => this.#register(),
      () => this.#notify(),
      () => this.#acknowledgement(),
      () => this.#publication(),
      () => this.#request(),
      () => this.ecm(this.#request()),
      () => this.ecm(this.#request()),
      () => this.ecm(this.#subscription()),
      () => this.#smr(),
      () => mapRequest({ ...this.#request(), probe: true }),
    ];
    return { message: kinds[random.below(kinds.length)](), signer };
  }

  /** An address with 16 random low bits, in one of the nets. */
  eid(): Uint8Array {
    const address = this.#pick(NETS).slice();
    // Few of them, so that the same come again.
    address[address.length - 2] = this.#random.below(4);
    address[address.length - 1] = this.#random.below(16);
    return address;
  }

  rloc(): Uint8Array {
    return this.#pick(RLOCS);
  }

  record(): EidRecord {
    const random = this.#random;
    const address = this.eid();
    const bits = address.length * 8;
    const length = this.#pick([bits, bits, bits - 8, 16, 24, 8, 0]);
    const locators = Array.from({ length: random.below(4) }, () => this.locator(this.rloc()));
    return {
      ttl: this.#pick([1, 2, 5, 1440, 0, 0xffffffff]),
      eid: eidAddress(random.below(8) === 0 ? 7 : 0, address),
      maskLength: length,
      action: random.below(8),
      authoritative: random.below(4) > 0,
      version: random.below(4096),
      locators,
    };
  }

  locator(rloc: Uint8Array): RlocRecord {
    const random = this.#random;
    return {
      rloc: ipAddress(rloc),
      priority: this.#pick([1, 1, 2, 0, 255]),
      weight: this.#pick([100, 50, 0, 255]),
      mpriority: 255,
      mweight: 0,
      local: random.below(2) === 0,
      probed: random.below(4) === 0,
      reachable: random.below(8) > 0,
    };
  }

  ecm(message: PlainControlMessage): LispControlMessage {
    const random = this.#random;
    const inner = {
      ip: {
        version: 4,
        source: v4("10.9.0.1"),
        destination: v4("10.1.0.1"),
        tos: 0,
        id: random.below(65536),
        dontFragment: false,
        ttl: this.#pick([64, 1, 0, 255]),
        options: new Uint8Array(0),
      },
      sourcePort: this.#pick([4342, 4342, 1, 0xffff]),
      destinationPort: 4342,
      udpChecksum: null,
      message,
    } as const;
    return encapsulatedControl(inner, {
      ddt: random.below(8) === 0,
      ...(random.below(4) === 0 ? { reserved: random.below(4) << 24 } : {}),
    });
  }

  #records(): EidRecord[] {
    const length = this.#pick([1, 1, 1, 1, 1, 1, 2, 2, 5, 20]);
    return Array.from({ length }, () => this.record());
  }

  #answer(): LispControlMessage {
    const request = this.#requests.length > 0 ? this.#pick(this.#requests) : this.#request();
    const [asked] = request.records;
    const records = this.#records();
    if (asked !== undefined && this.#random.below(4) > 0)
      records[0] = { ...records[0], eid: asked.eid, maskLength: asked.maskLength };
    return mapReply({ nonce: request.nonce, records });
  }

  #probeAnswer(): LispControlMessage {
    const request = this.#probes.length > 0 ? this.#pick(this.#probes) : this.#request();
    return mapReply({ nonce: request.nonce, probe: true, records: this.#records() });
  }

  #register(): LispControlMessage {
    const random = this.#random;
    // Of one site, or few would be taken.
    const records = this.#records().map((r) =>
      random.below(4) === 0
        ? r
        : { ...r, eid: ipAddress(v4(`10.1.${random.below(4)}.${random.below(16)}`)), maskLength: 32 },
    );
    const forwards = this.#pick([1n, 1n, 1n, 5n, 0n]);
    this.#nonce += forwards;
    return mapRegister({
      nonce: this.#nonce,
      records,
      proxyReply: random.below(2) === 0,
      useTtl: random.below(4) === 0,
      merge: random.below(2) === 0,
      wantNotify: random.below(4) > 0,
      ids: random.below(2) === 0 ? this.ids() : null,
    });
  }

  ids(): XtrIds {
    return { xtrId: new Uint8Array(16).fill(this.#random.below(40)), siteId: new Uint8Array(8).fill(1) };
  }

  #notify(): LispControlMessage {
    const random = this.#random;
    if (this.#registers.length > 0 && random.below(2) === 0) {
      const { nonce, records } = this.#pick(this.#registers);
      return mapNotify({ type: "map-notify", nonce, records });
    }
    return mapNotify({ type: "map-notify", nonce: BigInt(random.u32()), records: this.#records() });
  }

  /** What answers a subscription, or publishes a change: the nonces that follow the Map-Request's. */
  #publication(): LispControlMessage {
    if (this.#subscriptions.length === 0) return this.#notify();
    const { nonce, ids, records } = this.#pick(this.#subscriptions);
    const said = this.#records();
    const [asked] = records;
    if (asked !== undefined) said[0] = { ...said[0], eid: asked.eid, maskLength: asked.maskLength };
    return mapNotify({
      type: "map-notify",
      nonce: BigInt.asUintN(64, nonce + this.#pick([0n, 0n, 1n, 1n, 2n, 3n, -1n, -9n])),
      ids,
      records: said,
    });
  }

  #acknowledgement(): LispControlMessage {
    if (this.#notifies.length === 0) return this.#notify();
    const { nonce, records, ids } = this.#pick(this.#notifies);
    return mapNotify({ type: "map-notify-ack", nonce, records, ids });
  }

  #request(): MapRequest {
    const random = this.#random;
    const one = (): MapRequest["records"][number] => {
      const address = this.eid();
      const bits = address.length * 8;
      return { eid: ipAddress(address), maskLength: this.#pick([bits, bits, 16, 0]), subscribe: false };
    };
    return mapRequest({
      nonce: BigInt(random.u32()),
      sourceEid: random.below(4) === 0 ? NO_ADDRESS : ipAddress(this.eid()),
      itrRlocs: Array.from({ length: 1 + random.below(3) }, () => ipAddress(this.rloc())),
      records: Array.from({ length: this.#pick([1, 1, 1, 1, 1, 1, 2, 3, 30]) }, one),
      authoritative: random.below(8) === 0,
      smrInvoked: random.below(8) === 0,
      proxyItr: random.below(8) === 0,
      dontReply: random.below(16) === 0,
      mapData: random.below(8) === 0 ? this.record() : null,
    });
  }

  #subscription(): MapRequest {
    const request = this.#request();
    const none: LispAddress[] = [NO_ADDRESS];
    return {
      ...request,
      nonce: (this.#nonce += 1n),
      ids: this.ids(),
      itrRlocs: this.#random.below(4) === 0 ? none : request.itrRlocs,
      records: request.records.map((r) => ({ ...r, subscribe: true })),
    };
  }

  #smr(): MapRequest {
    return { ...this.#request(), smr: true };
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)];
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > KEPT) list.shift();
}

/** The message's bytes, with right authentication where it has any. Throws LispControlError for what cannot be said. */
export function signed(message: LispControlMessage, { key, algorithm }: Signer): Uint8Array {
  if (message.type === "map-register" || message.type === "map-notify" || message.type === "map-notify-ack")
    return authenticate(message, key, algorithm, message.ids === null ? "records" : "ids");
  return encodeLispControl(message);
}
