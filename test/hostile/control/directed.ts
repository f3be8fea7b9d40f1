// Drop reasons that hostile messages by the thousand cause seldom: messages that cause each of them for certain.

import { ipAddress, NO_ADDRESS } from "../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { type MapRequest, mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import type { LispControlMessage } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord, RlocRecord } from "../../../src/wire/lisp-control/record.js";
import { mapNotify } from "../../../src/wire/lisp-control/registration.js";
import { writeUdpPacket } from "../../../src/wire/udp-packet.js";
import type { Wire } from "./ends.js";
import { SIGNERS, signed } from "./live.js";
import { ControlWorld } from "./world.js";

const v4 = (text: string): Uint8Array => Uint8Array.from(text.split("."), Number);
const XTR = v4("192.0.2.1");
const SERVER = v4("192.0.2.100");
/** A node that is not there: what is sent to it is never acknowledged. */
const NOBODY = "192.0.2.77";
/** The owner of PUBSUB_KEY. */
const HUB = SIGNERS[3];
/** Most EIDs that LISPResolver asks for at once, and subscriptions of LISPSubscriber: one more than the world allows. */
const [TOO_MANY_EIDS, TOO_MANY_SUBSCRIPTIONS] = [17, 7];
/** Mappings that SMRs are about, EID-prefixes of one that they may name a second; more SMRs than may wait. */
const [SOLICITED, LONGER_RATE, SMRS_WAITING] = [40, 16, 17_000];

function locator(rloc: string | null): RlocRecord {
  return {
    rloc: rloc === null ? NO_ADDRESS : ipAddress(v4(rloc)),
    priority: 1,
    weight: 100,
    mpriority: 255,
    mweight: 0,
    local: false,
    probed: false,
    reachable: true,
  };
}

/** A record for one host; its locators, null: an address of no family. */
function record(eid: string, locators: readonly (string | null)[], action = 0): EidRecord {
  return {
    ttl: 5,
    eid: ipAddress(v4(eid)),
    maskLength: 32,
    action,
    authoritative: true,
    version: 0,
    locators: locators.map(locator),
  };
}

/** The xTR with number 1 of a world, whose messages reach nobody unless told. */
class Directed {
  readonly world: ControlWorld;

  constructor(world: ControlWorld) {
    this.world = world;
  }

  /** A packet of a host to an EID. */
  packet(eid: string): void {
    const source = v4("10.1.0.9");
    const payload = new Uint8Array(4);
    this.world.fromHost(
      1,
      writeUdpPacket({ source, destination: v4(eid), sourcePort: 7, destinationPort: 9, payload }),
    );
  }

  /** A control message to xTR 1, or (3) to the Map-Server and -Resolver. */
  send(message: LispControlMessage, node: 1 | 3 = 1): void {
    this.world.push(`in${node}`, packetOf(signed(message, HUB), node));
  }

  /** Lets time pass; the Map-Requests that were sent meanwhile reach nobody, and are returned. */
  lost(seconds: number): MapRequest[] {
    this.world.router.runFor(seconds);
    const { waiting } = this.world.router.find("wire") as Wire;
    return waiting
      .splice(0)
      .flatMap(({ message }) =>
        message.type === "encapsulated-control" && message.inner?.message.type === "map-request"
          ? [message.inner.message]
          : [],
      );
  }

  /** The Map-Request for `eid` that a packet to it has led to. */
  asked(eid: string): MapRequest {
    this.lost(1);
    this.packet(eid);
    return onlyOne(this.lost(0.01).filter((request) => request.ids === null));
  }

  /** The subscription to `eid` that a Map-Reply about it has led to. */
  subscription(eid: string): MapRequest {
    this.send(mapReply({ nonce: this.asked(eid).nonce, records: [record(eid, ["192.0.2.9"])] }));
    return onlyOne(this.lost(0.01).filter((request) => request.ids !== null));
  }

  /** The Map-Server tells a subscriber, `later` nonces after its Map-Request. */
  publish({ nonce, ids }: MapRequest, later: bigint, records: readonly EidRecord[]): void {
    this.send(mapNotify({ type: "map-notify", nonce: nonce + later, ids, records }));
  }

  /** An SMR about an EID that has changed; its record. */
  solicit(changed: string, eid: string, maskLength: number): void {
    const sourceEid = ipAddress(v4(changed));
    const records = [{ eid: ipAddress(v4(eid)), maskLength, subscribe: false }];
    this.send(
      mapRequest({ nonce: 1n, smr: true, sourceEid, itrRlocs: [ipAddress(v4("192.0.2.9"))], records }),
    );
  }

  /** Packets to more EIDs than can be asked for at once. */
  askTooMuch(): void {
    for (let i = 0; i < TOO_MANY_EIDS; i++) this.packet(`10.50.0.${i}`);
  }
}

function onlyOne<T>(list: readonly T[]): T {
  if (list.length !== 1) throw new Error(`${list.length} messages, 1 was expected`);
  return list[0];
}

function packetOf(payload: Uint8Array, node: 1 | 3): Uint8Array {
  const [source, destination] = node === 1 ? [SERVER, XTR] : [v4(NOBODY), SERVER];
  return writeUdpPacket({ source, destination, sourcePort: 4342, destinationPort: 4342, payload });
}

/** By class and drop reason: what makes it happen. */
const CAUSES: Readonly<Record<string, (xtr: Directed) => void | Promise<void>>> = {
  "LISPControlClassifier fragment": ({ world }) => {
    const packet = packetOf(new Uint8Array(16), 1);
    // More fragments follow.
    packet[6] |= 0x20;
    world.push("in1", packet);
  },
  "LISPResolver resting": (xtr) => {
    xtr.packet("10.50.0.1");
    // Nobody answers the first Map-Request nor its repetitions.
    xtr.lost(10);
    xtr.packet("10.50.0.1");
  },
  "LISPResolver queue_full": (xtr) => {
    for (let i = 0; i < 2; i++) xtr.packet("10.50.0.1");
  },
  "LISPResolver table_full": (xtr) => xtr.askTooMuch(),
  "LISPResolver unmapped": (xtr) => {
    const { nonce } = xtr.asked("10.50.0.1");
    const sendMapRequest = 2;
    xtr.send(mapReply({ nonce, records: [record("10.50.0.1", [], sendMapRequest)] }));
  },
  "LISPResolver unusable": (xtr) => {
    const { nonce } = xtr.asked("10.50.0.1");
    xtr.send(mapReply({ nonce, records: [record("10.50.0.1", [null])] }));
  },
  "LISPRLOCProber busy": (xtr) => {
    const { nonce } = xtr.asked("10.50.1.1");
    xtr.send(mapReply({ nonce, records: [record("10.50.1.1", [NOBODY])] }));
    // Until its only locator is found down; what is asked for is given up after a while, and asked for again.
    for (let second = 0; second < 30; second++) {
      xtr.askTooMuch();
      xtr.lost(1);
    }
  },
  "LISPResolver unroutable": (xtr) => xtr.packet("169.254.0.1"),
  "LISPSMRReceiver busy": (xtr) => {
    xtr.askTooMuch();
    xtr.solicit("10.9.0.1", "10.1.0.0", 16);
  },
  "LISPSMRReceiver full": async (xtr) => {
    for (let m = 0; m < SOLICITED; m++)
      await xtr.world.router.write("cache1.add", `10.${m + 100}.0.0/16 192.0.2.9`);
    xtr.askTooMuch();
    let left = SMRS_WAITING;
    for (let n = 0; left > 0; n++) {
      // Every host is an EID-prefix of its own; of one mapping there may be so many a second.
      for (let m = 0; m < SOLICITED; m++) {
        const host = `10.${m + 100}.${n >> 8}.${n & 255}`;
        xtr.solicit(host, host, 32);
      }
      left -= SOLICITED;
      xtr.lost(1 / LONGER_RATE);
    }
  },
  "LISPSubscriber full": (xtr) => {
    for (let i = 0; i < TOO_MANY_SUBSCRIPTIONS - 1; i++) xtr.subscription(`10.50.0.${i}`);
    const { nonce } = xtr.asked("10.50.1.1");
    xtr.send(mapReply({ nonce, records: [record("10.50.1.1", ["192.0.2.9"])] }));
  },
  "LISPSubscriber replay": (xtr) => {
    const request = xtr.subscription("10.50.0.1");
    for (const later of [0n, 1n, 0n]) xtr.publish(request, later, [record("10.50.0.1", ["192.0.2.9"])]);
  },
  "LISPSubscriber not_ours": (xtr) =>
    xtr.publish(xtr.subscription("10.50.0.1"), 0n, [record("10.50.0.2", ["192.0.2.9"])]),
  "LISPSubscriber unusable": (xtr) =>
    xtr.publish(xtr.subscription("10.50.0.1"), 0n, [record("10.50.0.1", [null])]),
};

/** The drop reasons that are caused here, each as `Class reason`. */
export const DIRECTED: readonly string[] = Object.keys(CAUSES);

/** Causes a drop in a new world; returns how often that was counted. */
export async function caused(name: string): Promise<number> {
  const [className, reason] = name.split(" ");
  const world = await ControlWorld.start(1, () => {});
  try {
    const count = (): number =>
      world
        .elements()
        .filter((e) => e.className === className)
        .reduce((sum, e) => sum + e.memory.get64(e.counterAddress(reason)), 0);
    if (count() > 0) throw new Error(`${name} has happened already`);
    await CAUSES[name](new Directed(world));
    return count();
  } finally {
    world.router.close();
  }
}
