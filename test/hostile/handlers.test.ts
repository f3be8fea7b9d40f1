// timeout: 300
// Every handler of every element, read and written with random text while the router runs: what is wrong is a
// HandlerError, and the router goes on.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HandlerError, Router, SimulatedClock } from "../../src/index.js";
import type { Handler } from "../../src/router/handler.js";
import { type Random, SeededRandom } from "../../src/router/random.js";
import { idleFacilities } from "../facilities.js";
import { hostileClasses, settings } from "./element-run.js";

interface Page {
  /** Below `elements/`. */
  readonly file: string;
  readonly comment: string;
}

const MANUAL: Readonly<Record<string, Page>> = JSON.parse(
  readFileSync(new URL("../../manual.json", import.meta.url), "utf8"),
);

/** Values written to each handler of an element. */
const WRITES = 80;

/** What people, scripts and attackers write. */
const WORDS = [
  "",
  " ",
  "0",
  "1",
  "-1",
  "true",
  "false",
  "yes",
  "4294967295",
  "4294967296",
  "-2147483649",
  "1e400",
  "NaN",
  "0x",
  "1.5",
  "65535",
  "65536",
  "10.0.0.1",
  "10.0.0.0/8",
  "10.0.0.1 2:2:2:2:2:2",
  "2001:db8::1",
  "::/0",
  "0/0",
  "0.0.0.0/0 0",
  "10.0.0.0/8 10.0.0.1 0",
  "2001:db8::/32 fe80::1 0",
  "10.0.0.0/8 192.0.2.1",
  "192.0.2.0/24 192.0.2.1/1/50 ttl 60 iid 3",
  "10.0.0.0/8 action drop",
  "255.255.255.255",
  "1:2:3:4:5:6",
  "ff:ff:ff:ff:ff:ff",
  "\\<00>",
  '"',
  "'",
  '"unfinished',
  "(",
  "$x",
  ",",
  ",,,",
  "a, b, c",
  "LIMIT 3",
  "BURST 100000",
  "CAPACITY 0",
  "TTL 999",
  "\0",
  "\n",
  "\xff\xfe",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "all",
  "none",
  "-",
  "allow all",
  "12/0800",
  "add 10.0.0.0/8 0",
  "remove 10.0.0.0/8",
  "1s",
  "5ms",
  "1Mbps",
  "99999999999999999999",
  "0.0000000001",
  "//",
  "/* */",
  "x".repeat(5000),
  "1 ".repeat(2000),
];

function text(random: Random, handler: Handler, config: string): string {
  switch (random.below(6)) {
    case 0:
      return Array.from({ length: random.below(40) }, () => String.fromCharCode(random.below(256))).join("");
    case 1:
      return `${WORDS[random.below(WORDS.length)]} ${WORDS[random.below(WORDS.length)]}`;
    case 2: {
      // Something near what it is now.
      let now = config;
      try {
        if (handler.read !== undefined && random.below(2) === 0) now = String(handler.read(""));
      } catch {
        now = "";
      }
      const at = random.below(now.length + 1);
      return now.slice(0, at) + WORDS[random.below(WORDS.length)] + now.slice(at + random.below(3));
    }
    default:
      return WORDS[random.below(WORDS.length)];
  }
}

/** What a handler may throw. Anything else is a bug. */
async function tried(what: string, run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (e) {
    if (e instanceof HandlerError) return;
    throw new Error(`${what}: ${e instanceof Error ? (e.stack ?? e.message) : e}`, { cause: e });
  }
}

async function fuzz(className: string, config: string, seed: number): Promise<number> {
  const random = new SeededRandom(seed);
  const router = new Router({
    clock: new SimulatedClock(),
    memory: { bytes: 64 * 2 ** 20, slots: 2048 },
    log: () => {},
    print: () => {},
    facilities: idleFacilities(),
  });
  await router.start(config);
  let calls = 0;
  const readAll = async (): Promise<void> => {
    for (const element of router.elements)
      for (const [name, handler] of router.handlers(element)) {
        if (handler.read === undefined) continue;
        calls++;
        await tried(`read ${element.name}.${name}`, () => {
          const parameters = handler.spec.params ? text(random, handler, element.config) : "";
          const value: unknown = handler.read?.(parameters);
          if (!["string", "number", "boolean"].includes(typeof value))
            throw new TypeError(`gave ${typeof value}`);
        });
      }
  };
  try {
    await readAll();
    for (const element of router.elements) {
      if (element.className !== className) continue;
      for (const [name, handler] of router.handlers(element)) {
        if (handler.write === undefined) continue;
        for (let i = 0; i < WRITES; i++) {
          const value = text(random, handler, element.config);
          calls++;
          await tried(`write ${element.name}.${name} ${JSON.stringify(value.slice(0, 200))}`, () =>
            handler.write?.(value),
          );
          if (i % 32 === 0) router.step();
        }
        await readAll();
      }
    }
    router.step(2);
    const elements = router.elements.length;
    assert.ok(router.read("list").startsWith(`${elements}\n`), "the router still answers");
  } finally {
    router.close();
  }
  assert.is(router.memory.slotsUsed, 0, "no slot is lost");
  return calls;
}

function example(className: string): string | undefined {
  return /^@example\s+([\s\S]*?)(?=^@|(?![\s\S]))/m.exec(MANUAL[className].comment)?.[1].trim();
}

/** A configuration with the element in it: its manual's example, or one from the hostile runs. */
function configuration(className: string): string | undefined {
  const given = example(className);
  if (given !== undefined || !hostileClasses().includes(className)) return given;
  const { trial, inputs, outputs } = settings(className)[0];
  const lines = [`e :: ${className}(${trial.config});`];
  for (let i = 0; i < inputs; i++) lines.push(`Idle -> [${i}] e;`);
  for (let i = 0; i < outputs; i++) lines.push(`e [${i}] -> Discard;`);
  return lines.join("\n");
}

for (const className of Object.keys(MANUAL)) {
  const config = configuration(className);
  // Devices need an interface; their handlers are tested with one.
  if (config === undefined || MANUAL[className].file.startsWith("device/")) continue;
  test(`the handlers of ${className} withstand any text`, async () => {
    assert.ok((await fuzz(className, config, 11)) > 0);
  });
}

test.run();
