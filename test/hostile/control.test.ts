// timeout: 900
// Mutated LISP control messages, 100,000 of them, through every codec and every control element: what each element is
// given is counted, tables keep to their sizes, nothing goes in circles, and no slot or memory is lost.

import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ElementSpec } from "../../src/index.js";
import { toHex } from "../wire/lisp-control/fixtures.js";
import { caused, DIRECTED } from "./control/directed.js";
import { HostileMessages } from "./control/messages.js";
import { runControl } from "./control/run.js";
import { ControlWorld, WORLD } from "./control/world.js";
import { TRIALS } from "./element-table.js";

const MESSAGES = 100_000;
/** Heap that may come on top while the last nine tenths go through: bytes. */
const GROWTH = 12 << 20;

/**
 * Drops that no message can cause in this world: faults of stores, of the pool, and of configurations; of xTRs there
 * are not too many once the mapping database is full; and what data packets lead to is not here.
 */
const OTHERWISE = new Set([
  "LISPMapServer too_many_peers",
  "LISPRegistrar no_nonce",
  "LISPMapServer store_failed",
  "LISPMapServer busy",
  "LISPMapServer pending_full",
  "LISPMapResolver looping",
  "LISPSMRReceiver no_resolver",
  "LISPSMRSender full",
  "LISPResolver no_resolver",
  "LISPResolver bad_packet",
  "LISPResolver cache_full",
  "LISPSubscriber no_resolver",
  "LISPSubscriber cache_full",
  "LISPSubscriber foreign",
  // Authentic for the addresses of their datagrams alone, which these messages get later: change-priority.test.ts has such.
  "LISPChangePriority off",
  "LISPChangePriority replay",
  "LISPChangePriority senders",
  "LISPChangePriority unauthorized",
  "LISPChangePriority refused",
]);

/** What these cannot read is no LISP message: elements.test.ts gives them what they take. */
const NO_MESSAGES = new Set(["LISPMobility", "LISPPathMTU"]);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test("every element that takes control messages is there", () => {
  const manual: Readonly<Record<string, { readonly file: string; readonly spec: ElementSpec }>> = JSON.parse(
    readFileSync(new URL("../../manual.json", import.meta.url), "utf8"),
  );
  const names = Object.keys(manual).filter((name) => {
    const { file, spec } = manual[name];
    if (!file.startsWith("lisp/") || NO_MESSAGES.has(name)) return false;
    const code = readFileSync(new URL(`../../elements/${file}`, import.meta.url), "utf8");
    return /hannel\.(receive|takeAnswers)\(/.test(code) || "malformed" in { ...spec.counters, ...spec.drops };
  });
  assert.ok([...NO_MESSAGES].every((name) => name in TRIALS));
  const missing = names.filter((name) => !WORLD.includes(`:: ${name}`));
  assert.equal(missing, [], "to be put into WORLD of test/hostile/control/world.ts");
  assert.ok(names.length >= 8, names.join(" "));
});

test("the same seed gives the same messages", () => {
  const [a, b] = [1, 1].map((seed) => new HostileMessages(seed));
  for (let i = 0; i < 200; i++) assert.is(toHex(a.next().packet), toHex(b.next().packet));
});

test("100,000 mutated messages go through all codecs and elements", async () => {
  let early = 0;
  let late = 0;
  const dropped = new Set<string>();
  const kept = new Set<string>();
  const { messages, valid, world } = await runControl(1, MESSAGES, (run) => {
    if (early === 0 && run.messages >= MESSAGES / 10) early = heap();
    if (run.messages < MESSAGES) return;
    late = heap();
    for (const element of run.world.elements())
      for (const name of Object.keys(element.spec.drops ?? {})) {
        const { className } = element;
        if (!className.startsWith("LISP") || className === "LISPMapCache" || NO_MESSAGES.has(className))
          continue;
        const some = element.memory.get64(element.counterAddress(name)) > 0;
        (some ? dropped : kept).add(`${element.className} ${name}`);
      }
  });
  assert.is(messages, MESSAGES);
  assert.ok(valid > MESSAGES / 2, `${valid} could be decoded`);
  assert.ok(world.sent > MESSAGES / 2, `${world.sent} messages were sent`);
  assert.ok(late - early < GROWTH, `${late - early} bytes of heap on top of ${early}`);
  const elsewhere = new Set([...OTHERWISE, ...DIRECTED]);
  const never = [...kept].filter((d) => !dropped.has(d) && !elsewhere.has(d) && !/no_slot|not_sent/.test(d));
  assert.equal(
    never,
    [],
    "drop reasons that chance leaves out need a message in test/hostile/control/directed.ts",
  );
  assert.ok(dropped.size > 50, `${dropped.size} reasons`);
});

for (const name of DIRECTED)
  test(`a message leads to ${name}`, async () => {
    assert.ok(!OTHERWISE.has(name));
    assert.ok((await caused(name)) > 0);
  });

test("a packet that an element does not count, and one that is lost, are found", async () => {
  const world = await ControlWorld.start(1, () => {});
  world.check();
  world.router.memory.kernels.poolTake();
  assert.throws(() => world.check(), "1 slots in use, 0 packets wait");
  const { element } = { element: world.router.find("reg1")! };
  element.counterAddress = () => element.memory.alloc(8);
  assert.throws(() => world.push("to_reg1", Uint8Array.of(0x45)), "reg1 took 1 packets and counted 0");
  world.router.close();
});

test.run();
