// A program for a network namespace of its own: a cluster of three etcd members on loopback, two Map-Servers
// (conf/map-server.click) and a Map-Resolver (conf/map-resolver-store.click) that share it, and xTRs that register, a
// thousand Map-Registers a second, while one or the other is killed. Asks all three for what was acknowledged, takes
// the cluster away, and says what came of it as JSON.
//
//   map-server-cluster-load.js

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { fileURLToPath } from "node:url";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../src/lisp/control/authentication.js";
import { parseEid, parseRloc } from "../../src/lisp/mapping.js";
import { ipAddress } from "../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../src/wire/lisp-control/map-request.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../src/wire/lisp-control/message.js";
import { mapRegister } from "../../src/wire/lisp-control/registration.js";
import { MAIN } from "../cli/sluice.js";
import { record } from "../elements/lisp/control.js";
import { EtcdCluster } from "../lisp/database/etcd-cluster.js";
import { until } from "../until.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));
const KEY: AuthenticationKey = { id: 1, secret: Buffer.from("secret"), algorithms: [2] };
const XTR = "10.0.0.1";
/** Who asks: a Map-Server sends at most a thousand Map-Replies a second to one RLOC (RFC 9301, section 5.4). */
const ITRS = Array.from({ length: 16 }, (_, i) => `10.0.0.${16 + i}`);
const INNER_IP = {
  version: 4,
  tos: 0,
  id: 0,
  dontFragment: false,
  ttl: 9,
  options: new Uint8Array(0),
} as const;
/** Map-Registers a second; how many at least in all. */
const RATE = 1000;
const LEAST = 1200;
/**
 * How many may wait: what comes in while etcd elects a leader, for some seconds. One that waits for longer than that
 * takes halves it, once a second, and each that is acknowledged makes room for one more: a busy machine, too, gets them
 * done in time.
 */
const UNDER_WAY_MAX = 6000;
const UNDER_WAY_MIN = 50;
let underWay = UNDER_WAY_MAX;
let halved = 0;
/** Milliseconds until one that has no answer is sent to the other Map-Server, then doubled each time, and at most. */
const AGAIN = 1000;
const AGAIN_MAX = 16_000;
/** What was sent three times, in seven seconds, waits for a machine that is busy. */
const BUSY = 8 * AGAIN;
/** Seconds: before the first fault, between a fault and its repair, and from there to the next fault at least. */
const QUIET = 1;
const DOWN = 1;
const UP = 2;
/** Which of the processes is the Map-Resolver. */
const RESOLVER = 2;
/** Map-Requests sent at once. */
const WINDOW = 100;

const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

/** A Map-Server or Map-Resolver as a process of its own. */
class Server {
  readonly address: string;
  readonly #words: readonly string[];
  #child: ChildProcess | null = null;
  log = "";

  constructor(file: string, device: string, last: number, store: string) {
    this.address = `10.0.0.${last}`;
    this.#words = [
      ...[MAIN, "run", CONF + file, `CORE=${device}`, `RLOC4=${this.address}`, `RLOC6=fd00::${last}`],
      ...["SITES=a key secret eid 100.64.0.0/10 more", `STORE=etcd:${store}`],
    ];
  }

  start(): void {
    this.#child = spawn(process.execPath, this.#words, { stdio: ["ignore", "inherit", "pipe"] });
    this.#child.stderr!.setEncoding("utf8").on("data", (text) => (this.log += text));
  }

  /** Resolves when it is gone, with how many milliseconds that took. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number> {
    const child = this.#child!;
    const start = performance.now();
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
    return performance.now() - start;
  }
}

const socket = createSocket("udp4");
let nonce = 1n;
const eid = (n: number): string => `100.64.${n >> 8}.${n & 255}/32`;
/** A locator that says which registration it is. */
const rloc = (n: number): string => `198.18.${n >> 8}.${n & 255}`;

/** Registrations under way, by nonce, and when each was sent last; those acknowledged; when the last one was. */
const registering = new Map<bigint, number>();
const unacknowledged = new Map<number, { due: number; wait: number; server: number }>();
const acknowledged = new Set<number>();
let lastAck = 0;
let longestGap = 0;
/** Map-Requests under way, by nonce; which EIDs have been answered rightly. */
const asking = new Map<bigint, number>();
const answered = new Set<number>();
/** Other answers, by EID: one that came before its Map-Server was told is made up for by the next. */
const misses = new Map<number, string>();
const wrong: string[] = [];

socket.on("message", (bytes) => {
  const message = decodeLispControl(bytes);
  if (message.type === "map-notify") {
    const n = registering.get(message.nonce);
    if (n === undefined) return;
    registering.delete(message.nonce);
    if (verifyAuthentication(bytes, message, [KEY]).verdict !== "valid") wrong.push("not authentic");
    acknowledged.add(n);
    if (unacknowledged.delete(n)) underWay = Math.min(underWay + 1, UNDER_WAY_MAX);
    longestGap = Math.max(longestGap, performance.now() - lastAck);
    lastAck = performance.now();
  } else if (message.type === "map-reply") {
    const n = asking.get(message.nonce);
    if (n === undefined) return;
    asking.delete(message.nonce);
    const locator = message.records[0]?.locators[0]?.rloc;
    if (locator?.kind === "ip" && Buffer.compare(locator.address, parseRloc(rloc(n))) === 0) answered.add(n);
    else misses.set(n, `${eid(n)} has ${message.records[0]?.locators.length ?? 0} locators`);
  } else wrong.push(`a ${message.type}`);
});

function register(n: number, server: number, wait = AGAIN): void {
  registering.set(++nonce, n);
  unacknowledged.set(n, { due: performance.now() + wait, wait, server });
  const siteId = new Uint8Array(8);
  const xtrId = Buffer.alloc(16);
  xtrId.writeUInt32BE(n);
  const records = [record(eid(n), rloc(n))];
  const ids = { xtrId: new Uint8Array(xtrId), siteId };
  const message = mapRegister({ nonce, records, proxyReply: true, wantNotify: true, ids });
  socket.send(authenticate(message, KEY, 2, "ids"), 4342, servers[server].address);
}

function ask(n: number, server: number): void {
  asking.set(++nonce, n);
  const { address, length } = parseEid(eid(n));
  const itrRlocs = [ipAddress(parseRloc(ITRS[n % ITRS.length]))];
  const records = [{ eid: ipAddress(address), maskLength: length, subscribe: false }];
  const request = mapRequest({ nonce, itrRlocs, records });
  const message = server === RESOLVER ? encapsulated(request, address) : request;
  socket.send(encodeLispControl(message), 4342, servers[server].address);
}

/** As an ITR sends it to its Map-Resolver (RFC 9301, section 5.8). */
function encapsulated(message: MapRequest, eid: Uint8Array): LispControlMessage {
  const ip = { ...INNER_IP, source: parseRloc(XTR), destination: eid };
  return encapsulatedControl({ ip, sourcePort: 4342, destinationPort: 4342, udpChecksum: null, message });
}

/** Registers what has had no answer for too long again, with the other Map-Server. */
function again(): void {
  const now = performance.now();
  for (const [n, { due, wait, server }] of [...unacknowledged]) {
    if (due > now) continue;
    if (2 * wait >= BUSY && now > halved + 1000) {
      underWay = Math.max(underWay / 2, UNDER_WAY_MIN);
      halved = now;
    }
    register(n, 1 - server, Math.min(2 * wait, AGAIN_MAX));
  }
}

/** Registers new EIDs at RATE until `stop` is called, which resolves with how many once all are acknowledged. */
function load(): { stop(): Promise<number> } {
  let next = 0;
  let before = performance.now();
  let due = 0;
  lastAck = before;
  const timer = setInterval(() => {
    const now = performance.now();
    // Of what could not be sent in time a tenth of a second is made up for.
    due = Math.min(due + ((now - before) * RATE) / 1000, RATE / 10);
    before = now;
    for (; due >= 1 && unacknowledged.size < underWay; due--, next++) register(next, next & 1);
    again();
  }, 5);
  return {
    stop: async () => {
      await until(() => next >= LEAST, "enough are registered", 120);
      clearInterval(timer);
      await allAcknowledged(120);
      return next;
    },
  };
}

async function allAcknowledged(seconds: number): Promise<void> {
  const timer = setInterval(again, 20);
  await until(() => unacknowledged.size === 0, undefined, seconds).finally(() => clearInterval(timer));
}

/** Asks a Map-Server for all of these until it has answered each, or for too long; how many it has answered. */
async function answers(server: number, numbers: Iterable<number>): Promise<number> {
  answered.clear();
  misses.clear();
  let left = [...numbers];
  for (let tries = 0; left.length > 0 && tries < 10; tries++) {
    for (let from = 0; from < left.length; from += WINDOW) {
      asking.clear();
      for (const n of left.slice(from, from + WINDOW)) ask(n, server);
      await until(() => asking.size === 0, undefined, 1).catch(() => {});
    }
    left = left.filter((n) => !answered.has(n));
    if (left.length > 0) await pause(0.2);
  }
  for (const n of left) wrong.push(misses.get(n) ?? `${eid(n)} has no answer`);
  return answered.size;
}

/** What one fault did: to what was acknowledged until then, and for how many milliseconds nothing was. */
async function fault(harm: () => Promise<unknown>, mend: () => void | Promise<void>): Promise<object> {
  longestGap = 0;
  const before = acknowledged.size;
  await harm();
  await pause(DOWN);
  await mend();
  const mended = acknowledged.size;
  await pause(UP);
  // A busy machine takes longer to elect a leader.
  await until(() => acknowledged.size > mended, "registrations go on after a fault");
  return {
    before,
    after: acknowledged.size,
    gap: Math.round(Math.max(longestGap, performance.now() - lastAck)),
  };
}

for (const words of [
  "link set lo up",
  "link add br0 type bridge",
  ...[XTR, ...ITRS].map((address) => `addr add ${address}/24 dev br0`),
  ...["a", "b", "c"].flatMap((x) => [
    `link add core${x} type veth peer name peer${x}`,
    `link set core${x} addrgenmode none`,
    `link set peer${x} addrgenmode none`,
    `link set peer${x} master br0`,
    `link set core${x} up`,
    `link set peer${x} up`,
  ]),
  "link set br0 up",
])
  execFileSync("ip", words.split(" "));
await new Promise<void>((done) => socket.bind(4342, done));
socket.setRecvBufferSize(1 << 21);

const cluster = await EtcdCluster.start(3);
const hosts = cluster.hostsText.split(",");
// Each asks another member first.
const servers = [
  new Server("map-server.click", "corea", 100, hosts.join(",")),
  new Server("map-server.click", "coreb", 101, [hosts[1], hosts[2], hosts[0]].join(",")),
  new Server("map-resolver-store.click", "corec", 99, [hosts[2], hosts[0], hosts[1]].join(",")),
];
for (const server of servers) server.start();
// They are there once they have answered for an EID.
register(0, 0);
for (const server of servers.keys()) {
  const deadline = performance.now() + 90_000;
  while ((await answers(server, [0])) === 0) {
    if (performance.now() > deadline) throw new Error(`not there: ${servers[server].log}`);
    if (unacknowledged.has(0)) register(0, 0);
  }
}
wrong.length = 0;

const start = performance.now();
const running = load();
await pause(QUIET);
const faults: Record<string, object> = {};
let leader = -1;
const killLeader = async (): Promise<void> => {
  // While one is elected there is none.
  await until(async () => (leader = await cluster.leader()) >= 0, "etcd has a leader");
  await cluster.kill(leader);
};
faults.server = await fault(
  () => servers[0].kill(),
  () => servers[0].start(),
);
faults.member = await fault(killLeader, () => cluster.restart(leader));
faults.both = await fault(
  async () => void (await Promise.all([servers[1].kill(), killLeader()])),
  () => {
    cluster.restart(leader);
    servers[1].start();
  },
);
const seconds = (performance.now() - start) / 1000;
const sent = await running.stop();
const asked = [await answers(0, acknowledged), await answers(1, acknowledged)];
// No more than a Map-Resolver takes at once from one sender.
const some = [...acknowledged].filter((n) => n % 10 === 0).slice(0, 800);
const resolved = await answers(RESOLVER, some);

// ---- The store is lost -----------------------------------------------------------
const logged = servers.map((s) => s.log.length);
for (const member of [0, 1, 2]) await cluster.kill(member);
await until(() => servers.every((s, i) => s.log.indexOf("store is lost", logged[i]) >= 0));
const lost = [await answers(0, some), await answers(1, some), await answers(RESOLVER, some)];
const last = sent;
register(last, 0);
await pause(2);
const heldBack = unacknowledged.has(last);
for (const member of [0, 1, 2]) cluster.restart(member);
await allAcknowledged(120);
await until(() => servers.every((s, i) => s.log.indexOf("there again", logged[i]) >= 0));
let regained = 0;
for (const server of servers.keys()) regained += await answers(server, [last]);

const logs = servers.map((s) => s.log);
const ends = await Promise.all(servers.map((s) => s.kill("SIGTERM")));
await cluster.close();
socket.close();
process.stdout.write(
  JSON.stringify({
    seconds,
    sent,
    acknowledged: acknowledged.size - 1,
    faults,
    asked,
    some: some.length,
    resolved,
    lost,
    heldBack,
    regained,
    slowestEnd: Math.round(Math.max(...ends)),
    wrong,
    logs,
  }),
);
