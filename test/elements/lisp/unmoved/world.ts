// An xTR and a Map-Server in the middle of everything: registered, subscribed, asking, probing.

import * as assert from "uvu/assert";
import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { type MapReply, mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { LispControlMessage } from "../../../../src/wire/lisp-control/message.js";
import {
  type MapNotify,
  type MapRegister,
  mapNotify,
} from "../../../../src/wire/lisp-control/registration.js";
import { type Ends, packetOf, record, requestsTo, type Sent, sentOf, sentTo } from "../control.js";
import { Bench, ip, ipv4, udp } from "../harness.js";
import { HUB, inEcm, MS, OTHER, publication, registering, signed, subscription, XTR } from "./messages.js";

/** An xTR and a Map-Server side by side, not connected: what goes between them the test carries. */
const GRAPH = `
  site :: LISPSite(10.1.0.0/16 ${XTR}); decap :: LISPDecap(PEERS 8);
  host :: Feed -> cache :: LISPMapCache -> found :: Sink; cache[2] -> native :: Sink;
  ask :: LISPResolver(cache, RLOC ${XTR}, MAP_RESOLVER ${MS}, RETRIES 1); cache[1] -> ask; ask[1] -> cache;
  xtr :: Feed -> in :: LISPControlClassifier; outer :: Feed -> decap -> inner :: Sink;
  in[0] -> replier :: LISPMapReplier(site, RLOC ${XTR}); in[2], in[5] -> ignored :: Sink;
  sub :: LISPSubscriber(ask, RLOC ${XTR}, MAP_RESOLVER ${MS}, PUBSUB_KEY 3:hub) -> subscribing :: Sink;
  in[1] -> [1] sub; sub[2] -> [1] ask; in[3] -> sub;
  sub[1] -> reg :: LISPRegistrar(site, RLOC ${XTR}, MAP_SERVER ${MS} key secret-a); in[4] -> [1] replier;
  in[6] -> solicited :: LISPSMRReceiver(ask);
  in[7] -> prober :: LISPRLOCProber(cache, RLOC ${XTR}, INTERVAL 30, RETRIES 0);
  smr :: LISPSMRSender(site, RLOC ${XTR}, CACHE cache, DECAP decap);
  ask -> asked :: Sink; reg -> registers :: Sink; prober -> probes :: Sink; replier, smr -> out :: Sink;
  ms :: LISPMapServer(a key secret-a eid 10.1.0.0/16 more, b key secret-b sha1 eid 10.2.0.0/16,
    RLOC4 ${MS}, PUBSUB_KEY 3:hub) -> answers :: Sink;
  mr :: LISPMapResolver(RLOC4 ${MS}, MAP_SERVER ms) -> resolver_out :: Sink;
  server :: Feed -> at :: LISPControlClassifier;
  at[0], at[1], at[2], at[3], at[5] -> ms; at[4] -> mr;`;
export const SINKS = [
  "found",
  "native",
  "asked",
  "registers",
  "probes",
  "out",
  "answers",
  "resolver_out",
  "inner",
];
const STATE = [
  ...["site.table", "cache.table", "cache.rlocs", "ask.table", "ask.resolvers", "ask.waiting", "ask.pending"],
  ...[
    "sub.table",
    "sub.size",
    "reg.table",
    "reg.servers",
    "reg.registered",
    "prober.table",
    "prober.paths",
    "smr.waiting",
  ],
  ...["ms.registrations", "ms.subscriptions", "ms.size", "ms.pending", "ms.revision", "ms.retransmitted"],
];

export interface World {
  readonly b: Bench;
  /** The Map-Request that is out for 10.3.0.1, and that for 10.2.0.1, answered since. */
  readonly request: MapRequest;
  readonly answered: MapReply;
  /** One for 10.4.0.1 that nobody answered in time. */
  readonly late: MapRequest;
  /** The probe that is out, and one that was answered. */
  readonly probe: MapRequest;
  readonly probed: MapReply;
  /** The xTR's Map-Register, as it was taken, and the Map-Notify that it got. */
  readonly register: Uint8Array;
  readonly registered: MapRegister;
  readonly notify: Uint8Array;
  readonly notified: MapNotify;
  /** An unsolicited Map-Notify that the xTR has acknowledged, before another one. */
  readonly unsolicited: Uint8Array;
  /** A publication of which the Map-Server awaits the Map-Notify-Ack. */
  readonly published: MapNotify;
  /** The Map-Request by which the xTR subscribes to 10.2.0.0/16; it is answered, and two changes were published. */
  readonly subscribes: MapRequest;
  /** A Map-Notify-Ack that came in time. */
  readonly acknowledged: Uint8Array;
}

export const toHost = (destination: string): Uint8Array =>
  ipv4(udp(1, 2, new Uint8Array(0)), { destination: ip(destination) });

export const toXtr = (w: Bench, message: LispControlMessage | Uint8Array, ends: Ends = {}): void =>
  w.push("in", [packetOf(message, { from: MS, to: XTR, ...ends })]);
export const toServer = (w: Bench, message: LispControlMessage | Uint8Array, ends: Ends = {}): void =>
  w.push("at", [packetOf(message, { from: XTR, to: MS, ...ends })]);

export const notifies = (b: Bench): readonly Sent<MapNotify>[] =>
  sentTo(b, "answers").filter((s): s is Sent<MapNotify> => s.message.type === "map-notify");

function nextProbe(b: Bench): MapRequest {
  for (let i = 0; i < 1000; i++) {
    b.router.runFor(0.1);
    const [probe] = sentOf(b, "probes", "map-request");
    if (probe !== undefined) return probe.message;
  }
  throw new Error("nothing is probed");
}

/** Everything in use: registered, subscribed, cached, asked for, probed, acknowledged. */
export async function world(): Promise<World> {
  const b = await Bench.start(GRAPH);
  b.router.runFor(0);
  const [register] = sentOf(b, "registers", "map-register");
  toServer(b, register.payload);
  const [notify] = notifies(b);
  toXtr(b, notify.payload);
  const { records } = register.message;
  const [unsolicited, next] = [5n, 6n].map((nonce) =>
    signed(mapNotify({ type: "map-notify", nonce, records })),
  );
  toXtr(b, unsolicited);
  toXtr(b, next);
  b.push("cache", [toHost("10.4.0.1")]);
  b.router.runFor(0);
  const [late] = requestsTo(b, "asked");
  b.router.runFor(4);
  b.push("cache", [toHost("10.2.0.1")]);
  b.router.runFor(0);
  const first = requestsTo(b, "asked").at(-1)!;
  const answered = mapReply({ nonce: first.message.nonce, records: [record("10.2.0.0/16", "192.0.2.2")] });
  toXtr(b, answered);
  b.router.runFor(0);
  const [subscribes] = requestsTo(b, "subscribing");
  const told = (by: bigint): Uint8Array => publication(subscribes.message, by);
  for (const by of [0n, 1n, 2n]) toXtr(b, told(by));
  // Its locator is probed: once with an answer, once it is still out.
  const earlier = nextProbe(b);
  const probed = mapReply({
    nonce: earlier.nonce,
    probe: true,
    records: [record("10.2.0.0/16", "192.0.2.2")],
  });
  toXtr(b, probed, { from: "192.0.2.2" });
  const probe = nextProbe(b);
  b.push("cache", [toHost("10.3.0.1")]);
  b.router.runFor(0);
  // Whatever was registered again meanwhile.
  const request = requestsTo(b, "asked").at(-1)!;
  toServer(b, inEcm(subscription(40n)), { from: OTHER });
  const [welcome] = notifies(b);
  const ack = authenticate({ ...welcome.message, type: "map-notify-ack" }, HUB, 2, "ids");
  toServer(b, ack, { from: OTHER });
  toServer(b, signed(registering({ nonce: 2n ** 62n, records: [record("10.1.9.0/24", "192.0.2.9")] })), {
    from: "192.0.2.9",
  });
  const published = notifies(b).find((n) => n.message.nonce === 41n)!.message;
  assert.ok(Number(b.read("ms.pending")) >= 1);
  for (const sink of SINKS) b.take(sink);
  return {
    b,
    request: request.message,
    answered,
    late: late.message,
    probe,
    probed,
    register: register.payload,
    registered: register.message,
    notify: notify.payload,
    notified: notify.message,
    unsolicited,
    published,
    acknowledged: ack,
    subscribes: subscribes.message,
  };
}

export function stateOf(b: Bench): string {
  return STATE.map((handler) => `${handler}:\n${b.read(handler)}`).join("\n");
}

export type Attack = readonly [
  name: string,
  counter: string,
  attack: (w: World) => LispControlMessage | Uint8Array,
  ends?: Ends,
];
