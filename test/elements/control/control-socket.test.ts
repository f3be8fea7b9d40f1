// ControlSocket over real sockets: TCP on 127.0.0.1, and Unix sockets in a temporary folder.

import { once } from "node:events";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigurationError } from "../../../src/index.js";
import { freePorts } from "../../ports.js";
import { until as eventually } from "../../until.js";
import { client, everything, GREETING, start, talk } from "./control-client.js";

/** Waits until `socket` has sent something that ends with `end`. */
function until(socket: Socket, end: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const more = (t: unknown): void => {
      text += String(t);
      if (!text.endsWith(end)) return;
      socket.off("data", more);
      resolve(text);
    };
    socket.on("data", more);
  });
}

const CONFIG = "cs :: ControlSocket(TCP, 0, LOCALHOST true); s :: Script(TYPE PASSIVE, error oops)";

const DIALOGUES: readonly (readonly [string, string])[] = [
  ["READ s.class\r\n", "200 Read handler 's.class' OK\r\nDATA 6\r\nScript"],
  ["read 2.class\r\n", "200 Read handler '2.class' OK\r\nDATA 6\r\nScript"],
  ["get .driver\n", "200 Read handler '.driver' OK\r\nDATA 9\r\nuserlevel"],
  ["read 0.driver\n", "200 Read handler '0.driver' OK\r\nDATA 9\r\nuserlevel"],
  ["read s.add 1  2 \r", "200 Read handler 's.add' OK\r\nDATA 1\r\n3"],
  ["read driver", "200 Read handler 'driver' OK\r\nDATA 9\r\nuserlevel"],
  ["readdata s.length 5\r\na\r\nb\x01", "200 Read handler 's.length' OK\r\nDATA 1\r\n5"],
  ["readuntil s.length\na\nbc\n\n", "200 Read handler 's.length' OK\r\nDATA 1\r\n5"],
  ["readuntil s.length THE END\r\nab\r\nTHE END \r\n", "200 Read handler 's.length' OK\r\nDATA 1\r\n4"],
  [
    "write s.set a  b c \r\nread s.get a\n",
    "200 Write handler 's.set' OK\r\n200 Read handler 's.get' OK\r\nDATA 3\r\nb c",
  ],
  [
    "writedata s.set 4\na 12read s.get a\n",
    "200 Write handler 's.set' OK\r\n200 Read handler 's.get' OK\r\nDATA 2\r\n12",
  ],
  ["read nope.x\n", "510 No element named 'nope'\r\n"],
  ["read 9.x\n", "510 No element named '9'\r\n"],
  ["read s.nope\n", "511 No handler named 's.nope'\r\n"],
  ["read s.cat /etc/passwd\n", "511 No handler named 's.cat'\r\n"],
  ["write s.kill 9 1\n", "511 No handler named 's.kill'\r\n"],
  ["read stop\n", "530 Handler 'stop' write-only\r\n"],
  ["write list x\n", "530 Handler 'list' read-only\r\n"],
  ["read list 3\n", "590-Read handler 'list' error:\r\n590 read handler 'list' does not take parameters\r\n"],
  ["write s.run\n", "520-Write handler 's.run' error:\r\n520 oops\r\n"],
  ["write s.step x\n", "520-Write handler 's.step' error:\r\n520 syntax error\r\n"],
  ["checkread list\n", "200 Read handler 'list' OK\r\n"],
  ["checkwrite list\n", "511 Handler 'list' not writable\r\n"],
  ["checkread stop\n", "511 Handler 'stop' not readable\r\n"],
  ["checkwrite s.set\n", "200 Write handler 's.set' OK\r\n"],
  ["checkread s.cat\n", "511 No handler named 's.cat'\r\n"],
  ["read\n", "500 Wrong number of arguments\r\n"],
  ["readdata list\n", "500 Wrong number of arguments\r\n"],
  ["readdata list x\n", "500 Syntax error in 'READDATA'\r\n"],
  ["readdata list -1\n", "500 Syntax error in 'READDATA'\r\n"],
  ["readdata s.length 9\nabc", "500 Not enough data\r\n"],
  ["writeuntil s.set X\nabc\n", "500 Not enough data\r\n"],
  ["llrpc s#zz\n", "500 Syntax error in LLRPC name 's#zz'\r\n"],
  ["llrpc x#1\n", "510 No element named 'x'\r\n"],
  ["llrpc s#80040001 2\nab\n", "501 Cannot call LLRPC 's#80040001' remotely\r\n"],
  ["FROB x\n", "501 Command 'FROB' unimplemented\r\n"],
  ["\n  \r\n\n", ""],
  ["quit\nread list\n", "200 Goodbye!\r\n"],
  ["close now\n", "500 Bad command syntax\r\n200 Goodbye!\r\n"],
  ["read s.\x07\xff\n", "511 No handler named 's.^G\\377'\r\n"],
];

test("requests are answered as Click answers them", async () => {
  const world = await start(CONFIG);
  for (const [request, expected] of DIALOGUES) assert.is(await talk(world, request), expected, request);
  const help = await talk(world, "help\r\n");
  assert.match(help, /^200-Commands supported:\r\n(200-.*\r\n){9}200 QUIT {20}close connection\r\n$/);
  await world.close();
});

test("all requests of one connection are answered in order, however they are cut into pieces", async () => {
  const world = await start(CONFIG);
  const whole = DIALOGUES.slice(0, 4)
    .map(([request]) => (/[\r\n]$/.test(request) ? request : `${request}\n`))
    .join("");
  const expected = DIALOGUES.slice(0, 4)
    .map(([, answer]) => answer)
    .join("");
  const socket = await client({ port: Number(world.router.read("cs.port")), host: "127.0.0.1" });
  socket.setNoDelay(true);
  const all = everything(socket);
  for (const c of whole) {
    socket.write(c);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  assert.is(await all, GREETING + expected);
  await world.close();
});

test("READONLY refuses to write, and says so before it is tried", async () => {
  const world = await start("cs :: ControlSocket(TCP, 0, READONLY true, LOCALHOST true)");
  assert.is(
    await talk(world, "write stop\ncheckwrite stop\ncheckread list\n"),
    "530 Permission denied for 'stop'\r\n530 Permission denied for 'stop'\r\n200 Read handler 'list' OK\r\n",
  );
  assert.not(world.router.driver.stopped);
  await world.close();
});

test("PROXY: an element has the handlers in the router's stead", async () => {
  const world = await start(
    'cs :: ControlSocket(TCP, 0, PROXY p, LOCALHOST true); p :: Script(TYPE PROXY, goto no $(eq $0 x.bad), returnq "it is $0", label no, error no)',
  );
  assert.is(
    await talk(world, "read x.y\nread x.bad\n"),
    "200 Read handler 'x.y' OK\r\nDATA 9\r\nit is x.y590-Read handler 'x.bad' error:\r\n590 no\r\n",
  );
  await world.close();
});

test("PROXY does not serve private handlers", async () => {
  const world = await start(
    "cs :: ControlSocket(TCP, 0, PROXY s, LOCALHOST true); s :: Script(TYPE PASSIVE)",
  );
  assert.is(
    await talk(
      world,
      "read add 1 2\nread cat /etc/passwd\nread .catq /etc/passwd\ncheckread kill\nread kill 9 1\n",
    ),
    "200 Read handler 'add' OK\r\nDATA 1\r\n3" +
      ["cat", ".catq", "kill", "kill"].map((name) => `511 No proxied handler named '${name}'\r\n`).join(""),
  );
  await world.close();
});

test("a connection that speaks HTTP is closed at once, and nothing in it is done", async () => {
  const world = await start(CONFIG);
  for (const first of [
    "POST / HTTP/1.1\r\n",
    "GET /s.set HTTP/1.0\r\n",
    "PUT x\n",
    "options * http/1.1\n",
    "FROB / HTTP/1.1\r\n",
    "\r\nPOST / HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
  ]) {
    const said = await talk(world, `${first}Host: 127.0.0.1\r\n\r\nwrite s.set a hacked\r\nquit\r\n`);
    assert.is(said, "", first);
  }
  assert.is(
    await talk(world, "read s.get a\nGET s.length abc\nfrob it\n").then((t) => /hacked/.test(t)),
    false,
  );
  assert.is(
    world.log.filter((line) => /closes? a connection that speaks HTTP|speaks HTTP/.test(line)).length,
    1,
  );
  await world.close();
});

test("ADDRESS: where a TCP socket listens, IPv6 too", async () => {
  const world = await start("cs :: ControlSocket(TCP, 0, ADDRESS ::1)");
  const port = Number(world.router.read("cs.port"));
  const socket = await client({ port, host: "::1" });
  const all = everything(socket);
  socket.end("read driver\n");
  assert.match(await all, /userlevel$/);
  assert.is(await client({ port, host: "127.0.0.1" }).catch((e) => e.code), "ECONNREFUSED");
  await world.close();
});

test("a hot swap that narrows the address does not go on with what was open to all", async () => {
  const [port] = await freePorts(1);
  const world = await start(`cs :: ControlSocket(TCP, ${port})`, true);
  const outside = await client({ port, host: "127.0.0.2" });
  const gone = everything(outside);
  await world.router.swap(`cs :: ControlSocket(TCP, ${port}, LOCALHOST true)`);
  assert.is(await gone, GREETING);
  await eventually(
    async () => (await talk(world, "read driver\n").catch(() => "")) !== "",
    "it listens again",
  );
  assert.is(await client({ port, host: "127.0.0.2" }).catch((e) => e.code), "ECONNREFUSED");
  await world.close();
});

test("a Unix socket is served, and its file goes with it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const path = join(folder, "control");
    const world = await start(`cs :: ControlSocket(UNIX, ${path})`);
    const socket = await client({ path });
    const all = everything(socket);
    socket.end("read cs.filename\nread cs.port\n");
    const name = `200 Read handler 'cs.filename' OK\r\nDATA ${path.length}\r\n${path}`;
    assert.is(await all, `${GREETING}${name}200 Read handler 'cs.port' OK\r\nDATA 1\r\n0`);
    await world.close();
    assert.not(existsSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A socket file at `path` where nobody listens, as a killed program leaves it. */
async function stale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.first`);
  await once(server, "listening");
  linkSync(`${path}.first`, path);
  await new Promise((resolve) => server.close(resolve));
}

/** What the router says that cannot listen at `path`. */
async function refusal(path: string): Promise<string> {
  try {
    await start(`cs :: ControlSocket(UNIX, ${path})`);
  } catch (e) {
    assert.instance(e, ConfigurationError);
    return (e as Error).message.split("\n").at(-1)!.trim();
  }
  return assert.unreachable() as never;
}

test("a socket file where nobody listens is taken over; one where somebody does is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const path = join(folder, "control");
    await stale(path);
    const world = await start(`cs :: ControlSocket(UNIX, ${path})`);
    const why = await refusal(path);
    assert.is(why, `bind ${path}: Address already in use (another process listens there)`);
    const socket = await client({ path });
    const all = everything(socket);
    socket.end("read cs.port\n");
    assert.match(await all, /DATA 1\r\n0$/, "the first one has it still");
    await world.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is no socket, or another user's, stays, and is named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const path = join(folder, "control");
    writeFileSync(path, "text");
    assert.is(await refusal(path), `bind ${path}: Address already in use (it is there and is no socket)`);
    assert.is(readFileSync(path, "latin1"), "text");
    symlinkSync(path, `${path}-link`);
    assert.match(
      await refusal(`${path}-link`),
      /control-link: Address already in use \(it is there and is no/,
    );
    const missing = join(folder, "no", "control");
    assert.is(await refusal(missing), `bind ${missing}: No such file or directory`);
    if (process.getuid?.() !== 0) return;
    const his = join(folder, "his");
    await stale(his);
    chownSync(his, 65534, 65534);
    assert.match(await refusal(his), /\(the socket there belongs to another user \(65534\)\)$/);
    assert.ok(existsSync(his));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("PORT+ finds a later port; a port that is taken is an error, or is tried again", async () => {
  // One that the system gives to nobody else while it is closed.
  const [port] = await freePorts(1);
  const first = await start(`cs :: ControlSocket(TCP, ${port}, LOCALHOST true)`);
  const second = await start(`cs :: ControlSocket(TCP, ${port}+, LOCALHOST true)`);
  assert.ok(Number(second.router.read("cs.port")) > port);
  await second.close();
  try {
    await start(`cs :: ControlSocket(TCP, ${port}, LOCALHOST true)`);
    assert.unreachable();
  } catch (e) {
    assert.instance(e, ConfigurationError);
    assert.match((e as Error).message, /bind: Address already in use$/);
  }
  const third = await start(`cs :: ControlSocket(TCP, ${port}, LOCALHOST true, RETRIES 3)`);
  assert.match(third.log.join("\n"), /warning: bind: Address already in use \(3 tries left\)/);
  await first.close();
  // It listens after its next try.
  let said = "";
  await eventually(
    async () => (said = await talk(third, "read driver\n").catch(() => "")) !== "",
    "it answers",
  );
  assert.match(said, /userlevel$/);
  await third.close();
});

test("the last retry that fails stops the router", async () => {
  const first = await start("cs :: ControlSocket(TCP, 0, LOCALHOST true)");
  const port = first.router.read("cs.port");
  const second = await start(
    `cs :: ControlSocket(TCP, ${port}, LOCALHOST true, RETRIES 1, RETRY_WARNINGS false)`,
  );
  await second.running;
  assert.equal(second.log, ["bind: Address already in use"]);
  second.router.close();
  await first.close();
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["ControlSocket(FOO, 1)", "unknown socket type 'FOO'"],
  ["ControlSocket(TCP)", "PORT: required argument missing"],
  ["ControlSocket(TCP, x)", "PORT requires TCP port"],
  ["ControlSocket(TCP, 70000)", "PORT requires TCP port"],
  ["ControlSocket(UNIX, /tmp/x, ADDRESS ::1)", "ADDRESS is for TCP"],
  ["ControlSocket(TCP, 0, LOCALHOST true, ADDRESS ::1)", "LOCALHOST and ADDRESS exclude each other"],
  [`ControlSocket(UNIX, /tmp/${"x".repeat(120)})`, "filename too long"],
  ["ControlSocket(SOCKET, x)", "FD: invalid number"],
  ["ControlSocket(SOCKET, 0, VERBOSE maybe)", "VERBOSE: parse error"],
];
test("what cannot be configured is refused in Click's words", async () => {
  for (const [text, message] of REFUSED) {
    try {
      (await start(text)).router.close();
      assert.unreachable(text);
    } catch (e) {
      assert.match((e as Error).message, message.replace(/[()]/g, "\\$&"));
    }
  }
});

test("VERBOSE reports connections", async () => {
  const world = await start("cs :: ControlSocket(TCP, 0, VERBOSE true, LOCALHOST true)");
  await talk(world, "quit\n");
  await talk(world, "quit\n");
  assert.match(world.log[0], /^cs :: ControlSocket: opened connection 1 from 127\.0\.0\.1\.\d+$/);
  const closed = "cs :: ControlSocket: closed connection 1";
  await eventually(() => world.log.includes(closed), "it says so");
  await world.close();
});

test("a client may stop the router, and gets its answer", async () => {
  const world = await start(CONFIG);
  assert.is(await talk(world, "write stop\n"), "200 Write handler 'stop' OK\r\n");
  await world.running;
  world.router.close();
});

// ---- Hot swap -----------------------------------------------------------------

test("a hot swap keeps the connection that asked for it, and those of others", async () => {
  const world = await start("cs :: ControlSocket(TCP, 0, LOCALHOST true); a :: Script(TYPE PASSIVE)", true);
  const port = Number(world.router.read("cs.port"));
  const [one, two] = [await client({ port, host: "127.0.0.1" }), await client({ port, host: "127.0.0.1" })];
  await Promise.all([until(one, "\r\n"), until(two, "\r\n")]);
  one.write(`write hotconfig cs :: ControlSocket(TCP, 0, LOCALHOST true); b :: Script(TYPE PASSIVE)\n`);
  assert.is(await until(one, "\r\n"), "200 Write handler 'hotconfig' OK\r\n");
  for (const socket of [one, two]) {
    socket.write("read b.class\n");
    assert.match(await until(socket, "Script"), /^200 /);
    socket.write("read a.class\n");
    assert.is(await until(socket, "\r\n"), "510 No element named 'a'\r\n");
  }
  assert.is(Number(world.router.read("cs.port")), port);
  assert.match(await talk(world, "read list\n"), /^200 /);
  one.destroy();
  two.destroy();
  await world.close();
});

test("a swap that fails says why, and the old configuration goes on", async () => {
  const world = await start(CONFIG, true);
  assert.is(
    await talk(world, "write hotconfig Foo -> Bar\nread s.class\n"),
    "520-Write handler 'hotconfig' error:\r\n520-config:1: undeclared element 'Foo'\r\n520 config:1: undeclared element 'Bar'\r\n200 Read handler 's.class' OK\r\nDATA 6\r\nScript",
  );
  assert.is(
    await talk(world, "write hotconfig x :: Script(bad)\n"),
    "520-Write handler 'hotconfig' error:\r\n520-config:1: While configuring 'x :: Script':\r\n520-  syntax error at 'bad'\r\n520 Router could not be initialized!\r\n",
  );
  await world.close();
});

test("swaps under load: every client gets every answer, in order", async () => {
  const config = (n: number): string =>
    `cs :: ControlSocket(TCP, 0, LOCALHOST true); n${n} :: Script(TYPE PASSIVE); x :: Script(TYPE PASSIVE)`;
  const world = await start(config(0), true);
  const port = Number(world.router.read("cs.port"));
  const clients = await Promise.all(Array.from({ length: 8 }, () => client({ port, host: "127.0.0.1" })));
  const answers = clients.map(everything);
  const rounds = 25;
  for (let n = 1; n <= rounds; n++) {
    for (const [i, socket] of clients.entries())
      socket.write(i % 4 === 0 ? `write hotconfig ${config(n)}\n` : `read x.add ${n} ${i}\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const socket of clients) socket.end();
  for (const [i, text] of (await Promise.all(answers)).entries()) {
    const one = (n: number): string => {
      const sum = String(n + i);
      return `200 Read handler 'x.add' OK\r\nDATA ${sum.length}\r\n${sum}`;
    };
    const swapped = "200 Write handler 'hotconfig' OK\r\n".repeat(rounds);
    const read = Array.from({ length: rounds }, (_, k) => one(k + 1)).join("");
    assert.is(text, GREETING + (i % 4 === 0 ? swapped : read));
  }
  assert.is(world.router.read(`n${rounds}.class`), "Script");
  await world.close();
});

test.run();
