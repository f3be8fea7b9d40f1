// sluice lisp lig: against a resolver on the loopback interface.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapRequest } from "../../src/wire/lisp-control/map-request.js";
import { decodeLispControl, encodeLispControl } from "../../src/wire/lisp-control/message.js";
import { record, reply } from "../elements/lisp/control.js";
import { until } from "../until.js";
import { exchange, launch, sluice } from "./sluice.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-lig-"));
test.after(() => rmSync(folder, { recursive: true }));

interface Asked {
  readonly message: MapRequest;
  /** Inner source port: where a Map-Reply goes. */
  readonly port: number;
}

/** A resolver that hands each request to `answer`; what it returns is sent to the ITR. */
async function resolver(
  answer: (asked: Asked, n: number) => Uint8Array[],
): Promise<{ socket: Socket; port: string }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let n = 0;
  socket.on("message", (bytes) => {
    const ecm = decodeLispControl(new Uint8Array(bytes));
    if (ecm.type !== "encapsulated-control" || ecm.inner?.message.type !== "map-request") return;
    const asked = { message: ecm.inner.message, port: ecm.inner.sourcePort };
    for (const message of answer(asked, ++n)) socket.send(message, asked.port, "127.0.0.1");
  });
  return { socket, port: String(socket.address().port) };
}

const lig = (port: string, ...words: string[]): ReturnType<typeof sluice> =>
  sluice(["lisp", "lig", "--resolver", "127.0.0.1", "--port", port, ...words]);

test("asks as an ITR does, and prints the records of the answer", async () => {
  const asked: Asked[] = [];
  const { socket, port } = await resolver((a) => {
    asked.push(a);
    return [encodeLispControl(reply(a.message.nonce, record("10.1.0.0/16", "192.0.2.1 192.0.2.2")))];
  });
  const { code, out, err } = await lig(port, "10.1.2.3", "--iid", "7", "--timeout", "30");
  socket.close();
  assert.equal([code, err], [0, ""]);
  assert.match(
    out,
    /^10\.1\.2\.3: answer from 127\.0\.0\.1 after \d+\.\d ms\n {2}10\.1\.0\.0\/16 ttl 1440 192\.0\.2\.1\/1\/100 192\.0\.2\.2\/1\/100\n$/,
  );
  const [{ message }] = asked;
  assert.is(asked.length, 1);
  assert.equal(message.itrRlocs, [{ kind: "ip", address: Uint8Array.of(127, 0, 0, 1) }]);
  const inner = { kind: "ip", address: Uint8Array.of(10, 1, 2, 3) };
  assert.is(message.records[0].maskLength, 32);
  assert.equal(message.records[0].eid, { kind: "instance", iid: 7, iidMaskLength: 0, address: inner });
});

test("with --control it says which registrations of a router nobody confirms; and what a negative minute means", async () => {
  const path = join(folder, "control");
  const router = launch([
    "-u",
    path,
    "-e",
    "site :: LISPSite(10.1.0.0/16 192.0.2.1); Idle -> registrar :: LISPRegistrar(site, RLOC 127.0.0.1, MAP_SERVER 192.0.2.9 key secret, TIMEOUT 0.01) -> Discard; Idle -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.2) -> Discard; cache [1] -> ask :: LISPResolver(cache, RLOC 127.0.0.1) -> Discard; Idle -> [1] ask; ask [1] -> Discard;",
  ]);
  await until(async () =>
    (await exchange({ path }, "read registrar.problem\n").catch(() => "")).includes("confirmed"),
  );
  const { socket, port } = await resolver((a) => [
    encodeLispControl(reply(a.message.nonce, record("10.1.0.0/16", "", { action: 1, ttl: 1 }))),
  ]);
  const words = ["10.1.2.3", "--timeout", "30", "--control", path];
  const { out } = await lig(port, ...words);
  assert.match(out, / natively-forward \(a site's: no xTR has registered it, or none was confirmed\)\n/);
  assert.match(
    out,
    /\n {2}registrar: Map-Server 192\.0\.2\.9 has not confirmed 1 of 1 EID-prefixes after \d+ Map-Registers: .*\n$/,
  );
  const { problems } = JSON.parse((await lig(port, ...words, "--json")).out);
  assert.match(problems.join(), "has not confirmed");
  const why = ["lisp", "why", "10.2.2.3", "--control", path];
  assert.match((await sluice(why)).out, /\n\nregistrar: Map-Server 192\.0\.2\.9 has not confirmed .*\n$/);
  assert.match(JSON.parse((await sluice([...why, "--json"])).out).problems.join(), "has not confirmed");
  socket.close();
  router.kill("SIGTERM");
  await router.ended;
});

test("asks again when no answer comes, and heeds none with another nonce", async () => {
  const nonces: bigint[] = [];
  const { socket, port } = await resolver(({ message: { nonce } }, n) => {
    nonces.push(nonce);
    const forged = encodeLispControl(reply(nonce ^ 1n, record("10.0.0.0/8", "192.0.2.66")));
    return n === 1
      ? [forged, Uint8Array.of(1, 2, 3)]
      : [encodeLispControl(reply(nonce, record("10.1.0.0/16", "", { action: 1, ttl: 15 })))];
  });
  // An answer may come later than that on a busy machine.
  const { code, out } = await lig(port, "10.1.0.0/24", "--timeout", "0.3", "--tries", "100", "--json");
  socket.close();
  const { from, message } = JSON.parse(out);
  assert.equal([code, from, message.type, message.records[0].ttl], [0, "127.0.0.1", "map-reply", 15]);
  assert.ok(nonces.length >= 2, `${nonces.length} requests`);
  assert.is(new Set(nonces).size, 1);
});

test("without an answer it fails after as many tries as given", async () => {
  let requests = 0;
  const { socket, port } = await resolver(() => {
    requests++;
    return [];
  });
  const { code, out, err } = await lig(port, "fd01::1", "--timeout", "0.1", "--tries", "2");
  socket.close();
  assert.equal([code, out, requests], [1, "", 2]);
  assert.match(err, "no answer from 127.0.0.1");
});

for (const [words, complaint] of [
  [[], "no EID given"],
  [["10.1.0.1"], "no Map-Resolver given"],
  [["10.1.0.1", "--resolver", "127.0.0.1", "--control", ""], "--control: a ControlSocket is HOST:PORT"],
  [["10.1.0.1", "--resolver", "127.0.0.1", "--control", "host:99999"], "--control: there is no port 99999"],
  [["10.1.0.1", "10.1.0.2", "--resolver", "127.0.0.1"], "more than one EID given"],
  [["nonsense", "--resolver", "127.0.0.1"], "not an EID-prefix"],
  [["10.1.0.1", "--resolver", "x"], "not an IP address"],
  [["10.1.0.1", "--resolver", "127.0.0.1", "--tries", "0"], "from 1 to 100"],
  [["10.1.0.1", "--resolver", "127.0.0.1", "--iid", "1.5"], "not a whole number"],
  [["10.1.0.1", "--resolver", "127.0.0.1", "--source", "::1"], "two address families"],
] as const)
  test(`refused: lig ${words.join(" ")}`, async () => {
    const { code, out, err } = await sluice(["lisp", "lig", ...words]);
    assert.equal([code === 0, out], [false, ""]);
    assert.match(err, complaint);
  });

test.run();
