// HypervisorAgent: what it takes and drops, its handlers, and what is wrong with its configuration.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AgentKind,
  type AgentMessage,
  writeAgentMessage,
} from "../../../src/cloud/agent/agent-message.js";
import { requestBody, stateBody } from "../../../src/cloud/agent/requests.js";
import { streamId } from "../../../src/cloud/hypervisors/stream.js";
import { ConfigurationError, type Router } from "../../../src/index.js";
import { writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { address, Net } from "../../cloud/agent-net.js";
import { FakeHypervisor } from "../../cloud/fake-hypervisor.js";

const A = "10.0.0.1";
const C = "10.0.0.9";
const SIX_A = "fd00::1";
const SIX_C = "fd00::9";
const HELLO = requestBody({ op: "hello" }, (bytes) => bytes);

interface Made extends Partial<AgentMessage> {
  readonly from?: string;
  readonly to?: string;
  readonly port?: number;
  readonly secret?: Uint8Array;
}

/** A datagram from C to A. */
function datagram({
  from = C,
  to = A,
  port = 4344,
  secret = Buffer.from("secret"),
  ...message
}: Made): Uint8Array {
  const ends = { source: address(from), destination: address(to), sourcePort: 4344, destinationPort: port };
  const whole = { kind: "request", keyId: 1, session: 0n, nonce: 5n, body: HELLO, ...message } as const;
  return writeUdpPacket({ ...ends, payload: writeAgentMessage(whole, secret, ends) });
}

/** Sends `bytes` to the agent and gives the counters that have changed. */
async function counted(net: Net, router: Router, ...packets: readonly Uint8Array[]): Promise<string> {
  const names = Object.keys({
    ...router.find("element")!.spec.counters,
    ...router.find("element")!.spec.drops,
  });
  const read = (): number[] => names.map((name) => Number(router.read(`element.${name}`)));
  const before = read();
  for (const bytes of packets) net.deliver(A, bytes);
  await net.run(0.01);
  return read()
    .map((n, i) => (n === before[i] ? "" : `${names[i]} ${n - before[i]}`))
    .filter((text) => text !== "")
    .join(", ");
}

test("what is no message of a controller or another agent is dropped, and counted by reason", async () => {
  const net = new Net();
  const router = await net.agent(A, ", CONTROLLERS 1");
  const all = (...packets: readonly Uint8Array[]): Promise<string> => counted(net, router, ...packets);
  assert.is(await all(datagram({})), "requests 1");
  assert.is(await all(datagram({})), "repeats 1");
  assert.is(await all(Uint8Array.of(1, 2, 3)), "malformed 1");
  assert.is(await all(datagram({ body: new Uint8Array(3) })), "malformed 1");
  assert.is(await all(datagram({ port: 4343 })), "elsewhere 1");
  assert.is(await all(datagram({ to: "10.0.0.2" })), "elsewhere 1");
  assert.is(await all(datagram({ secret: Buffer.from("other") })), "bad_auth 1");
  assert.is(await all(datagram({ keyId: 2 })), "bad_auth 1");
  assert.is(await all(datagram({ from: "10.0.0.8" })), "full 1");
  assert.is(await all(datagram({ kind: "acknowledgement" })), "stray 1");
  for (const kind of ["answer", "event"] as const satisfies readonly AgentKind[])
    assert.is(await all(datagram({ kind, body: stateBody("again") })), "stray 1");
  for (const kind of ["stream", "stream-answer"] as const)
    assert.is(await all(datagram({ kind, session: streamId(new Uint8Array(16)) })), "no_stream 1");
  // Sixty-four later ones are remembered, but not the first of all.
  const later = Array.from({ length: 70 }, (_, i) => datagram({ nonce: BigInt(i + 6) }));
  for (const one of later) await all(one);
  assert.is(await all(datagram({ nonce: 4n })), "replay 1");
  assert.is(await all(datagram({})), "replay 1");
  net.close();
});

test("of more messages than can be looked at, some are dropped, and none is lost track of", async () => {
  const net = new Net();
  const router = await net.agent(A);
  const forged = datagram({ secret: Buffer.from("other") });
  for (let i = 0; i < 1100; i++) router.inject("element", forged);
  assert.is(router.read("element.busy"), String(1100 - 1024));
  await net.run(0);
  assert.is(router.read("element.bad_auth"), "1024");
  net.close();
});

test("where no packet is free for a message, that is counted, and it is sent again", async () => {
  const net = new Net();
  const fake = new FakeHypervisor();
  const router = await net.start(A, `HypervisorAgent(test, ADDR ${A}, KEY 1:secret)`, () => fake);
  const { told } = await net.remote(C, A);
  await net.run(0.1);
  const { kernels } = router.memory;
  const held: number[] = [];
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) held.push(slot);
  fake.tell();
  assert.is(router.read("element.no_slot"), "1");
  for (const slot of held) kernels.poolGive(slot);
  await net.run(0.2);
  assert.is(told.length, 1);
  net.close();
});

test("both families of addresses are answered, each at its own", async () => {
  const net = new Net();
  const router = await net.agent(`${A} ${SIX_A}`);
  const four = await net.remote(C, A);
  const six = net.watch(four.controller, SIX_C, SIX_A);
  net.join(`${C} ${SIX_C}`, four.controller.router);
  const status = await net.outcome(six.hypervisor.status());
  assert.is((status as { driver: string }).driver, "simulated");
  assert.match(router.read("element.controllers"), /^fd00::9 1 orders 0 [0-9.]+\n10\.0\.0\.9 1 orders 0 /);
  net.close();
});

test("a simulated hypervisor is told by handlers what runs there", async () => {
  const net = new Net();
  const router = await net.agent(
    A,
    ", web memory 1G address 10.1.0.5 fd00:1::5 mtu 1400 rate 10M set 100M",
    "simulated:memory 4G guests 3 migrations 2 mtu 1450",
  );
  assert.is(router.read("element.status"), `simulated ${4 * 2 ** 30} ${3 * 2 ** 30} 3 1 2 1450\n`);
  assert.is(router.read("element.guests"), `web running ${2 ** 30} - 10.1.0.5 fd00:1::5\n`);
  const failed = async (handler: string, text: string): Promise<string> => {
    try {
      await router.write(`element.${handler}`, text);
      return "";
    } catch (e) {
      return (e as Error).message;
    }
  };
  assert.is(await failed("define", "db memory 512M mtu 1280"), "");
  assert.is(await failed("define", "db memory 1 mtu 1280"), "there is a virtual machine 'db'");
  assert.is(
    await failed("define", "big memory 3G mtu 1280"),
    "3221225472 bytes of memory, of which 2684354560 are free",
  );
  assert.is(
    await failed("define", "wide memory 1M"),
    "packets of 1500 bytes, on a network that carries 1450",
  );
  assert.is(
    await failed("define", "x memory 1M speed 3"),
    "'speed' is none of memory, address, mtu, rate, set",
  );
  assert.is(await failed("define", "x memory"), "'memory' has no value");
  assert.is(await failed("define", "x memory 1M memory 2M"), "'memory' is there twice");
  assert.is(
    await failed("define", "x memory 1.3"),
    "memory '1.3' is not a number from 1 to 1125899906842624",
  );
  assert.is(await failed("define", "x address 10.1"), "x: 'memory BYTES' is missing");
  assert.is(await failed("define", "x memory 1M address 10.1"), "x: '10.1' is not an address");
  assert.is(
    await failed("define", `x memory 1M address ${"10.0.0.1 ".repeat(9)}`),
    "x: 9 addresses, at most 8",
  );
  assert.is(await failed("define", ""), "expected the name of a virtual machine");
  assert.is(await failed("undefine", "nobody"), "there is no virtual machine 'nobody'");
  assert.is(await failed("undefine", "db"), "");
  assert.is(await failed("fault", "fire"), "expected none, refuse, stall, die");
  assert.is(router.read("element.fault"), "none");
  assert.is(await failed("fault", "stall"), "");
  assert.is(router.read("element.fault"), "stall");
  assert.is(await failed("refresh", ""), "");
  assert.is(router.read("element.guests"), `web running ${2 ** 30} - 10.1.0.5 fd00:1::5\n`);
  net.close();
});

test("any other hypervisor is asked for what it has, and followed by its events", async () => {
  const net = new Net();
  const fake = new FakeHypervisor();
  const router = await net.start(A, `HypervisorAgent(test, ADDR ${A}, KEY secret)`, () => fake);
  await net.run(0.1);
  assert.is(router.read("element.status"), "fake 4 1 2 0 1 1500\n");
  assert.is(router.read("element.guests"), "");
  const addresses = [address("10.1.0.5")];
  fake.list = [{ name: "web", state: "running", memory: 3, addresses, mtu: 1500, migration: "m1" }];
  fake.tell({ kind: "failed", reason: "no room", rounds: 2 });
  await new Promise(setImmediate);
  assert.is(router.read("element.guests"), "web running 3 m1 10.1.0.5\n");
  assert.is(router.read("element.migrations"), "m1 web failed 0.100 1 2 no room\n");
  let message = "";
  await router.write("element.define", "x memory 1M").catch((e: Error) => {
    message = e.message;
  });
  assert.is(message, "'test' is no simulated hypervisor");
  assert.is(router.read("element.fault"), "none");
  net.close();
  assert.is(fake.closed, 1);
});

async function complaints(config: string): Promise<string> {
  const net = new Net();
  try {
    await net.start(A, config);
    return "";
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return e.diagnostics.map(({ message }) => message).join("; ");
  } finally {
    net.close();
  }
}

test("what is wrong with a configuration is said", async () => {
  assert.match(await complaints("HypervisorAgent(simulated, KEY a)"), /ADDR: expected an address/);
  assert.match(
    await complaints("HypervisorAgent(simulated, ADDR 10.0.0.1, ADDR 10.0.0.2)"),
    /ADDR: more than one address of a family/,
  );
  assert.match(
    await complaints(`HypervisorAgent(simulated, ADDR ${A}, ROUTER fd00::3)`),
    /ROUTER fd00::3: there is no ADDR of its family/,
  );
  assert.match(
    await complaints(`HypervisorAgent(simulated, ADDR ${A}, TRUST key 1:a)`),
    /there is no EID-prefix/,
  );
  assert.match(await complaints(`HypervisorAgent(nothing, ADDR ${A})`), /'nothing' is not a hypervisor/);
  assert.match(
    await complaints(`HypervisorAgent("simulated:memory lots", ADDR ${A})`),
    /'simulated:memory lots' is not a hypervisor: memory 'lots' is not a number/,
  );
  assert.match(
    await complaints(`HypervisorAgent(simulated, ADDR ${A}, KEY 1:a, WATCH_KEY 1:b)`),
    /key 1 sha256 is there twice/,
  );
  assert.match(
    await complaints(`HypervisorAgent(simulated, ADDR ${A}, web)`),
    /web: 'memory BYTES' is missing/,
  );
  assert.match(
    await complaints(`HypervisorAgent(simulated, ADDR ${A}, web memory 1T)`),
    /1099511627776 bytes of memory/,
  );
});

test.run();
