// timeout: 300
// sluice lisp why: against a router in a process of its own, over a Unix socket and TCP.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Explanation } from "../../src/lisp/itr/explanation.js";
import { until } from "../until.js";
import { exchange, launch, type Program, sluice } from "./sluice.js";

/** An ITR, an ETR that registers, and a Map-Server with Map-Resolver on one wire; and a resolver whom nobody answers. */
const GRAPH = `
  site :: LISPSite(192.168.2.0/24 10.0.0.2/1/75 10.0.0.3/1/25 10.0.0.4/2 10.0.0.5/255);
  registrar :: LISPRegistrar(site, RLOC 10.0.0.2, MAP_SERVER 10.0.0.100 key 1:secret proxy-reply);
  packets :: InfiniteSource(LIMIT 2, ACTIVE false) -> UDPIPEncap(192.168.1.10, 1000, 192.168.2.10, 2000)
    -> cache :: LISPMapCache(192.168.9.0/24 10.0.0.9) -> Discard;
  cache [1] -> ask :: LISPResolver(cache, RLOC 10.0.0.1, MAP_RESOLVER 10.0.0.100, TIMEOUT 30, MAX_TIMEOUT 30); ask [1] -> cache;
  silent :: LISPResolver(cache, RLOC 10.0.0.1, MAP_RESOLVER 10.0.0.200, TIMEOUT 0.1, INTERVAL 0.1, RETRIES 1);
  Idle -> silent -> Discard; Idle -> [1] silent; silent [1] -> Discard;
  ms :: LISPMapServer(a key secret eid 192.168.2.0/24, RLOC4 10.0.0.100);
  mr :: LISPMapResolver(RLOC4 10.0.0.100, MAP_SERVER ms);
  net :: IPClassifier(dst host 10.0.0.1, dst host 10.0.0.2, dst host 10.0.0.100);
  ask, registrar, ms, mr -> Queue -> Unqueue -> net;
  net [0] -> itr :: LISPControlClassifier => Discard, [1] ask, Discard, Discard, Discard, Discard;
  net [1] -> etr :: LISPControlClassifier => Discard, Discard, Discard, registrar, Discard, Discard;
  net [2] -> server :: LISPControlClassifier => Discard, Discard, ms, ms, mr, Discard;
`;

const test = suite("lisp why");
const folder = mkdtempSync(join(tmpdir(), "sluice-why-"));
const path = join(folder, "control");
let router: Program;

const write = (line: string): Promise<string> => exchange({ path }, `write ${line}\n`);
const why = (...words: string[]): ReturnType<typeof sluice> =>
  sluice(["lisp", "why", "--control", path, ...words]);

/** Asks until the answer has what is looked for. */
async function whyUntil(looked: RegExp, ...words: string[]): Promise<string> {
  let out = "";
  await until(async () => looked.test(({ out } = await why(...words)).out), `${looked}`).catch((e: Error) => {
    throw new Error(`${e.message}\n${out}`);
  });
  return out;
}

test.before(async () => {
  router = launch(["-u", path, "-e", GRAPH]);
  // The socket's file is there a moment before somebody listens.
  const registered = (): Promise<string> => exchange({ path }, "read registrar.registered\n").catch(() => "");
  await until(async () => (await registered()).includes("true"));
});

test.after(async () => {
  router.kill("SIGTERM");
  await router.ended;
  rmSync(folder, { recursive: true });
});

test("the timeline from the miss to the mapping, and why each locator is chosen or not", async () => {
  await write("packets.active true");
  const out = await whyUntil(/sent on/, "192.168.2.10", "--element", "ask");
  const nonce = "[0-9a-f]{16}";
  const date = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} UTC";
  const lines = [
    `Resolution of 192\\.168\\.2\\.10/32, ${date}`,
    "  \\+0\\.000000  miss: a packet from 192\\.168\\.1\\.10 to 192\\.168\\.2\\.10 has no mapping, and is held",
    `  \\+\\d\\.\\d{6}  Map-Request 1 to 10\\.0\\.0\\.100 from 10\\.0\\.0\\.1, nonce (${nonce}), [12] packets? held; to be answered within 30 s`,
    `  \\+\\d\\.\\d{6}  Map-Reply from 10\\.0\\.0\\.100, nonce \\1: 192\\.168\\.2\\.0/24 ttl 1440 10\\.0\\.0\\.2/1/75 10\\.0\\.0\\.3/1/25 .*`,
    "  \\+\\d\\.\\d{6}  into the map-cache: 192\\.168\\.2\\.0/24 10\\.0\\.0\\.2/1/75 .* ttl 86400",
    "  \\+\\d\\.\\d{6}  2 held packets sent on",
    "",
    `Mapping of 192\\.168\\.2\\.0/24, by a Map-Reply, ${date}; until ${date}, 86\\d{3} s more`,
    "  packets are encapsulated; 2 packets so far",
    "  10\\.0\\.0\\.2 priority 1 weight 75: chosen: best priority, 75% of the flows by weight; \\d packets?",
    "  10\\.0\\.0\\.3 priority 1 weight 25: chosen: best priority, 25% of the flows by weight; \\d packets?",
    "  10\\.0\\.0\\.4 priority 2 weight 100: not chosen: priority 1 is better; 0 packets",
    "  10\\.0\\.0\\.5 priority 255 weight 100: not chosen: priority 255 means never; 0 packets",
    "",
  ];
  assert.match(out, new RegExp(`^${lines.join("\n")}$`));
});

test("--json gives the same as data, for another EID of the mapping", async () => {
  await whyUntil(/sent on/, "192.168.2.10", "--element", "ask");
  const { code, out, err } = await why("192.168.2.99", "--element", "ask", "--json");
  assert.equal([code, err], [0, ""]);
  const e: Explanation = JSON.parse(out);
  assert.equal(
    [e.eid, e.mapping!.eid, e.mapping!.origin],
    ["192.168.2.99/32", "192.168.2.0/24", "map-reply"],
  );
  assert.equal(
    e.resolution!.events.map((event) => event.event),
    ["miss", "request", "reply", "installed", "sent"],
  );
});

test("a negative answer, and what it does", async () => {
  await write("ask.ask 192.168.3.1");
  const out = await whyUntil(/into the map-cache/, "192.168.3.1", "--element", "ask");
  assert.match(out, "asked for: the router wants it, without a packet");
  assert.match(
    out,
    /Map-Reply from 10\.0\.0\.100, nonce [0-9a-f]{16}: 192\.168\.3\.0\/24 ttl 15 natively-forward/,
  );
  assert.match(out, "natively-forward: packets go to a proxy ETR, or on without LISP; 0 packets so far");
});

test("nobody answers: first not ended, then given up", async () => {
  await write("silent.ask 192.168.4.1");
  const out = await whyUntil(/given up/, "192.168.4.1", "--element", "silent");
  assert.equal(
    [...out.matchAll(/ {2}\+\S+ {2}(.*?)(,.*)?\n/g)].map(([, what]) => what),
    [
      "asked for: the router wants it",
      "Map-Request 1 to 10.0.0.200 from 10.0.0.1",
      "no answer from 10.0.0.200 in time",
      "Map-Request 2 to 10.0.0.200 from 10.0.0.1",
      "no answer from 10.0.0.200 in time",
      "given up; not asked for again within 30 s",
    ],
  );
  assert.match(out, /\nThe map-cache has no mapping for it\.\n$/);
});

test("a mapping of the configuration, and one of a handler, in an instance", async () => {
  const { out } = await why("192.168.9.9", "--element", "silent");
  assert.match(
    out,
    /^Mapping of 192\.168\.9\.0\/24, from the configuration; for good\n {2}packets are encapsulated; 0 /,
  );
  await write("cache.add 192.168.9.0/24 10.0.0.9/1/100/down iid 7");
  const { out: other } = await why("192.168.9.9", "--iid", "7", "--element", "silent");
  assert.match(
    other,
    "No resolution about it is among the last 128.\n\nMapping of 192.168.9.0/24 in instance 7, by a handler",
  );
  assert.match(other, "packets are dropped: no locator may be used");
  assert.match(other, "10.0.0.9 priority 1 weight 100: not chosen: not reachable, as the mapping says");
});

for (const [what, words, complaint] of [
  [
    "an EID of which nothing is known",
    ["10.9.9.9", "--element", "ask"],
    /^10\.9\.9\.9: no mapping in the map-cache, and no resolution about it among the last 128\n$/,
  ],
  [
    "several resolvers",
    ["10.9.9.9"],
    /: this router has several LISPResolvers: ask, silent; say which with --element\n$/,
  ],
  ["no such element", ["10.9.9.9", "--element", "nope"], /: No element named 'nope'\n$/],
  [
    "an element that is no resolver",
    ["10.9.9.9", "--element", "cache"],
    /: No handler named 'cache\.why'\n$/,
  ],
] as const)
  test(`refused by the router: ${what}`, async () => {
    const { code, out, err } = await why(...words);
    assert.equal([code, out], [1, ""]);
    assert.match(err, complaint);
  });

/** A server on a path of its own that says `text` to whoever connects, then, if need be, closes. */
async function stranger(name: string, text: string, closes: boolean): Promise<Server & { path: string }> {
  const where = join(folder, name);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (closes) socket.end(text);
    else socket.write(text);
  });
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return Object.assign(server, { path: where });
}

const GREETING = "Click::ControlSocket/1.3\r\n";
for (const [what, text, complaint] of [
  ["that is no ControlSocket", "SSH-2.0-x\x1b\r\n", "no ControlSocket: it begins with ‘SSH-2.0-x?’"],
  ["that closes at once", "", "the connection was closed"],
  ["that closes within an answer", `${GREETING}200 OK\r\nDATA 10\r\nabc`, "the connection was closed"],
  ["that answers without a code", `${GREETING}what?\r\n`, "an answer that is not of Click's protocol"],
  ["that sends a line without end", "x".repeat(200_000), "an answer that is not of Click's protocol"],
  [
    "that announces too much",
    `${GREETING}200 OK\r\nDATA 999999999\r\n`,
    "an answer that is not of Click's protocol",
  ],
  [
    "whose element answers otherwise",
    `${GREETING}200 OK\r\nDATA 2\r\nhi`,
    "x.why does not answer in JSON: is it a LISPResolver?",
  ],
] as const)
  test(`a server ${what}`, async () => {
    const server = await stranger("stranger", text, true);
    const { code, err } = await sluice([
      "lisp",
      "why",
      "10.1.1.1",
      "--element",
      "x",
      "--control",
      server.path,
    ]);
    server.close();
    assert.equal([code, Buffer.from(err, "latin1").toString()], [1, `${server.path}: ${complaint}\n`]);
  });

test("a server that says nothing more is waited for as long as --timeout says", async () => {
  const server = await stranger("silent", GREETING, false);
  const where = ["--control", server.path];
  const { code, err } = await sluice(["lisp", "why", "10.1.1.1", ...where, "--timeout", "0.2"]);
  server.close();
  assert.equal([code, err], [1, `${server.path}: no answer within 0.2 seconds\n`]);
});

test("a router without a resolver, over TCP", async () => {
  const program = launch(["-p", "27100+", "-e", "Script(print $(click_driver@@ControlSocket.port), pause)"]);
  await program.until(() => /^\d+\n$/.test(program.out()));
  const where = `127.0.0.1:${program.out().trim()}`;
  const { code, err } = await sluice(["lisp", "why", "10.1.1.1", "--control", where]);
  program.kill("SIGTERM");
  await program.ended;
  assert.equal([code, err], [1, `${where}: this router has no LISPResolver\n`]);
});

for (const [where, complaint] of [
  ["/nonesuch/socket", "/nonesuch/socket: No such file or directory\n"],
  ["[127.0.0.1]:9", /^\[127\.0\.0\.1\]:9: [Cc]onnection refused\n$/],
] as const)
  test(`nobody listens at ${where}`, async () => {
    const { code, err } = await sluice(["lisp", "why", "10.1.1.1", "--control", where]);
    assert.is(code, 1);
    assert.match(err, complaint);
  });

for (const [words, complaint] of [
  [[], "no EID given"],
  [["10.1.1.1"], "no ControlSocket given"],
  [["10.1.1.1", "10.1.1.2", "--control", "x"], "more than one EID given"],
  [["nonsense", "--control", "x"], "not an EID-prefix"],
  [["10.1.1.1", "--control", ""], "HOST:PORT or the path"],
  [["10.1.1.1", "--control", "localhost:99999"], "no port 99999"],
  [["10.1.1.1", "--control", "x", "--iid", "1.5"], "not a whole number"],
  [["10.1.1.1", "--control", "x", "--timeout", "0"], "from 0.01 to 3600"],
  [["10.1.1.1", "--control", "x", "--element", "a b"], "is no name"],
] as const)
  test(`refused: why ${words.join(" ")}`, async () => {
    const { code, out, err } = await sluice(["lisp", "why", ...words]);
    assert.equal([code === 0, out], [false, ""]);
    assert.match(err, complaint);
  });

test.run();
