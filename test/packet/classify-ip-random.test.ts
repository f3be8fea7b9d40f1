// Random IP filters against what their words mean of a packet's fields.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PORT_DROP } from "../../assembly/layout.js";
import { BatchPool } from "../../src/packet/batch.js";
import { compileRules } from "../../src/packet/classify/compile.js";
import { parseIPFilter } from "../../src/packet/classify/ip-filter.js";
import { PacketMemory } from "../../src/packet/memory.js";
import * as fc from "../property.js";
import { dotted, names, packet } from "./classify-ip-samples.js";
import { classifyAll, type Sample } from "./classify-oracle.js";

const memory = new PacketMemory({ bytes: 8 << 20, slots: 512 });
const batch = new BatchPool(memory).acquire();

/** A pattern and its meaning; `get` is undefined where the packet ends too early. */
interface Meaning {
  readonly text: string;
  readonly holds: (p: Sample) => boolean;
}
type Get = (p: Sample) => number | undefined;

function read(p: Sample, at: number, bytes: number): number | undefined {
  if (at + bytes > p.bytes.length) return undefined;
  let n = 0;
  for (let i = 0; i < bytes; i++) n = n * 256 + p.bytes[at + i];
  return n;
}
const net =
  (at: number, bytes: number): Get =>
  (p) =>
    read(p, 14 + at, bytes);
const protocol = net(9, 1);
const unfragmented = (p: Sample): boolean => ((net(6, 2)(p) ?? 0x1fff) & 0x1fff) === 0;
const transport =
  (protocols: readonly number[], at: number, bytes: number): Get =>
  (p) =>
    protocols.includes(protocol(p) ?? -1) && unfragmented(p)
      ? read(p, (p.transport as number) + at, bytes)
      : undefined;

const relations: Record<string, (a: number, b: number) => boolean> = {
  "": (a, b) => a === b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};
const numbers: readonly (readonly [text: string, get: Get, values: readonly number[]])[] = [
  ["ip ttl", net(8, 1), [0, 1, 63, 64, 65, 255]],
  ["ip id", net(4, 2), [0, 7, 8, 65535]],
  ["ip len", net(2, 2), [20, 28, 44]],
  ["ip tos", net(1, 1), [0, 1, 4, 0xb8]],
  ["ip proto", protocol, [0, 1, 6, 17]],
  ["ip[9]", protocol, [1, 6, 16]],
  ["ip[16:2]", net(16, 2), [0x0a00, 0xc0a8]],
  ["ip hl", (p) => (net(0, 1)(p) === undefined ? undefined : (net(0, 1)(p) as number) & 15), [5, 6, 7]],
  ["ip dscp", (p) => (net(1, 1)(p) === undefined ? undefined : (net(1, 1)(p) as number) >> 2), [0, 1, 46]],
  ["tcp src port", transport([6], 0, 2), [80, 1023, 1024]],
  ["dst port", transport([6, 17], 2, 2), [53, 80, 81, 1000]],
  ["src udp port", transport([17], 0, 2), [53, 80, 1024]],
  ["tcp win", transport([6], 14, 2), [0, 511, 512]],
  ["icmp type", transport([1], 0, 1), [0, 3, 8]],
];
const comparison: fc.Arbitrary<Meaning> = fc
  .tuple(
    fc.constantFrom(...numbers),
    fc.constantFrom(...Object.keys(relations)),
    fc.nat(9),
    fc.constantFrom(0, 0xf, 0x81),
  )
  .map(([[text, get, all], relation, i, mask]) => {
    const masked = mask !== 0 && !(text.includes("hl") || text.includes("dscp"));
    // A relation that is always true or false does not look at the packet: a test of its own, above.
    const values = all.filter(
      (v) => !/[<>]/.test(relation) || (v > 0 && v < (masked ? mask : Math.max(...all))),
    );
    const value = values[i % values.length] ?? 1;
    return {
      text: `${text} ${masked ? `& ${mask} ` : ""}${relation} ${value}`,
      holds: (p) => {
        const n = get(p);
        if (n === undefined) return false;
        // With equality, only the mask's bits of the value count.
        const equality = ["", "==", "!="].includes(relation);
        return relations[relation](masked ? n & mask : n, masked && equality ? value & mask : value);
      },
    };
  });
const hosts = ["10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.2"];
const host: fc.Arbitrary<Meaning> = fc
  .tuple(
    fc.constantFrom("src", "dst", "src or dst", "src and dst", ""),
    fc.constantFrom(...hosts),
    fc.constantFrom(8, 24, 31, 32),
    fc.boolean(),
  )
  .map(([ends, address, length, differs]) => ({
    text: `${ends} net ${differs ? "!= " : ""}${address}/${length}`,
    holds: (p) => {
      // A packet that ends inside the address may still have all that the prefix needs of it.
      const bytes = Math.ceil(length / 8);
      const shift = 2 ** (32 - length);
      const at = [12, 16].map((i) => net(i, bytes)(p)).map((n) => n && n * 2 ** (32 - 8 * bytes));
      const same = at.map(
        (a) => a !== undefined && Math.floor(a / shift) === Math.floor((dotted(address) as number) / shift),
      );
      const cut = at.map((a) => a === undefined);
      const [s, d] = differs ? same.map((x, i) => x || cut[i]) : same;
      const any = ends === "src" ? s : ends === "dst" ? d : ends === "src and dst" ? s && d : s || d;
      return differs ? !any : any;
    },
  }));
const flag: fc.Arbitrary<Meaning> = fc
  .constantFrom(["syn", 2], ["tcp opt ack", 16], ["tcp opt 18", 18])
  .map(([text, bits]) => ({
    text: String(text),
    holds: (p) => ((transport([6], 13, 1)(p) ?? 0) & Number(bits)) === bits,
  }));
const simple: fc.Arbitrary<Meaning> = fc.constantFrom<Meaning>(
  { text: "tcp", holds: (p) => protocol(p) === 6 },
  { text: "udp", holds: (p) => protocol(p) === 17 },
  { text: "true", holds: () => true },
  { text: "false", holds: () => false },
  { text: "ip frag", holds: (p) => ((net(6, 2)(p) ?? 0) & 0x3fff) !== 0 },
  { text: "unfrag", holds: (p) => ((net(6, 2)(p) ?? 1) & 0x3fff) === 0 },
);
const { meaning } = fc.letrec<{ meaning: Meaning }>((tie) => {
  const many = fc.array(tie("meaning"), { minLength: 2, maxLength: 4 });
  return {
    meaning: fc.oneof(
      { maxDepth: 3 },
      comparison,
      host,
      flag,
      simple,
      fc.tuple(many, fc.constantFrom(" and ", " && ", " ")).map(([of, joint]) => ({
        text: `(${of.map((m) => `(${m.text})`).join(joint)})`,
        holds: (p: Sample) => of.every((m) => m.holds(p)),
      })),
      fc.tuple(many, fc.constantFrom(" or ", " || ")).map(([of, joint]) => ({
        text: `(${of.map((m) => m.text).join(joint)})`,
        holds: (p: Sample) => of.some((m) => m.holds(p)),
      })),
      tie("meaning").map((m) => ({ text: `not (${m.text})`, holds: (p: Sample) => !m.holds(p) })),
      fc.tuple(tie("meaning"), tie("meaning"), tie("meaning")).map(([c, y, n]) => ({
        text: `(${c.text} ? ${y.text} : ${n.text})`,
        holds: (p: Sample) => (c.holds(p) ? y.holds(p) : n.holds(p)),
      })),
    ),
  };
});
const sample: fc.Arbitrary<Sample> = fc
  .record({
    src: fc.constantFrom(...hosts),
    dst: fc.constantFrom(...hosts),
    proto: fc.constantFrom(1, 6, 17, 2),
    sport: fc.constantFrom(53, 80, 1023, 1024, 0x0800, 0x0300),
    dport: fc.constantFrom(53, 80, 81, 999, 1000, 1001),
    flags: fc.constantFrom(0, 2, 16, 18),
    win: fc.constantFrom(0, 511, 512, 513),
    tos: fc.constantFrom(0, 1, 4, 0xb8),
    ttl: fc.constantFrom(0, 1, 63, 64, 65, 255),
    id: fc.constantFrom(7, 8, 65535),
    frag: fc.constantFrom(0, 0x4000, 0x2000, 0x2001, 0x0001),
    options: fc.constantFrom(0, 1),
    payload: fc.constantFrom(8, 24),
  })
  .map(packet);

test("random filters agree with what their words mean, on packets cut at every even length", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("allow", "1", "2", "drop"), meaning), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.array(sample, { minLength: 1, maxLength: 30 }),
      (specs, packets) => {
        const samples = [...packets];
        for (let n = 14; n < packets[0].bytes.length; n += 2)
          samples.push({ ...packets[0], bytes: packets[0].bytes.subarray(0, n) });
        const { rules, errors } = parseIPFilter(
          specs.map(([action, m]) => `${action} ${m.text}`),
          3,
          names,
        );
        assert.equal(errors, []);
        const outputs = classifyAll(memory, batch, compileRules(rules).instantiate(memory.memory), samples);
        const expected = samples.map((p) => {
          const action = specs.find(([, m]) => m.holds(p))?.[0] ?? "drop";
          return action === "drop" ? PORT_DROP : action === "allow" ? 0 : Number(action);
        });
        assert.equal(outputs, expected);
      },
    ),
    { numRuns: 400 },
  );
});

test.run();
