// Everything that LISP's elements send, from the elements themselves, over one address family.

import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { decodeLispControl, type LispControlMessage } from "../../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { type MapRegister, mapRegister } from "../../../../src/wire/lisp-control/registration.js";
import { readUdpPacket } from "../../../../src/wire/udp-packet.js";
import { packetOf, record, reply } from "../control.js";
import { Bench, ip, ipv4, ipv6, SIX_A, SIX_B, udp } from "../harness.js";

/** RLOCs of one address family. */
export interface Family {
  readonly name: string;
  readonly us: string;
  readonly them: string;
  readonly server: string;
}

export const FAMILIES: readonly Family[] = [
  { name: "IPv4", us: "192.0.2.1", them: "192.0.2.2", server: "192.0.2.100" },
  { name: "IPv6", us: "2001:db8:9::1", them: "2001:db8:9::2", server: "2001:db8:9::100" },
];

export interface SentPacket {
  readonly what: string;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const to4 = (destination: string): Uint8Array =>
  ipv4(udp(1, 2, NOTHING), { source: ip("10.1.0.1"), destination: ip(destination) });
const to6 = (destination: Uint8Array): Uint8Array => ipv6(udp(1, 2, NOTHING), { source: SIX_A, destination });
const SECRET = { id: 1, secret: Buffer.from("secret") };

/** What a sink got, under a name. */
function taken(b: Bench, sink: string, what: string): SentPacket[] {
  const seen = b.take(sink).map(({ bytes }) => ({ what, bytes }));
  if (seen.length === 0) throw new Error(`no ${what}`);
  return seen;
}

function request(eid: string, itr: string, fields: Partial<MapRequest> = {}): MapRequest {
  const address = parseRloc(eid);
  return mapRequest({
    nonce: 0x0102030405060708n,
    itrRlocs: [ipAddress(parseRloc(itr))],
    records: [{ eid: ipAddress(address), maskLength: address.length * 8, subscribe: false }],
    ...fields,
  });
}

function ecm(message: MapRequest): LispControlMessage {
  const ip4 = { version: 4, tos: 0, id: 0, dontFragment: false, ttl: 64, options: NOTHING } as const;
  return encapsulatedControl({
    ip: { ...ip4, source: ip("10.9.0.1"), destination: ip("10.1.0.1") },
    sourcePort: 4342,
    destinationPort: 4342,
    udpChecksum: null,
    message,
  });
}

/** The nonce of the message inside an ECM. */
function nonceIn(bytes: Uint8Array): bigint {
  const message = decodeLispControl(readUdpPacket(bytes).payload);
  const inner = message.type === "encapsulated-control" ? message.inner?.message : null;
  if (inner?.type !== "map-request") throw new Error("no Map-Request in an ECM");
  return inner.nonce;
}

// ---- An xTR --------------------------------------------------------------------------

/** Map-Registers with each algorithm and flag, and one that withdraws. */
export async function registering({ us, server }: Family): Promise<SentPacket[]> {
  const sent: SentPacket[] = [];
  for (const how of [
    ...["key secret sha1", "key secret sha256", "key secret hkdf", "key 7:secret proxy-reply"],
    ...["key secret merge", "key secret no-notify", "key secret sign-records", "no-key"],
  ]) {
    const b = await Bench.start(
      `site :: LISPSite(10.1.0.0/16 ${us}/1/75 192.0.2.77/2/25/3/4, fd01::/64 ${us}/255/0 version 7 ttl 600,
         10.5.0.0/16 ${us} iid 101);
       Feed -> e :: LISPRegistrar(site, RLOC ${us}, MAP_SERVER ${server} ${how}) -> out :: Sink`,
    );
    b.router.runFor(0);
    sent.push(...taken(b, "out", `a Map-Register (${how})`));
    await b.router.write("site.remove", "10.1.0.0/16");
    b.router.runFor(0);
    sent.push(...taken(b, "out", `a Map-Register that withdraws (${how})`));
    b.close();
  }
  return sent;
}

/** Map-Requests of every kind: for packets, of a proxy, after an SMR, SMRs, probes, subscriptions. */
export async function asking({ us, them, server }: Family): Promise<SentPacket[]> {
  const sent: SentPacket[] = [];
  for (const [what, args, cacheArgs] of [
    ["a Map-Request", "", ""],
    ["a Map-Request of an instance", "", "IID 101"],
    ["a Map-Request of a proxy ITR", ", PITR true", ""],
  ]) {
    const b = await Bench.start(
      `host :: Feed -> cache :: LISPMapCache(${cacheArgs}) -> Discard;
       cache[1] -> e :: LISPResolver(cache, RLOC 192.0.2.1, RLOC 2001:db8:9::1, MAP_RESOLVER ${server}${args})
         -> out :: Sink;
       answers :: Feed -> [1] e; e[1] -> Discard`,
    );
    for (const packet of [to4("10.2.0.1"), to6(SIX_B)]) {
      b.push("cache", [packet]);
      b.router.runFor(0);
      sent.push(...taken(b, "out", `${what} for an ${packet[0] >> 4 === 4 ? "IPv4" : "IPv6"} EID in an ECM`));
    }
    b.close();
  }
  const b = await Bench.start(
    `site :: LISPSite(10.1.0.0/16 ${us});
     host :: Feed -> cache :: LISPMapCache(10.2.0.0/16 ${them}, fd02::/64 ${them}) -> Discard;
     cache[1] -> resolver :: LISPResolver(cache, RLOC ${us}, MAP_RESOLVER ${server}) -> asked :: Sink;
     answers :: Feed -> count :: Counter -> [1] resolver; resolver[1] -> cache;
     smrs :: Feed -> e :: LISPSMRReceiver(resolver);
     notifies :: Feed -> sub :: LISPSubscriber(resolver, RLOC ${us}, MAP_RESOLVER ${server}, PUBSUB_KEY secret)
       -> subscriptions :: Sink; sub[1] -> Discard;
     probed :: Feed -> prober :: LISPRLOCProber(cache, RLOC ${us}, INTERVAL 1) -> probes :: Sink;
     smr :: LISPSMRSender(site, RLOC ${us}, CACHE cache) -> solicitations :: Sink`,
  );
  const eid = ipAddress(ip("10.2.0.1"));
  b.push("e", [packetOf(request("10.1.0.1", them, { smr: true, sourceEid: eid }), { from: them, to: us })]);
  b.router.runFor(0);
  const [asked] = taken(b, "asked", "a Map-Request that an SMR led to, in an ECM");
  sent.push(asked);
  const nonce = nonceIn(asked.bytes);
  b.push("count", [packetOf(reply(nonce, record("10.2.0.0/16", them)), { from: them, to: us })]);
  b.router.runFor(0);
  sent.push(...taken(b, "subscriptions", "a Map-Request that subscribes, in an ECM"));
  await b.router.write("site.add", `10.1.0.0/16 ${us}/1/50`);
  b.router.runFor(1);
  sent.push(...taken(b, "solicitations", "a Solicit-Map-Request"), ...taken(b, "probes", "an RLOC probe"));
  b.close();
  sent.push(...(await searching(us, server)));
  return sent;
}

/** Map-Requests for the prefixes of a site that hosts may leave. */
async function searching(us: string, server: string): Promise<SentPacket[]> {
  const b = await Bench.start(
    `site :: LISPSite(10.1.0.0/16 ${us}, fd01::/64 ${us});
     frames :: Feed -> [1] m :: LISPMobility(site, 02:00:00:00:00:02, 10.1.0.0/16 10.1.0.1, fd01::/64 fd01::1,
       LOCATORS ${us}) -> Discard; packets :: Feed -> m;
     replies :: Feed -> e :: LISPHostFinder(m, RLOC ${us}, MAP_RESOLVER ${server}) -> out :: Sink; e[1] -> Discard`,
  );
  b.router.runFor(0);
  const sent = taken(b, "out", "a Map-Request for the hosts of a prefix");
  b.close();
  return sent;
}

/** Map-Replies of an ETR: positive ones, to probes, and of every action. */
export async function answering({ us, them }: Family): Promise<SentPacket[]> {
  const actions = ["no-action", "natively-forward", "send-map-request", "drop"];
  actions.push("drop-policy-denied", "drop-auth-failure");
  const b = await Bench.start(
    `site :: LISPSite(10.1.0.0/16 ${us}/1/75 192.0.2.77/1/25 2001:db8:9::77/2/0/down, fd01::/64 ${us} version 9,
       ${actions.map((a, i) => `10.${50 + i}.0.0/16 action ${a}`).join(", ")});
     f :: Feed -> e :: LISPMapReplier(site, RLOC 192.0.2.1, RLOC 2001:db8:9::1, ECHO_NONCE true) -> out :: Sink;
     g :: Feed -> count :: Counter -> [1] e`,
  );
  const sent: SentPacket[] = [];
  const ask = (what: string, element: string, message: LispControlMessage): void => {
    b.router.runFor(5);
    b.push(element, [packetOf(message, { from: them, to: us })]);
    sent.push(...taken(b, "out", what));
  };
  ask("a Map-Reply for an IPv4 EID", "e", request("10.1.0.9", them));
  ask("a Map-Reply for an IPv6 EID", "e", request("fd01::9", them));
  ask("a Map-Reply to a Map-Request in an ECM", "count", ecm(request("10.1.0.9", them)));
  ask("an answer to a probe", "e", request("10.1.0.9", them, { probe: true }));
  for (const [i, action] of actions.entries())
    ask(`a negative Map-Reply that says ${action}`, "e", request(`10.${50 + i}.0.1`, them));
  b.close();
  return sent;
}

// ---- The mapping system ------------------------------------------------------------

function register(
  fields: Partial<MapRegister>,
  records: readonly EidRecord[],
  algorithm: number,
): Uint8Array {
  const message = mapRegister({ nonce: 5n, records, wantNotify: true, ...fields });
  return authenticate(message, SECRET, algorithm, message.ids === null ? "records" : "ids");
}

const IDS = { xtrId: new Uint8Array(16).fill(5), siteId: new Uint8Array(8).fill(9) };

/** A Map-Server's Map-Notifies, Map-Replies and ECMs. */
export async function serving({ us, them, server }: Family): Promise<SentPacket[]> {
  const sent: SentPacket[] = [];
  for (const [name, algorithm] of [
    ["sha1", 1],
    ["sha256", 2],
    ["hkdf", 3],
  ] as const) {
    const b = await Bench.start(
      `f :: Feed -> e :: LISPMapServer(a key secret ${name} eid 10.1.0.0/16 more eid fd01::/64 more
         eid 10.5.0.0/16, RLOC4 192.0.2.100, RLOC6 2001:db8:9::100, PUBSUB_KEY secret ${name}) -> out :: Sink`,
    );
    const say = (what: string, message: LispControlMessage | Uint8Array, from = us): void => {
      b.push("e", [packetOf(message, { from, to: server })]);
      sent.push(...taken(b, "out", `${what} (${name})`));
    };
    const put = (n: number, eid: string, fields: Partial<MapRegister> = {}, rloc = us): Uint8Array =>
      register({ nonce: BigInt(n), ...fields }, [record(eid, rloc)], algorithm);
    say("a negative Map-Reply for what a site has not registered", ecm(request("10.1.0.9", them)), them);
    say("a negative Map-Reply for what is no site's", ecm(request("172.16.0.1", them)), them);
    say("a Map-Notify", put(1, "10.1.0.0/16", { proxyReply: true }));
    say("a Map-Notify with xTR-ID and Site-ID", put(1, "fd01::/64", { ids: IDS }));
    say(
      "a Map-Notify of merged locators",
      put(2, "10.5.0.0/16", { merge: true, proxyReply: true, ids: IDS }),
    );
    say("a Map-Reply in an ETR's stead", ecm(request("10.1.0.9", them)), them);
    say("an ECM for an ETR", ecm(request("fd01::9", them)), them);
    // The xTR that had the prefix around it is told.
    say("a Map-Notify about a move", put(9, "10.1.0.9/32", { proxyReply: true }, them), them);
    const subscribes = request("10.1.0.7", them, {
      ids: IDS,
      records: [{ eid: ipAddress(ip("10.1.0.0")), maskLength: 16, subscribe: true }],
    });
    say("a Map-Notify that confirms a subscription", ecm(subscribes), them);
    say("a Map-Notify that publishes", put(10, "10.1.0.0/16", { proxyReply: true }));
    b.close();
  }
  return sent;
}

/** A Map-Resolver's ECMs and negative Map-Replies. */
export async function resolving({ them, server }: Family): Promise<SentPacket[]> {
  const b = await Bench.start(
    `f :: Feed -> e :: LISPMapResolver(RLOC4 192.0.2.100, RLOC6 2001:db8:9::100, 10.1.0.0/16 ${them}) -> out :: Sink`,
  );
  const sent: SentPacket[] = [];
  b.push("e", [packetOf(ecm(request("10.1.0.9", them)), { from: them, to: server })]);
  sent.push(...taken(b, "out", "an ECM for a Map-Server"));
  b.push("e", [packetOf(ecm(request("172.16.0.1", them)), { from: them, to: server })]);
  sent.push(...taken(b, "out", "a negative Map-Reply of a Map-Resolver"));
  b.close();
  return sent;
}

// ---- Data --------------------------------------------------------------------------

/** Encapsulated packets with every combination of bits that LISPEncap sends. */
export async function encapsulating({ them }: Family): Promise<SentPacket[]> {
  const sent: SentPacket[] = [];
  for (const [options, iid] of [
    ["", 0],
    ["NONCE true", 0],
    ["NONCE true, ECHO true", 0],
    ["STATUS_BITS 5", 0],
    ["VERSION 7", 0],
    ["IID always", 0],
    ["IID auto", 101],
    ["NONCE true, ECHO true, STATUS_BITS 5", 101],
    ["VERSION 4095, STATUS_BITS 4294967295", 101],
  ] as const) {
    const b = await Bench.start(
      `f :: Feed -> e :: LISPMapCache(IID ${iid}, 10.2.0.0/16 ${them} version 9, fd01::/16 ${them} version 9)
         -> LISPEncap(192.0.2.1, 2001:db8:9::1${options === "" ? "" : `, ${options}`}) -> out :: Sink`,
    );
    b.push("e", [to4("10.2.0.1"), to6(SIX_B)]);
    sent.push(...taken(b, "out", `a data packet (${options || "no bits"}, instance ${iid})`));
    b.close();
  }
  return sent;
}
