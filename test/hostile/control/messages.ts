// Hostile control messages in their packets. The same seed, with a world that does the same, gives the same.

import { type Random, SeededRandom } from "../../../src/router/random.js";
import { LispControlError } from "../../../src/wire/lisp-control/error.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../../src/wire/lisp-control/message.js";
import { writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { ip6 } from "../../packets.js";
import * as fc from "../../property.js";
import { anyMessage } from "../../wire/lisp-control/arbitrary.js";
import { controlMessages } from "../../wire/lisp-control/fixtures.js";
import { LiveMessages, SIGNERS, type Signer, signed } from "./live.js";
import { MESSAGE_MAX, mutatedBytes, mutatedFields } from "./mutations.js";
import { NODES } from "./world.js";

/** Valid messages of any kind that the generators of the property tests make for one run. */
const GENERATED = 300;
/** Packets that are kept, to come again or late. */
const KEPT = 16;

/** Who sends: the nodes themselves (or somebody in their name), others, nobody. */
const SENDERS = ["192.0.2.1", "192.0.2.2", "192.0.2.100", "198.51.100.7", "0.0.0.0", "224.0.0.5"];
const SENDERS6 = ["2001:db8:9::1", "2001:db8:9::100", "2001:db8:77::7", "::", "ff02::1"];
const TARGETS = Object.entries(NODES).map(([address, node]) => ({ ...ends(address), node }));

function ends(text: string): { readonly address: Uint8Array } {
  return { address: text.includes(":") ? ip6(text) : Uint8Array.from(text.split("."), Number) };
}

export interface HostileMessage {
  /** The message, and the IP packet that holds it. */
  readonly bytes: Uint8Array;
  readonly packet: Uint8Array;
  /** The number of the node that it goes to. */
  readonly node: number;
}

export class HostileMessages {
  readonly #random: Random;
  readonly live: LiveMessages;
  readonly #corpus: readonly Uint8Array[];
  readonly #messages: readonly LispControlMessage[];
  readonly #kept: HostileMessage[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.live = new LiveMessages(this.#random);
    const generated = fc.sample(anyMessage, { numRuns: GENERATED, seed });
    const captured = controlMessages();
    this.#corpus = [...captured, ...generated.map(encodeLispControl)].filter((b) => b.length <= MESSAGE_MAX);
    this.#messages = [...captured.map(decodeLispControl), ...generated];
  }

  next(): HostileMessage {
    const random = this.#random;
    const again = random.below(12);
    // The same once more, or one that was sent long ago.
    if (again === 0 && this.#kept.length > 0) return this.#pick(this.#kept);
    const bytes = this.#bytes();
    const node = this.#pick(TARGETS);
    const message = { bytes, packet: this.#packet(bytes, node.address), node: node.node };
    this.#kept.push(message);
    if (this.#kept.length <= KEPT) return message;
    const [oldest] = this.#kept.splice(random.below(KEPT), 1);
    // Now and then the later one comes first.
    if (again > 1) return message;
    this.#kept.pop();
    this.#kept.push(oldest);
    return oldest;
  }

  #bytes(): Uint8Array {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 4) return mutatedBytes(random, this.#pick(this.#corpus), this.#pick(this.#corpus));
    const live =
      kind < 17 ? this.live.next() : { message: this.#pick(this.#messages), signer: this.#pick(SIGNERS) };
    let { message } = live;
    for (let n = this.#pick([0, 0, 1, 1, 2, 4]); n > 0; n--) {
      const other = random.below(2) === 0 ? this.live.next().message : this.#pick(this.#messages);
      message = mutatedFields(random, message, other);
    }
    const bytes = this.#signed(message, live.signer) ?? this.#signed(live.message, live.signer)!;
    if (random.below(40) === 0) return this.#nested(bytes);
    if (random.below(3) > 0) return bytes.subarray(0, MESSAGE_MAX);
    const bent = mutatedBytes(random, bytes, this.#pick(this.#corpus));
    return (random.below(2) === 0 ? this.#signedAgain(bent, live.signer) : null) ?? bent;
  }

  #signed(message: LispControlMessage, signer: Signer): Uint8Array | null {
    try {
      return signed(message, signer);
    } catch (e) {
      if (e instanceof LispControlError) return null;
      throw e;
    }
  }

  /** What is a message still, in spite of its changes, signed anew: so that it is looked at behind the authentication. */
  #signedAgain(bytes: Uint8Array, signer: Signer): Uint8Array | null {
    try {
      return signed(decodeLispControl(bytes), signer);
    } catch (e) {
      if (e instanceof LispControlError) return null;
      throw e;
    }
  }

  /** An ECM around whatever it is, an ECM perhaps; then another one. */
  #nested(bytes: Uint8Array): Uint8Array {
    let inner = bytes;
    for (let depth = 1 + this.#random.below(4); depth > 0; depth--) {
      const address = this.#pick(TARGETS).address;
      const packet = writeUdpPacket({
        source: address,
        destination: address,
        sourcePort: 4342,
        destinationPort: 4342,
        payload: inner,
      });
      inner = Uint8Array.of(0x80, 0, 0, 0, ...packet);
    }
    return inner.subarray(0, MESSAGE_MAX);
  }

  #packet(payload: Uint8Array, destination: Uint8Array): Uint8Array {
    const random = this.#random;
    const source = ends(this.#pick(destination.length === 4 ? SENDERS : SENDERS6)).address;
    const sourcePort = this.#pick([4342, 4342, 4342, 61000, 0]);
    const destinationPort = sourcePort === 4342 ? this.#pick([4342, 4342, 4342, 5000]) : 4342;
    const packet = writeUdpPacket({ source, destination, sourcePort, destinationPort, payload });
    // Headers are hostile too, but only now and then: test/hostile/elements.test.ts has more of that.
    return random.below(30) === 0 ? mutatedBytes(random, packet, packet) : packet;
  }

  /** A packet of a site's host, to an EID that its map-cache may not know. */
  fromHost(): Uint8Array {
    const destination = this.live.eid();
    // Mostly one that was not asked for yet.
    if (this.#random.below(4) > 0) destination[destination.length - 2] = this.#random.below(256);
    const source = destination.length === 4 ? Uint8Array.of(10, 1, 0, 9) : ip6("fd01::9");
    return writeUdpPacket({
      source,
      destination,
      sourcePort: 7,
      destinationPort: 9,
      payload: new Uint8Array(4),
    });
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)];
  }
}
