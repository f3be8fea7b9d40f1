// sluice lisp lig: against a resolver on the loopback interface.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapRequest } from "../../src/wire/lisp-control/map-request.js";
import { decodeLispControl, encodeLispControl } from "../../src/wire/lisp-control/message.js";
import { record, reply } from "../elements/lisp/control.js";
import { sluice } from "./sluice.js";

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
