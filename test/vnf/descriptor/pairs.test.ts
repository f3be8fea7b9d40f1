// Pairs of a link's ends in descriptors: what lists, tables in files and faults say, and what is wrong with them, with
// the place.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigurationError, type Diagnostic } from "../../../src/lang/diagnostics.js";
import { endsOf } from "../../../src/vnf/descriptor/ends.js";
import { readTable } from "../../../src/vnf/descriptor/matrix.js";
import type { LinkDescriptor, LinkFault } from "../../../src/vnf/descriptor/model.js";
import { durationText } from "../../../src/vnf/descriptor/quantity.js";
import { parseDescriptor, parseFault } from "../../../src/vnf/descriptor/read.js";
import { conditionsOf, pathOf } from "../../../src/vnf/link/conditions.js";
import * as fc from "../../property.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "g.click"), "Idle -> Discard;\n");
const FILE = join(folder, "s.yaml");

/** A service with ends a, a-2, b, c:eth0 and c:eth1 on the link; d has none. */
function document(link: string, rest = ""): string {
  return `service: s
links:
  net: ${link}
  other: {}
functions:
  a: { graph: g.click, replicas: 2, devices: { eth0: net } }
  b: { graph: g.click, devices: { eth0: { link: net }, up: other } }
  c: { graph: g.click, devices: { eth0: net, eth1: net } }
  d: { graph: g.click, devices: { up: other, real: { interface: lo } } }
${rest}`;
}

const linkOf = (link: string): LinkDescriptor => parseDescriptor(document(link), FILE).links.get("net")!;

function problems(read: () => unknown): readonly Diagnostic[] {
  try {
    read();
  } catch (e) {
    assert.instance(e, ConfigurationError);
    return (e as ConfigurationError).diagnostics;
  }
  throw new Error("it was accepted");
}

function only(link: string, rest = ""): Diagnostic {
  const found = problems(() => parseDescriptor(document(link, rest), FILE));
  assert.is(found.length, 1, found.map((d) => d.message).join("\n"));
  return found[0];
}

/** Writes a table and reads a descriptor with it. */
function withTable(text: string, matrix = "t.csv"): LinkDescriptor {
  writeFileSync(join(folder, "t.csv"), text);
  return linkOf(`{ matrix: ${matrix} }`);
}

function wrongTable(text: string, matrix = "t.csv"): Diagnostic[] {
  return [...problems(() => withTable(text, matrix))];
}

test("a pair is written both ways or one way, with its ends by instance or by device", () => {
  const { pairs } = linkOf(
    "{ delay: 8ms, pairs: [{ between: [a, b], rtt: 7ms, loss: 1% }, { from: a-2, to: 'c:eth1', delay: 2ms, jitter: 1ms }] }",
  );
  assert.equal(pairs, [
    { from: "a:eth0", to: "b:eth0", delay: 0.0035, loss: 0.01 },
    { from: "b:eth0", to: "a:eth0", delay: 0.0035, loss: 0.01 },
    { from: "a-2:eth0", to: "c:eth1", delay: 0.002, jitter: 0.001 },
  ]);
  assert.equal(linkOf("{ delay: 8ms }").pairs, []);
});

test("unknown and doubled names are errors with their place", () => {
  const pair = (text: string): Diagnostic => only(`{ pairs: [${text}] }`);
  const unknown = pair("{ from: a, to: bb, delay: 1ms }");
  assert.is(unknown.message, "the link has no end 'bb'");
  assert.match(unknown.hint!, /is it 'b'\?/);
  assert.equal([unknown.landmark!.line, unknown.landmark!.column], [3, 33]);
  assert.match(pair("{ from: a, to: d, delay: 1ms }").message, /no end 'd'/);
  assert.match(pair("{ from: a-3, to: b, delay: 1ms }").message, /no end 'a-3'/);
  assert.match(pair("{ from: 'a:eth7', to: b, delay: 1ms }").message, /no end 'a:eth7'/);
  const several = pair("{ from: a, to: c, delay: 1ms }");
  assert.is(several.message, "'c' has several ends on the link");
  assert.is(several.hint, "write c:eth0 or c:eth1");
  assert.match(pair("{ from: a, to: 'a:eth0', delay: 1ms }").message, /a pair has two ends/);
  const twice = pair("{ from: b, to: a, delay: 1ms }, { between: [a, 'b:eth0'], loss: 1% }");
  assert.is(twice.message, "the pair from b:eth0 to a:eth0 stands here twice: it is number 1, too");
  assert.match(twice.landmark!.file, /s\.yaml$/);
});

test("what is no pair is said", () => {
  const pair = (text: string): string => only(`{ pairs: [${text}] }`).message;
  assert.match(pair("{ from: a, delay: 1ms }"), /a pair that has 'from' needs 'to'/);
  assert.match(pair("{ delay: 1ms }"), /either 'from' one end 'to' another, or 'between' two/);
  assert.match(pair("{ between: [a, b], from: a, delay: 1ms }"), /either 'from'/);
  assert.match(pair("{ between: [a, b] }"), /Expected one of delay, rtt, jitter, loss/);
  assert.match(pair("{ from: a, to: b, rtt: 1ms }"), /'rtt' is there and back: it goes with 'between'/);
  assert.match(pair("{ between: [a, b], rtt: 1ms, delay: 2ms }"), /either 'delay' or 'rtt'/);
  assert.match(pair("{ between: [a], delay: 1ms }"), /expected two ends/);
  assert.match(pair("{ between: [a, b, c], delay: 1ms }"), /expected two ends/);
  assert.match(pair("{ between: [a, b], rate: 1Mbps }"), /has no 'rate'/);
  assert.match(pair("{ between: [a, b], delay: 2h }"), /expected at most 1h/);
  assert.match(pair("{ between: [a, b], loss: 2 }"), /expected at most 1/);
  const many = Array.from({ length: 5000 }, () => "{ from: x, to: y, delay: 1ms }").join(", ");
  const found = problems(() => parseDescriptor(document(`{ pairs: [${many}] }`), FILE));
  assert.ok(found.length < 60, `${found.length}`);
  assert.match(found.at(-1)!.message, /were not looked at/);
});

test("a table beside the descriptor has a line for each end that sends", () => {
  const text = "\uFEFF# one way, in ms\r\n,a,b,c:eth1\r\n\r\na,0,5,-\r\nb, 6 ,,300us\r\n";
  const { pairs } = withTable(text, "{ delay: t.csv, unit: ms }");
  assert.equal(pairs, [
    { from: "a:eth0", to: "b:eth0", delay: 0.005 },
    { from: "b:eth0", to: "a:eth0", delay: 0.006 },
    { from: "b:eth0", to: "c:eth1", delay: 0.0003 },
  ]);
  assert.equal(withTable(text.replaceAll(",", ";"), "{ delay: t.csv, unit: ms }").pairs, pairs);
  assert.equal(withTable('x\t"a"\tb\na\t-\t5s\n').pairs, [{ from: "a:eth0", to: "b:eth0", delay: 5 }]);
  assert.equal(withTable("x,a,b\na,,50%\n", "{ loss: t.csv }").pairs, [
    { from: "a:eth0", to: "b:eth0", loss: 0.5 },
  ]);
});

test("half a table of round trips does; the list goes before tables", () => {
  const half = "x,a,b,a-2\na,,10ms,20ms\nb,,,30ms\na-2,,,\n";
  const pairs = new Map(withTable(half, "{ rtt: t.csv }").pairs.map((p) => [`${p.from} ${p.to}`, p.delay]));
  assert.is(pairs.size, 6);
  assert.is(pairs.get("b:eth0 a-2:eth0"), 0.015);
  assert.is(pairs.get("a-2:eth0 b:eth0"), 0.015);
  const both = withTable("x,a,b\na,,10ms\nb,30ms,\n", "{ rtt: t.csv }").pairs;
  assert.equal(
    both.map((p) => p.delay),
    [0.005, 0.015],
  );
  const mixed = linkOf(
    "{ matrix: { rtt: t.csv }, pairs: [{ from: a, to: b, delay: 1ms, jitter: 2ms }] }",
  ).pairs;
  assert.equal(mixed[0], { from: "a:eth0", to: "b:eth0", delay: 0.001, jitter: 0.002 });
  assert.is(mixed[1].delay, 0.015);
});

test("what is wrong with a table is told with its line and column", () => {
  const wrong = (text: string, matrix?: string): [string, number, number] => {
    const [{ message, landmark }, ...more] = wrongTable(text, matrix);
    assert.equal(more, []);
    assert.match(landmark?.file ?? "", /t\.csv$/);
    return [message, landmark?.line ?? 0, landmark?.column ?? 0];
  };
  assert.equal(wrong("x,a,zz\na,,1ms\n"), ["the link has no end 'zz'", 1, 5]);
  assert.equal(wrong("x,a,b,a\na,,1ms,\n"), ["'a' stands here twice", 1, 7]);
  assert.equal(wrong("x,a,b\na,,1ms\na:eth0,,2ms\n"), ["'a:eth0' stands here twice", 3, 1]);
  assert.equal(wrong("x,a,b\n\na,1ms\n"), ["'a' has 1 cells: expected one for each of the 2 columns", 3, 1]);
  assert.equal(wrong("x,a,b\na,5ms,1ms\n"), ["'5ms' is from an end to itself", 2, 3]);
  const bad = "a time of at most 3600 s, like 5ms (a bare number is in ms)";
  for (const cell of ["fast", "-1", "NaN", "1e3", "0x10", "2h", "9999999999"])
    assert.equal(wrong(`x,a,b\na,, ${cell}\n`, "{ delay: t.csv, unit: ms }"), [
      `'${cell}': expected ${bad}`,
      2,
      5,
    ]);
  assert.match(wrong("x,a,b\na,,101%\n", "{ loss: t.csv }")[0], /expected a share/);
  for (const text of ["", "\n\n", "# nothing\n", "x,a,b\n"]) assert.match(wrong(text)[0], /it is empty/);
  const rows = Array.from({ length: 3000 }, (_, i) => `n${i},,\n`).join("");
  assert.ok(wrongTable(`x,a,b\n${rows}`).length <= 50);
});

test("a table's file must be one, not too large, and not outside", () => {
  const link = (matrix: string): string => only(`{ matrix: ${matrix} }`).message;
  assert.match(link("nowhere.csv"), /there is no file .*nowhere\.csv/);
  mkdirSync(join(folder, "sub"), { recursive: true });
  assert.match(link("sub"), /there is no file/);
  assert.match(link("/dev/zero"), /there is no file/);
  assert.match(link("{ delay: t.csv, rtt: t.csv }"), /either of 'delay' or of 'rtt'/);
  assert.match(link("{ unit: days }"), /expected s, ms or us/);
  assert.match(link("{}"), /at least one entry/);
  writeFileSync(join(folder, "large.csv"), `x,a\na,${" ".repeat(4 * 2 ** 20)}\n`);
  assert.match(link("large.csv"), /has more than 4 MiB/);
  writeFileSync(join(folder, "sub", "g.click"), "Idle -> Discard;\n");
  writeFileSync(join(folder, "t.csv"), "x,a,b\na,,1ms\n");
  const found = problems(() =>
    parseDescriptor(document("{ matrix: ../t.csv }"), join(folder, "sub", "s.yaml"), join(folder, "sub")),
  );
  assert.match(found[0].message, /\.\.\/t\.csv lies outside/);
});

test("any text is a table, or is refused with places in it", () => {
  const cell = fc.constantFrom("a", "b", "c:eth0", "x", "", "-", "1ms", "5", "-1", '"a"', "#", "9999h");
  const owners = ["a", "b", "c"].map((name) => ({
    name,
    replicas: 1,
    devices: [{ name: "eth0", link: "net" }],
  }));
  const ends = endsOf("net", owners);
  fc.assert(
    fc.property(fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 5 }), fc.string(), (rows, junk) => {
      const text = rows.map((row) => row.join(",")).join("\n") + junk;
      writeFileSync(join(folder, "t.csv"), text);
      const value = (cell: string): number | string => durationText(cell, 1) ?? "a time";
      const { cells, problems } = readTable(join(folder, "t.csv"), { ends, value });
      for (const { value, from, to } of cells) assert.ok(value >= 0 && from !== to);
      for (const { landmark } of problems)
        assert.ok((landmark?.offset ?? -1) >= 0 && landmark!.offset! <= text.length);
    }),
    { numRuns: 300 },
  );
});

test("a fault befalls a pair, both ways or one", () => {
  const d = parseDescriptor(
    document(
      "{ delay: 8ms, pairs: [{ between: [a, b], delay: 3ms }] }",
      "faults:\n  - { at: 1s, for: 2s, link: net, from: a, to: b, delay: 50ms, down: true }\n",
    ),
    FILE,
  );
  const pairs = [{ from: "a:eth0", to: "b:eth0" }];
  assert.equal(
    d.faults.map((f) => ("pairs" in f ? [f.kind, f.pairs] : [])),
    [
      ["link-down", pairs],
      ["link-change", pairs],
    ],
  );
  const [both] = parseFault({ at: 0, link: "net", between: ["a-2", "b"], loss: "5%" }, d);
  assert.is("pairs" in both ? both.pairs?.length : 0, 2);
  const wrong = (fault: Record<string, unknown>): string =>
    problems(() => parseFault({ at: 0, link: "net", ...fault }, d))[0].message;
  assert.match(wrong({ from: "a", to: "q", delay: "1ms" }), /no end 'q'/);
  assert.match(wrong({ from: "a", delay: "1ms" }), /needs 'to'/);
  assert.match(wrong({ between: ["a", "b"], rate: "1Mbps" }), /a pair has no rate/);
  assert.match(wrong({ between: ["a", "b"] }), /what goes wrong\?/);
  assert.match(
    problems(() => parseFault({ at: 0, function: "a", crash: true, from: "a" }, d))[0].message,
    /'from' is nothing that befalls a function/,
  );
});

test("faults change what lasts in the order in which they began", () => {
  const link = linkOf("{ delay: 8ms, loss: 1%, rate: 1Mbps, pairs: [{ between: [a, b], delay: 3ms }] }");
  const pairs = [{ from: "a:eth0", to: "b:eth0" }];
  const change = (delay: number) => ({ kind: "link-change", link: "net", change: { delay } }) as const;
  const told = (...faults: readonly LinkFault[]): number[] => {
    const conditions = conditionsOf(link, faults);
    const other = { from: "b:eth0", to: "c:eth0" };
    return [pathOf(conditions, pairs[0]).delay, pathOf(conditions, other).delay];
  };
  assert.equal(told(), [0.003, 0.008]);
  assert.equal(told(change(0.1)), [0.1, 0.1]);
  assert.equal(told({ ...change(0.2), pairs }, change(0.1)), [0.1, 0.1]);
  assert.equal(told(change(0.1), { ...change(0.2), pairs }), [0.2, 0.1]);
  const down = conditionsOf(link, [{ kind: "link-down", link: "net", pairs }]);
  assert.equal([down.cut, pathOf(down, pairs[0]).cut, pathOf(down, pairs[0]).loss], [false, true, 0.01]);
});

test.run();
