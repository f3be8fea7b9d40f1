// Service descriptors: what they say, and what is wrong with them, with the place and what to do.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigurationError, type Diagnostic } from "../../../src/lang/diagnostics.js";
import { SCHEMA } from "../../../src/vnf/descriptor/check.js";
import { ISOLATIONS } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor, readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { replicas } from "../../../src/vnf/descriptor/replicas.js";

const SERVICES = fileURLToPath(new URL("../../../../conf/services/", import.meta.url));
const FILE = `${SERVICES}test.yaml`;

function problems(text: string): readonly Diagnostic[] {
  try {
    parseDescriptor(text, FILE);
  } catch (e) {
    assert.instance(e, ConfigurationError);
    return (e as ConfigurationError).diagnostics;
  }
  throw new Error("the descriptor was accepted");
}

function only(text: string): Diagnostic {
  const found = problems(text);
  assert.is(found.length, 1, found.map((d) => d.message).join("\n"));
  return found[0];
}

const SMALL = "service: s\nlinks: { core: {} }\nfunctions:\n  f:\n    graph: ../hub.click\n";

test("every descriptor in conf/services can be read", () => {
  const files = readdirSync(SERVICES).filter((f) => f.endsWith(".yaml"));
  assert.ok(files.length > 0);
  for (const f of files) assert.ok(readDescriptor(`${SERVICES}${f}`).functions.size > 0);
});

test("the schema knows every isolation, and no other", () => {
  const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
  assert.equal(schema.definitions.isolation.enum, Object.keys(ISOLATIONS));
});

test("defaults are filled in, and quantities have their units", () => {
  const d = parseDescriptor(
    `service: s
world: { seed: 7 }
links:
  core: { delay: 5ms, jitter: 0.001, loss: 1.5%, rate: 100Mbps, mtu: 1400 }
functions:
  f: { graph: ../hub.click, parameters: { PORT1: core }, devices: { core: core, up: { interface: eth0 } } }
faults:
  - { at: 1min, link: core, down: true, for: 500ms }
  - { at: 2, function: f, clock: -1h }
`,
    FILE,
  );
  const core = d.links.get("core")!;
  assert.equal(
    [core.delay, core.jitter, core.loss, core.rate, core.mtu, core.queue],
    [0.005, 0.001, 0.015, 1e8, 1400, 100],
  );
  const f = d.functions.get("f")!;
  assert.is(f.isolation, "inline");
  assert.equal(f.restart, { policy: "on-failure", delay: 0.1, factor: 2, longest: 30, calm: 10 });
  assert.is(f.health, null);
  assert.equal(f.devices, [
    { name: "core", link: "core", mac: null },
    { name: "up", interface: "eth0" },
  ]);
  assert.is(d.world.seed, 7);
  assert.equal(d.faults, [
    { at: 2, duration: Number.POSITIVE_INFINITY, kind: "clock", function: "f", seconds: -3600 },
    { at: 60, duration: 0.5, kind: "link-down", link: "core" },
  ]);
});

test("a misspelt key is named with its line, column and the key that was meant", () => {
  const d = only(`${SMALL}    isolaton: thread\n`);
  assert.is(d.message, "'functions.f' has no 'isolaton'");
  assert.is(d.hint, "is it 'isolation'?");
  assert.equal([d.landmark?.file, d.landmark?.line, d.landmark?.column], [FILE, 6, 5]);
});

test("a value that is none of those known is shown with what was expected", () => {
  const d = only(`${SMALL}    isolation: threads\n`);
  assert.is(d.message, `'functions.f.isolation' is "threads": expected inline, thread or process`);
  assert.is(d.hint, "is it 'thread'?");
  assert.equal([d.landmark?.line, d.landmark?.column, d.landmark?.length], [6, 16, 7]);
});

test("a quantity without a unit that exists is shown with examples", () => {
  const d = only(
    "service: s\nlinks:\n  core: { delay: 5 parsecs }\nfunctions: { f: { graph: ../hub.click } }\n",
  );
  assert.is(d.message, `'links.core.delay' is "5 parsecs": expected a duration, like 5ms or 1.5s or 2min`);
  assert.is(d.landmark?.line, 3);
});

test("a link that is not there is named with one that is", () => {
  const d = only(`${SMALL}    devices: { eth0: cor }\n`);
  assert.is(d.message, "there is no link 'cor'");
  assert.is(d.hint, "is it 'core'?");
  assert.is(d.landmark?.line, 6);
});

test("a graph that is not there is named with one that is", () => {
  const d = only("service: s\nfunctions: { f: { graph: ../hubb.click } }\n");
  assert.match(d.message, /there is no file .*conf\/hubb\.click/);
  assert.is(d.hint, "is it ../hub.click?");
});

test("what a function needs and does not have is said at the function", () => {
  const d = only("service: s\nfunctions:\n  f: { isolation: inline }\n");
  assert.is(d.message, "'functions.f' needs 'graph'");
  assert.equal([d.landmark?.line, d.landmark?.column], [3, 3]);
});

test("a device in none of its forms is one error", () => {
  const d = only(`${SMALL}    devices: { eth0: { links: core } }\n`);
  assert.is(d.message, "'functions.f.devices.eth0' is no device");
});

test("all errors of a descriptor are told", () => {
  const found = problems("service: 7\nlinks: { core: { loss: 200% } }\nfunctions: { f: { graf: x } }\n");
  assert.equal(found.map((d) => d.message).sort(), [
    "'functions.f' has no 'graf'",
    "'functions.f' needs 'graph'",
    `'links.core.loss' is "200%": expected a share, like 1% or 0.01`,
    `'service' is 7: expected a name (letters, digits and dashes, a letter first, at most 40), like xtr1`,
  ]);
});

test("faults befall something that is there, and are of some kind", () => {
  const fault = (text: string): string => only(`${SMALL}faults: [${text}]\n`).message;
  assert.is(fault("{ at: 1s, link: c0re, down: true }"), "there is no link 'c0re'");
  assert.is(fault("{ at: 1s, function: g, crash: true }"), "there is no function 'g'");
  assert.is(fault("{ at: 1s, crash: true }"), "a fault befalls either a 'link' or a 'function'");
  assert.match(fault("{ at: 1s, link: core }"), /what goes wrong/);
});

test("text that is no YAML is refused with its place", () => {
  const d = problems("service: s\nfunctions: { f: [\n")[0];
  assert.is(d.code, "yaml");
  assert.is(d.landmark?.file, FILE);
  assert.ok(d.landmark!.line >= 2);
  assert.is(only("service: s\nservice: t\nfunctions: { f: { graph: ../hub.click } }\n").code, "yaml");
});

test("anchors that multiply without bound are refused", () => {
  let text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 9; i++)
    text += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(", ")}]\n`;
  assert.is(problems(text)[0].code, "yaml");
});

test("quantities that would stop the service, or wait for ever, are refused", () => {
  const wrong = (text: string): string => only(text).message;
  const health = (interval: string): string =>
    wrong(`${SMALL}    health: { handler: a.b, interval: ${interval} }\n`);
  assert.match(health("0"), /'functions\.f\.health\.interval' is 0: expected at least 1ms/);
  assert.match(health("0s"), /"0s": expected at least 1ms/);
  assert.match(wrong(`${SMALL}    restart: { delay: 0ms }\n`), /expected at least 1ms/);
  const link = (text: string): string => wrong(SMALL.replace("core: {}", `core: { ${text} }`));
  assert.match(link("delay: 2h"), /"2h": expected at most 1h/);
  assert.match(link("jitter: .inf"), /is Infinity: expected a duration/);
  assert.match(link("rate: 0kbps"), /"0kbps": expected a rate/);
  assert.match(wrong(`${SMALL}faults: [{ at: 9000h, link: core, down: true }]\n`), /expected at most 8760h/);
  assert.match(wrong(`${SMALL}world: { epoch: 1e300 }\n`), /expected at most 4294967295/);
});

test("what a health check expects may be text, a number, or true", () => {
  for (const expect of ["true", "5", "'up'"]) {
    const d = parseDescriptor(`${SMALL}    health: { handler: a.b, expect: ${expect} }\n`, FILE);
    assert.is(d.functions.get("f")!.health!.expect, expect.replaceAll("'", ""));
  }
});

test("a hardware address is one station's, and what is wrong with it is said once", () => {
  const device = (mac: string): Diagnostic =>
    only(`${SMALL}    devices: { eth0: { link: core, mac: "${mac}" } }\n`);
  assert.match(device("ff:ff:ff:ff:ff:ff").message, /expected a hardware address of one station, like 02:/);
  assert.match(device("02:00").message, /eth0\.mac' is "02:00": expected a hardware address/);
});

test("a fault that befalls the other kind, or cannot last, is refused", () => {
  const fault = (text: string): string => only(`${SMALL}faults: [${text}]\n`).message;
  assert.is(
    fault("{ at: 1s, link: core, down: true, crash: true }"),
    "'crash' is nothing that befalls a link",
  );
  assert.is(
    fault("{ at: 1s, function: f, crash: true, loss: 1% }"),
    "'loss' is nothing that befalls a function",
  );
  assert.is(fault("{ at: 1s, function: f, crash: true, for: 1s }"), "a crash does not last");
  assert.is(fault("{ at: 1s, function: f, clock: +1s, for: 1s }"), "a clock's jump does not last");
});

test("keys that stand twice are named, also among thousands, and mappings may be merged", () => {
  const twice = only("service: s\nfunctions:\n  f: { graph: ../hub.click }\n  f: { graph: ../hub.click }\n");
  assert.equal([twice.message, twice.landmark?.line], ["the key 'f' stands here twice", 4]);
  const links = Array.from({ length: 20_000 }, (_, i) => `  l${i}: {}`).join("\n");
  const before = performance.now();
  parseDescriptor(`service: s\nlinks:\n${links}\nfunctions: { f: { graph: ../hub.click } }\n`, FILE);
  // By the square of the keys it took 20 s.
  assert.ok(performance.now() - before < 10_000);
  const merged =
    "service: s\nfunctions:\n  f: &f { graph: ../hub.click, replicas: 2 }\n  g: { <<: *f, replicas: 3 }\n";
  assert.is(parseDescriptor(merged, FILE).functions.get("g")!.replicas, 3);
});

test("what cannot be a descriptor is refused in few words", () => {
  assert.match(
    only("").message,
    /^the descriptor is null: expected a mapping with 'service' and 'functions'$/,
  );
  assert.is(only(`service: ${"[".repeat(100_000)}`).message, "nested too deeply");
  assert.match(only(`${SMALL}---\nservice: t\n`).message, /^a descriptor is one document/);
  const functions = Array.from({ length: 1000 }, (_, i) => `  f${i}: { grap: x }`).join("\n");
  const many = problems(`service: s\nfunctions:\n${functions}\n`);
  assert.is(many.length, 51);
  assert.match(many[50].message, /^and up to \d+ more errors$/);
});

test("replicas have names and parameters of their own", () => {
  const d = parseDescriptor(`${SMALL}    replicas: 3\n    parameters: { PORT1: "p{replica}" }\n`, FILE);
  const found = [...replicas(d)].map(([name, f]) => `${name} ${f.parameters.PORT1}`);
  assert.equal(found, ["f p1", "f-2 p2", "f-3 p3"]);
  const twice = only(`${SMALL}    replicas: 2\n  f-2: { graph: ../hub.click }\n`);
  assert.is(twice.message, "'f-2' is also the name of a replica of 'f'");
});

test.run();
