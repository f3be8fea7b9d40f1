// Two hosts of conf/host.click on one link: the traffic that they measure for one another.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NumberedReport } from "../../src/transport/streams/numbered-flow.js";
import type { VoiceReport } from "../../src/transport/streams/voice-call.js";
import { Network } from "./network.js";

const host = (own: number, peer: number): Record<string, string> => ({
  IP4: `192.168.1.${own}`,
  IP6: `fd01::${own}`,
  PEER4: `192.168.1.${peer}`,
  PEER6: `fd01::${peer}`,
  VERBOSE: "false",
  RATE: "10",
});

test("numbered packets and voice run both ways between hosts, over IPv4 and IPv6", async () => {
  const network = new Network();
  const [a, b] = network.link("eth0", "eth0");
  const sending = { NUMBERED4: "1000", NUMBERED6: "500", VOICE4: "true", VOICE6: "true", CODEC: "G.729" };
  await network.make("one", "host.click", [["eth0", a]], { ...host(10, 11), ...sending });
  const two = await network.make("two", "host.click", [["eth0", b]], { ...host(11, 10), CODEC: "G.729" });
  await network.simulation.runFor(3);
  const numbered: NumberedReport[] = JSON.parse(two.read("numbered.report", "--json"));
  assert.equal(numbered.map((r) => r.source).sort(), ["192.168.1.10", "fd01::10"]);
  for (const r of numbered) {
    assert.ok(r.received > 1400, `${r.received} received`);
    assert.equal([r.lost, r.doubled, r.reordered], [0, 0, 0]);
    assert.ok(Math.abs(r.delay_ms!.p50 - 2) < 0.1, `${r.delay_ms!.p50} ms`);
  }
  const calls: VoiceReport[] = JSON.parse(two.read("voice.report", "--json"));
  assert.is(calls.length, 2);
  for (const call of calls) {
    assert.equal([call.lost, call.delay_from], [0, "clock"]);
    // R of G.729A without loss is about 82.
    assert.ok(call.r > 78 && call.r < 82, `R ${call.r}`);
  }
  assert.is(two.read("udp_received.count"), String(3 * 10));
  network.close();
});

test.run();
