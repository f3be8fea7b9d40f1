// Classifier, IPClassifier and IPFilter inside a router.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ConfigurationError,
  Element,
  type ElementSpec,
  HandlerError,
  Loader,
  Packet,
  Router,
  SimulatedClock,
} from "../../src/index.js";

/** Gives out packets that a test hands to it. */
class Hand extends Element {
  static readonly spec = { ports: "0/1", processing: "h" } as const satisfies ElementSpec;

  /** Sends packets with these bytes, each with its headers at 0 and 20. */
  send(...packets: readonly Uint8Array[]): void {
    const batch = this.router.batches.acquire();
    const packet = new Packet(this.memory);
    for (const bytes of packets) {
      packet.at(this.memory.kernels.poolTake());
      packet.setBytes(bytes);
      packet.networkHeader = packet.data;
      packet.transportHeader = packet.data + 20;
      batch.add(packet.slot);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }
}

/** Defines the names that the patterns use. */
class Info extends Element {
  static readonly spec = { ports: "0/0", configurePhase: 20 } as const satisfies ElementSpec;

  override configure(): void {
    this.graph.names.define("ip addresses", "", "gate", Uint8Array.of(10, 0, 0, 1));
    this.graph.names.define("ip prefixes", "", "gate", Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0));
    this.graph.names.define("tcp ports", "", "game", 4000);
  }
}

async function start(text: string, log: string[] = []): ReturnType<typeof Router.fromText> {
  const loader = new Loader();
  loader.add(Hand);
  loader.add(Info);
  return Router.fromText(text, { loader, clock: new SimulatedClock(), log: (line) => log.push(line) });
}

async function problems(text: string): Promise<string[]> {
  try {
    (await start(text)).close();
    return [];
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return e.diagnostics.flatMap((d) => d.message.split("\n").slice(1)).map((line) => line.trim());
  }
}

function ip(protocol: number, source: readonly number[], ports: readonly [number, number]): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes.set([0x45, 0, 0, 40, 0, 1, 0, 0, 64, protocol, 0, 0, ...source, 192, 168, 0, 1]);
  new DataView(bytes.buffer).setUint16(20, ports[0]);
  new DataView(bytes.buffer).setUint16(22, ports[1]);
  return bytes;
}

test("Classifier sends each packet to its pattern's output, and counts those it drops", async () => {
  const router = await start(
    "h :: Hand -> c :: Classifier(0/01, 0/02); c[0] -> a :: Discard; c[1] -> b :: Discard;",
  );
  const hand = router.find("h") as Hand;
  hand.send(Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(1), Uint8Array.of(3), new Uint8Array(0));
  hand.send(Uint8Array.of(2), Uint8Array.of(2));
  hand.send(Uint8Array.of(9));
  assert.equal(
    ["a.count", "b.count", "c.no_match"].map((h) => router.read(h)),
    ["2", "3", "3"],
  );
  assert.is(
    router.read("c.program"),
    " 0   0/01000000%ff000000  yes->[0]  no->step 1\n 1   0/02000000%ff000000  yes->[1]  no->[X]\nsafe length 1\nalignment offset 0\n",
  );
  assert.is(router.memory.slotsUsed, 0);
  router.close();
});

test("IPFilter takes its actions, quotes and the router's names", async () => {
  const router = await start(`Info; h :: Hand -> f :: IPFilter(
      drop src host gate, 1 "src net gate" && dst tcp port game, allow udp, 1 icmp, deny all);
    f[0] -> a :: Discard; f[1] -> b :: Discard;`);
  (router.find("h") as Hand).send(
    ip(6, [10, 0, 0, 1], [1, 4000]),
    ip(6, [10, 9, 9, 9], [1, 4000]),
    ip(17, [1, 1, 1, 1], [1, 4000]),
    ip(1, [1, 1, 1, 1], [0, 0]),
    ip(6, [10, 9, 9, 9], [1, 4001]),
  );
  assert.equal(
    ["a.count", "b.count", "f.no_match"].map((h) => router.read(h)),
    ["1", "2", "2"],
  );
  router.close();
});

test("IPClassifier's patterns can be changed one by one; a wrong one leaves the old", async () => {
  const log: string[] = [];
  const router = await start(
    "h :: Hand -> c :: IPClassifier(tcp, -); c[0] -> a :: Discard; c[1] -> b :: Discard;",
    log,
  );
  const hand = router.find("h") as Hand;
  assert.is(router.read("c.pattern0"), "tcp");
  await router.write("c.pattern0", "src port 7 or 8");
  assert.is(router.read("c.config"), "src port 7 or 8, -");
  hand.send(ip(6, [1, 1, 1, 1], [8, 9]), ip(6, [1, 1, 1, 1], [9, 8]));
  assert.equal(
    ["a.count", "b.count"].map((h) => router.read(h)),
    ["1", "1"],
  );
  try {
    await router.write("c.pattern1", "port 70000");
    assert.unreachable();
  } catch (e) {
    assert.instance(e, HandlerError);
    assert.match((e as Error).message, "pattern 1: 'port': out of range, bound 65535");
  }
  hand.send(ip(6, [1, 1, 1, 1], [9, 8]));
  assert.is(router.read("b.count"), "2");
  assert.is(router.read("c.pattern1"), "-");
  assert.equal(log, []);
  router.close();
});

test("what is wrong with the patterns is reported as Click does", async () => {
  assert.equal(await problems("Hand -> c :: Classifier(0/01, -) -> Discard"), [
    "need 1 arguments, one per output port",
  ]);
  assert.equal(await problems("Hand -> IPClassifier(tcp, -) -> Discard"), [
    "need 1 arguments, one per output port",
  ]);
  assert.equal(await problems("Hand -> Classifier(x) -> Discard"), ["pattern 0: expected a digit"]);
  assert.equal(await problems("Hand -> IPFilter(allow tcp, permit udp) -> Discard"), [
    "pattern 1: unknown slot ID 'permit'",
  ]);
  const log: string[] = [];
  const router = await start("Hand -> c :: IPClassifier(-, tcp); c[0] -> Discard; c[1] -> Discard;", log);
  assert.ok(log.join("\n").includes("output 1 matches no packets"), log.join("\n"));
  router.close();
});

test.run();
