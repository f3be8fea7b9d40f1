// Text made to hurt: every case must end, with an error where it breaks a limit.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ArchiveError, readArchive } from "../../src/lang/archive.js";
import { diagnosticText } from "../../src/lang/diagnostics.js";
import { elaborate } from "../../src/lang/elaborate.js";
import { format } from "../../src/lang/format.js";
import { parse } from "../../src/lang/parser.js";
import * as fc from "../property.js";

function outcome(text: string) {
  const tree = parse(text, { file: "f" });
  format(tree);
  const { graph, diagnostics } = elaborate(tree, { hasClass: (name) => name === "Idle" || name === "Null" });
  return { graph, messages: diagnostics.map(diagnosticText) };
}

const deep: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["100,000 open braces", "{".repeat(1e5), /maximum compound element nesting depth exceeded/],
  ["a million parentheses", "(".repeat(1e6), /maximum element group nesting depth exceeded/],
  ["braces in parentheses", "({".repeat(1e5), /nesting depth exceeded/],
  ["a million closing parentheses", ")".repeat(1e6), /too many errors/],
  ["a million arrows", "->".repeat(1e6), /too many errors/],
  ["unknown directives", "\n#".repeat(1e5), /too many errors/],
  ["an open comment in a configuration", `Idle(${"/* ".repeat(5e5)}`, /expected '\)'/],
  ["port ranges", "Idle [0-65535] -> Null;".repeat(100), /too many ports/],
  ["a port beyond the bound", "Idle [4000000000] -> Null", /port number out of range, bound 65535/],
  ["every port of a compound but the last", "{ input [65535] -> Null }", /too many errors/],
];

for (const [name, text, message] of deep) {
  test(`${name} end in an error`, () => {
    const { messages } = outcome(text);
    assert.match(messages.join("\n"), message);
    assert.ok(messages.length <= 1001);
  });
}

function nest(first: string, next: (previous: string) => string, levels: number): string {
  let text = `elementclass A0 { ${first} }`;
  for (let i = 1; i < levels; i++) text += ` elementclass A${i} { ${next(`A${i - 1}`)} }`;
  return `${text} A${levels - 1}`;
}

test("compounds that double at every level end in an error", () => {
  const { graph, messages } = outcome(nest("Idle", (a) => `${a}; ${a}`, 60));
  assert.equal(messages, ["f:1: configuration has more than 524288 elements"]);
  assert.is(graph.elements.length, 0);
});

test("a deep row of compounds ends in an error, and not on the stack", () => {
  const { messages } = outcome(nest("-> Null ->", (a) => `-> ${a} ->`, 5000));
  assert.equal(messages, ["f:1: compound elements stand more than 256 deep in one another"]);
});

test("variables that multiply end in an error", () => {
  const { messages } = outcome(`define($a ${"$a".repeat(1000)}) Idle($a)`);
  assert.equal(messages, ["f:1: configuration expands to too much text"]);
});

test("connections that multiply in a group end in an error", () => {
  const { messages } = outcome(`${"Idle,".repeat(2e3)}Idle -> (->) -> ${"Null,".repeat(2e3)}Null`);
  assert.equal(messages, ["f:1: configuration has more than 2097152 connections"]);
});

test("a chain of 20,000 groups is one connection", () => {
  const { graph, messages } = outcome(`Idle${" -> (->)".repeat(2e4)} -> Null`);
  assert.equal(messages, []);
  assert.is(graph.connections.length, 1);
});

test("groups in a loop lead nowhere, and end", () => {
  const { graph } = outcome("Idle -> ( input -> output; output -> input )");
  assert.is(graph.connections.length, 0);
});

function archive(members: Record<string, string>): Uint8Array {
  let text = "!<arch>\n";
  for (const [name, data] of Object.entries(members)) {
    const long = name.length > 15;
    const body = long ? name + data : data;
    const field = long ? `#1/${name.length}` : name;
    text += `${field.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"644".padEnd(8)}`;
    text += `${String(body.length).padEnd(10)}\`\n${body}${body.length % 2 === 1 ? "\n" : ""}`;
  }
  return new TextEncoder().encode(text);
}

const members = { config: "Idle -> Discard", "x.ts": "", "a-long-name-of-a-package.js": "export {}" };

test("an archive's members come out under their names, long ones too", () => {
  const read = readArchive(archive(members));
  assert.equal(
    Object.fromEntries([...(read ?? [])].map(([name, data]) => [name, new TextDecoder().decode(data)])),
    members,
  );
  assert.is(readArchive(new TextEncoder().encode("Idle -> Discard")), null);
});

test("GNU's table of long names is understood", () => {
  const header = (name: string, size: number) => `${name.padEnd(48)}${String(size).padEnd(10)}\`\n`;
  const names = "a-name-of-twenty-two.x/\nb/\n\n";
  const text = `!<arch>\n${header("//", names.length)}${names}${header("/24", 2)}hi${header("c/", 1)}!`;
  const read = readArchive(new TextEncoder().encode(text));
  assert.equal([...(read?.keys() ?? [])], ["b", "c"]);
});

test("an archive cut at any length is refused, or gives only whole members", () => {
  const whole = archive(members);
  const complete = readArchive(whole)!;
  for (let length = 0; length < whole.length; length++) {
    try {
      for (const [name, data] of readArchive(whole.subarray(0, length)) ?? []) {
        assert.equal(data, complete.get(name));
      }
    } catch (error) {
      assert.instance(error, ArchiveError);
    }
  }
});

test("bytes changed at random in an archive do no harm", () => {
  const whole = archive(members);
  const property = fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
    const changed = whole.slice();
    changed[at] = value;
    try {
      readArchive(changed);
    } catch (error) {
      assert.instance(error, ArchiveError);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

test.run();
