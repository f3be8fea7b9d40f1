// timeout: 600
// 100,000 bad requests over raw sockets: the API stays up, its memory bounded, and the service runs on.

import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Random, SeededRandom } from "../../../src/router/random.js";
import { ApiClient } from "../../../src/vnf/api/client.js";
import type { FunctionView } from "../../../src/vnf/api/routes.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Manager } from "../../../src/vnf/manager/manager.js";
import { ServiceFolder } from "../../../src/vnf/state/folder.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/two-sites.yaml", import.meta.url));
const REQUESTS = 100_000;
/** Requests that are written at once, on a connection that is kept. */
const PIPELINE = 50;
const CONNECTIONS = 16;
const SEED = 4;

const state = mkdtempSync(join(tmpdir(), "sluice-"));
const world = new SimulatedWorld(1);
let manager: Manager;
let api: ApiClient;
let port = 0;

test.before(async () => {
  const folder = new ServiceFolder("two-sites", state);
  manager = await Manager.instantiate(readDescriptor(FILE), { world, folder, port: 0 });
  await manager.service.start();
  await world.simulation.runFor(3);
  api = new ApiClient(manager.url, manager.token);
  port = Number(new URL(manager.url).port);
});

test.after(async () => {
  await manager.terminate();
  rmSync(state, { recursive: true, force: true });
});

/** Every route with its method, as the API's own document has them. */
async function operations(): Promise<[string, string][]> {
  const { paths } = await api.get<{ paths: Record<string, object> }>("/openapi.json");
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path]),
  );
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)];
}

function garbage(random: Random, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => random.below(256)));
}

/** Values that no schema takes, and no name that there is. */
const BODIES = [
  "null",
  "[]",
  "{}",
  '"x"',
  "1e999",
  '{"value":1}',
  '{"replicas":-1}',
  '{"replicas":1e9}',
  '{"__proto__":{"value":"x"}}',
  '{"file":"../../etc/passwd"}',
  '{"descriptor":"service: [","file":"x"}',
  '{"descriptor":"\\u0000"}',
  '{"at":"never"}',
  "[".repeat(5000),
  "{",
  "",
];
const NAMES = ["nobody", "..", "%2e%2e%2f", "%00", "%zz", "x".repeat(300), "__proto__", "constructor", "*"];

class Attack {
  readonly #random: Random;
  readonly #operations: readonly [string, string][];

  constructor(random: Random, operations: readonly [string, string][]) {
    this.#random = random;
    this.#operations = operations;
  }

  /** The path of a route, with names that there are not. */
  #path(path: string): string {
    return path.replace(/\{\w+\}/g, () => pick(this.#random, NAMES));
  }

  #message(method: string, path: string, headers: readonly string[], body = ""): string {
    const length = Buffer.byteLength(body, "latin1");
    return `${method} ${path} HTTP/1.1\r\n${["host: x", ...headers].join("\r\n")}\r\ncontent-length: ${length}\r\n\r\n${body}`;
  }

  /** A request that must be refused, and after which the connection can be used. */
  polite(): string {
    const random = this.#random;
    const [method, path] = pick(random, this.#operations);
    const token = `authorization: Bearer ${manager.token}`;
    const body = pick(random, BODIES);
    switch (random.below(5)) {
      case 0:
        return this.#message(method, this.#path(path), []);
      case 1:
        return this.#message(method, path, [`authorization: Bearer ${"x".repeat(random.below(100))}`]);
      case 2:
        if (random.below(2) === 0) return this.#message("DELETE", "/v1/events", [token]);
        return this.#message(pick(random, ["GET", "PUT", "POST", "DELETE"]), `/${pick(random, NAMES)}`, [
          token,
        ]);
      case 3:
        return this.#message("GET", `/v1/functions?${pick(random, NAMES)}=1`, [token]);
      default: {
        // Terminating the service is no bad request.
        const safe = this.#operations.filter(([m, p]) => p.includes("{") || m === "PUT" || m === "POST");
        const [m, p] = pick(random, safe);
        return this.#message(m, this.#path(p), [token], m === "PUT" || p.endsWith("/scale") ? body : "");
      }
    }
  }

  /** One that breaks the connection. */
  rude(): string {
    const random = this.#random;
    const whole = this.polite();
    switch (random.below(6)) {
      case 0:
        return garbage(random, 1 + random.below(2000));
      case 1:
        return `GET / HTTP/1.1\r\nx: ${"y".repeat(16384 + random.below(50_000))}\r\n\r\n`;
      case 2:
        return `PUT /v1/service HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${manager.token}\r\ncontent-length: ${2 ** 31}\r\n\r\n{}`;
      case 3:
        return `PUT /v1/service HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${manager.token}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`;
      case 4:
        return whole.slice(0, random.below(whole.length));
      default: {
        const at = random.below(whole.length);
        return `${whole.slice(0, at)}${garbage(random, 3)}${whole.slice(at + 1)}`;
      }
    }
  }
}

/** Sends `text` and gives the status codes answered until `expected` have come or the connection ends. */
function exchange(text: string, expected: number): Promise<number[]> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    let head = "";
    const codes: number[] = [];
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(codes);
    };
    // A request that was cut off gets no answer before the server's own time-out.
    const timer = setTimeout(done, expected === 0 ? 20 : 10_000);
    socket.setEncoding("latin1");
    socket.on("data", (data) => {
      head += data;
      for (const m of head.matchAll(/HTTP\/1\.1 (\d{3}) /g)) codes.push(Number(m[1]));
      // A status line may be split.
      head = head.slice(-20).replace(/HTTP\/1\.1 \d{3} /g, "");
      if (expected > 0 && codes.length >= expected) done();
    });
    socket.on("error", () => {});
    socket.on("close", done);
    socket.write(text, "latin1");
  });
}

test("100,000 bad requests leave the API up, its memory bounded, and the service running", async () => {
  const random = new SeededRandom(SEED);
  const attack = new Attack(random, await operations());
  const started = performance.now();
  const before = process.memoryUsage().rss;
  const seen = new Map<number, number>();
  let left = REQUESTS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      const rude = random.below(8) === 0;
      const count = rude ? 1 : Math.min(PIPELINE, left);
      const codes = rude
        ? await exchange(attack.rude(), 0)
        : await exchange(Array.from({ length: count }, () => attack.polite()).join(""), count);
      // What was behind a request that ended the connection was not looked at.
      left -= Math.max(1, codes.length);
      for (const code of codes) seen.set(code, (seen.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const seconds = (performance.now() - started) / 1000;
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  const told = `seed ${SEED}: ${JSON.stringify([...seen].sort())} in ${seconds.toFixed(1)} s, ${grown.toFixed(0)} MB more`;
  console.log(told);
  for (const code of [400, 401, 404, 405]) assert.ok((seen.get(code) ?? 0) > 100, told);
  assert.is(seen.get(500) ?? 0, 0, told);
  assert.ok(grown < 300, told);
  // The service is as it was.
  const views = await api.get<FunctionView[]>("/v1/functions");
  assert.equal(
    views.map((v) => `${v.name} ${v.state} ${v.restarts}`),
    ["ms", "xtr1", "xtr2", "host1", "host2"].map((name) => `${name} started 0`),
  );
  const answers = async (): Promise<number> =>
    Number((await api.get<{ value: string }>("/v1/functions/host1/handlers/answers.count")).value);
  const at = await answers();
  await world.simulation.runFor(3);
  assert.ok((await answers()) > at, "pings flow");
});

test("a caller who sends slowly is cut off, and others are served meanwhile", async () => {
  const sockets = Array.from({ length: 50 }, () => connect(port, "127.0.0.1"));
  const ended = sockets.map(
    (socket) =>
      new Promise<void>((resolve) =>
        socket
          .on("error", () => {})
          .on("close", () => resolve())
          .resume(),
      ),
  );
  const started = performance.now();
  const drip = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write("x");
  }, 500);
  // Half of them are slow with their headers, and half with a body that was refused.
  const refused = `PUT /v1/service HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 30}\r\n\r\n`;
  for (const [i, socket] of sockets.entries()) socket.write(i % 2 === 0 ? "GET / HTTP/1.1\r\nx: " : refused);
  assert.is((await api.get<FunctionView[]>("/v1/functions")).length, 5);
  await Promise.all(ended);
  clearInterval(drip);
  const seconds = (performance.now() - started) / 1000;
  // 10 s, and as long again as a busy machine may take; without a limit they would never end.
  assert.ok(seconds < 60, `${seconds} s`);
});

test.run();
