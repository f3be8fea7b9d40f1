// The same configuration, seed and simulated clock give the same bytes, from the command line and in a network of
// routers; another seed gives others.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MapProvider, makeLink, Router, Simulation } from "../../src/index.js";
import { sluice } from "../cli/sluice.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-determinism-"));
test.after(() => rmSync(folder, { recursive: true }));

/** An ITR whose nonces are random, seen by Print, and ICMP and ARP with their own timers. */
const ITR = `
  define($FILE none)
  RatedSource(DATA "determinism", RATE 500, LIMIT 200, STOP true)
    -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
    -> map :: LISPMapCache(10.2.0.0/16 192.0.2.1/1/50 192.0.2.2/1/50)
    -> LISPEncap(192.0.2.9, NONCE true)
    -> Print(lisp, 48, TIMESTAMP true)
    -> q :: ARPQuerier(192.0.2.9/24, 2:2:2:2:2:2)
    -> ToDump($FILE);
  ICMPPingSource(10.1.0.1, 10.1.0.2, INTERVAL 0.05) -> Print(ping, 40) -> Discard;
  Idle -> [1] q;
  Script(wait 0.2, write q.insert 192.0.2.1 1:1:1:1:1:1, loop);
`;

async function runOnce(seed: number, n: number): Promise<{ text: string; file: Buffer }> {
  const file = join(folder, `${seed}-${n}.pcap`);
  const words = ["--simtime", "--seed", String(seed), "-h", "*.handlers", "-h", "map.table", "-h", "q.table"];
  const { code, out, err } = await sluice([...words, "-e", ITR, `FILE=${file}`]);
  assert.is(code, 0, err);
  return { text: `${out}\n--\n${err}`.replaceAll(file, "FILE"), file: readFileSync(file) };
}

test("a run with a seed, twice, prints the same and writes the same capture file; another seed does not", async () => {
  const [first, again, other] = [await runOnce(1, 1), await runOnce(1, 2), await runOnce(2, 1)];
  assert.ok(first.file.length > 10_000, `${first.file.length} bytes captured`);
  assert.ok(first.text.length > 10_000, first.text);
  assert.is(first.text, again.text);
  assert.ok(first.file.equals(again.file), "the same capture file");
  assert.not(first.file.equals(other.file), "nonces follow the seed");
  assert.is.not(first.text, other.text);
});

interface Trace {
  readonly lines: readonly string[];
  readonly counts: string;
}

/** Two xTRs that send each other packets over a link that loses and delays them. */
async function xtrPair(seed: number): Promise<Trace> {
  const simulation = new Simulation(seed);
  const { clock, schedule, random } = simulation;
  const ends = makeLink({
    clock,
    schedule,
    random: () => random.real(),
    delay: 0.005,
    jitter: 0.02,
    loss: 0.1,
    rate: 2e6,
    queue: 20,
    names: ["wan", "wan"],
  });
  const lines: string[] = [];
  const routers: Router[] = [];
  for (const [i, end] of ends.entries()) {
    const [me, you] = [i + 1, 2 - i];
    const devices = new MapProvider([["wan", end]]);
    const router = await Router.fromText(
      `RatedSource(DATA "from ${me}", RATE 400, LIMIT 400)
         -> UDPIPEncap(10.${me}.0.1, 1000, 10.${you}.0.1, 2000)
         -> map :: LISPMapCache(10.${you}.0.0/16 192.0.2.${you})
         -> encap :: LISPEncap(192.0.2.${me}, NONCE true)
         -> arp :: ARPQuerier(192.0.2.${me}/24, 2:0:0:0:0:${me})
         -> Queue(1000) -> out :: ToDevice(wan);
       in :: FromDevice(wan) -> eth :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800);
       eth[0] -> ARPResponder(192.0.2.${me} 2:0:0:0:0:${me}) -> Queue(10) -> ToDevice(wan);
       eth[1] -> [1] arp;
       eth[2] -> Strip(14) -> CheckIPHeader -> lisp :: LISPClassifier;
       lisp[0] -> Print(outer, 60, TIMESTAMP true) -> decap :: LISPDecap(PEERS 16) -> Print(inner, 40) -> Discard;
       lisp[1] -> Discard; lisp[2] -> Discard;`,
      { clock, seed: seed * 10 + i, devices, log: (line) => lines.push(`${i} ${line}`) },
    );
    simulation.add(router);
    routers.push(router);
  }
  simulation.run(3);
  const counts = routers
    .map((r) => ["encap.count", "arp.queries", "map.hits"].map((h) => `${h} ${r.read(h)}`).join(", "))
    .join("; ");
  for (const router of routers) {
    router.close();
    assert.is(router.memory.slotsUsed, 0, "every slot is back");
  }
  return { lines, counts };
}

test("two xTRs over a link with loss, jitter and a rate: the same seed gives the same packets at the same times", async () => {
  const [first, again, other] = [await xtrPair(1), await xtrPair(1), await xtrPair(2)];
  assert.ok(first.lines.length > 500, `${first.lines.length} lines; ${first.counts}; ${first.lines[0]}`);
  assert.ok(first.lines.length < 4 * 400, "some were lost");
  assert.equal(first.lines, again.lines);
  assert.is(first.counts, again.counts);
  assert.is.not(first.lines.join("\n"), other.lines.join("\n"));
});

test.run();
