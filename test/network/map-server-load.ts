// A program for a network namespace of its own: runs conf/map-server.click with a store, registers with it over UDP,
// kills it, starts it again and asks for what it had acknowledged. Says what came of it as JSON.
//
//   map-server-load.js kill FOLDER SEED           kill -9 amid 10,000 registrations, three times
//   map-server-load.js trace FOLDER COUNT FILE    COUNT registrations, one at a time, with strace writing FILE

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../src/lisp/control/authentication.js";
import { parseEid, parseRloc } from "../../src/lisp/mapping.js";
import { SeededRandom } from "../../src/router/random.js";
import { ipAddress } from "../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../src/wire/lisp-control/map-request.js";
import { decodeLispControl, encodeLispControl } from "../../src/wire/lisp-control/message.js";
import { type MapNotify, mapRegister } from "../../src/wire/lisp-control/registration.js";
import { MAIN } from "../cli/sluice.js";
import { record } from "../elements/lisp/control.js";
import { TRACED_CALLS } from "../lisp/database/sync-trace.js";

const CONFIG = fileURLToPath(new URL("../../../conf/map-server.click", import.meta.url));
const KEY: AuthenticationKey = { id: 1, secret: Buffer.from("secret"), algorithms: [2] };
const MS = "10.0.0.100";
const XTR = "10.0.0.1";
const TOTAL = 10_000;
const WINDOW = 300;
const KILLS = 3;
/** Milliseconds without any answer after which what has none is sent again. */
const AGAIN = 400;
/** Milliseconds after which a Map-Server that says nothing is given up. */
const PATIENCE = 90_000;

const [mode, folder, number, file] = process.argv.slice(2);

/** The Map-Server as a process of its own. */
class Server {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  constructor(before: readonly string[] = []) {
    const words = [
      ...before,
      process.execPath,
      MAIN,
      "run",
      CONFIG,
      "CORE=core",
      "SITES=a key secret eid 100.64.0.0/10 more",
      `STORE=lmdb:${folder}`,
    ];
    this.#child = spawn(words[0], words.slice(1), { stdio: ["ignore", "inherit", "inherit"] });
    this.#gone = new Promise((done) => this.#child.on("exit", done));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#gone;
  }

  /** Ends what strace runs; strace itself ends once it has written all of it. */
  async endTraced(): Promise<void> {
    const { pid } = this.#child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ");
    for (const child of children) process.kill(Number(child), "SIGTERM");
    await this.#gone;
  }
}

const socket = createSocket("udp4");
let nonce = 1n;
/** What was sent and has no answer yet, also where it was sent again since, by nonce: the number of its EID. */
const open = new Map<bigint, number>();
const acknowledged = new Set<number>();
const answered = new Set<number>();
const wrong: string[] = [];
/** In place of a number: an EID that no site has, to see whether the Map-Server answers. */
const NOBODY = -1;
let heardOf = false;

const eid = (n: number): string => `100.64.${n >> 8}.${n & 255}/32`;
/** A locator that says which registration it is. */
const rloc = (n: number): string => `198.18.${n >> 8}.${n & 255}`;

socket.on("message", (bytes) => {
  const message = decodeLispControl(bytes);
  if (message.type !== "map-notify" && message.type !== "map-reply") {
    wrong.push(`a ${message.type}`);
    return;
  }
  const n = open.get(message.nonce);
  if (n === undefined) return;
  open.delete(message.nonce);
  if (n === NOBODY) {
    heardOf = true;
    return;
  }
  const [first] = message.records;
  const locator = first?.locators[0]?.rloc;
  const right = locator?.kind === "ip" && Buffer.compare(locator.address, parseRloc(rloc(n))) === 0;
  if (!right) wrong.push(`${eid(n)} in a ${message.type}: ${first?.locators.length ?? 0} locators`);
  else if (message.type === "map-reply") answered.add(n);
  else if (authentic(bytes, message)) acknowledged.add(n);
  else wrong.push("a Map-Notify that is not authentic");
});

function authentic(bytes: Uint8Array, message: MapNotify): boolean {
  return verifyAuthentication(bytes, message, [KEY]).verdict === "valid";
}

function registerOne(n: number): void {
  open.set(++nonce, n);
  const message = mapRegister({
    nonce,
    records: [record(eid(n), rloc(n))],
    proxyReply: true,
    wantNotify: true,
    ids: { xtrId: new Uint8Array(16).fill(1), siteId: new Uint8Array(8) },
  });
  socket.send(authenticate(message, KEY, 2, "ids"), 4342, MS);
}

function askOne(n: number): void {
  const { address, length } = parseEid(n === NOBODY ? "203.0.113.1/32" : eid(n));
  open.set(++nonce, n);
  const message = mapRequest({
    nonce,
    itrRlocs: [ipAddress(parseRloc(XTR))],
    records: [{ eid: ipAddress(address), maskLength: length, subscribe: false }],
  });
  socket.send(encodeLispControl(message), 4342, MS);
}

async function started(): Promise<void> {
  heardOf = false;
  for (const deadline = Date.now() + PATIENCE; !heardOf; ) {
    if (Date.now() > deadline) throw new Error("the Map-Server does not answer");
    askOne(NOBODY);
    await new Promise((later) => setTimeout(later, 50));
  }
  open.clear();
}

/**
 * Sends for each number, at most `window` at once, again where nothing comes; until all have their answer, or `enough`.
 * Returns how many were under way then.
 */
async function sendAll(
  numbers: readonly number[],
  window: number,
  send: (n: number) => void,
  done: ReadonlySet<number>,
  { again = AGAIN, enough = (): boolean => false } = {},
): Promise<number> {
  await started();
  const underWay = new Set<number>();
  let waiting = numbers.filter((n) => !done.has(n));
  let heard = Date.now();
  // A busy machine may need longer than that: what was sent before counts, and gets more time while nothing at all comes.
  let wait = again;
  while (waiting.length > 0 && !enough()) {
    if (Date.now() > heard + PATIENCE) throw new Error(`nothing for ${PATIENCE} ms, ${waiting.length} left`);
    underWay.clear();
    let next = 0;
    let quiet = Date.now();
    while ((next < waiting.length || underWay.size > 0) && !enough() && Date.now() - quiet < wait) {
      for (; next < waiting.length && underWay.size < window; next++) {
        send(waiting[next]);
        underWay.add(waiting[next]);
      }
      await new Promise((later) => setImmediate(later));
      for (const n of underWay) {
        if (!done.has(n)) continue;
        underWay.delete(n);
        quiet = heard = Date.now();
      }
    }
    const left = waiting.filter((n) => !done.has(n));
    wait = left.length < waiting.length ? again : 2 * wait;
    waiting = left;
  }
  return underWay.size;
}

async function kill(seed: number): Promise<unknown> {
  const random = new SeededRandom(seed);
  const all = Array.from({ length: TOTAL }, (_, n) => n);
  const rounds: { acknowledged: number; underWay: number; answered: number }[] = [];
  let server = new Server();
  for (let round = 0; round < KILLS; round++) {
    const until = Math.floor((TOTAL * (round + 0.2 + 0.6 * random.real())) / KILLS);
    const enough = (): boolean => acknowledged.size >= until;
    const underWay = await sendAll(all, WINDOW, registerOne, acknowledged, { enough });
    await server.end("SIGKILL");
    // What it had said already may still be under way to us; what comes later yet counts as not said.
    await new Promise((later) => setTimeout(later, 50));
    open.clear();
    server = new Server();
    answered.clear();
    await sendAll([...acknowledged], WINDOW, askOne, answered);
    rounds.push({ acknowledged: acknowledged.size, underWay, answered: answered.size });
  }
  await sendAll(all, WINDOW, registerOne, acknowledged);
  await server.end("SIGTERM");
  return { rounds, acknowledged: acknowledged.size, wrong };
}

async function trace(count: number): Promise<unknown> {
  const options = ["-f", "-y", "-x", "-s", "64", "-e", `trace=${TRACED_CALLS},sendmmsg,sendto,sendmsg`];
  const server = new Server(["strace", ...options, "-o", file]);
  const all = Array.from({ length: count }, (_, n) => n);
  // Sent again, one could be acknowledged twice for one time on disk.
  await sendAll(all, 1, registerOne, acknowledged, { again: PATIENCE });
  await server.endTraced();
  return { acknowledged: acknowledged.size, wrong };
}

for (const words of [
  "link set lo up",
  "link add core type veth peer name peer",
  "link set core addrgenmode none",
  "link set peer addrgenmode none",
  `addr add ${XTR}/24 dev peer`,
  "link set core up",
  "link set peer up",
])
  execFileSync("ip", words.split(" "));
await new Promise<void>((done) => socket.bind(4342, XTR, done));
socket.setRecvBufferSize(1 << 20);
const result = await (mode === "kill" ? kill(Number(number)) : trace(Number(number)));
socket.close();
process.stdout.write(JSON.stringify(result));
