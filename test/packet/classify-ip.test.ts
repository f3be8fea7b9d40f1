import { test } from "uvu";
import * as assert from "uvu/assert";
import { PORT_DROP } from "../../assembly/layout.js";
import { BatchPool } from "../../src/packet/batch.js";
import { compileRules } from "../../src/packet/classify/compile.js";
import { parseIPClassifier, parseIPFilter } from "../../src/packet/classify/ip-filter.js";
import { integer, type PatternNames } from "../../src/packet/classify/ip-words.js";
import { PacketMemory } from "../../src/packet/memory.js";
import * as fc from "../property.js";
import { classifyAll, firstMatch, type Sample } from "./classify-oracle.js";

const memory = new PacketMemory({ bytes: 8 << 20, slots: 512 });
const batch = new BatchPool(memory).acquire();

const dotted = (text: string): number | undefined => {
  const m = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  return m === null ? undefined : m.slice(1).reduce((sum, b) => sum * 256 + Number(b), 0);
};
const NUMBERS: Record<string, Record<string, number>> = {
  "ip protos": { icmp: 1, igmp: 2, ipip: 4, tcp: 6, udp: 17, dccp: 33, tcpudp: 256, transp: 257 },
  "tcp ports": { www: 80, ssh: 22, ftp: 21, echo: 7, syslog: 1514, rdp: 3389 },
  "udp ports": { www: 80, echo: 7, syslog: 514, dns: 53 },
  "icmp types": { echo: 8, "echo-reply": 0, unreachable: 3 },
};
const names: PatternNames = {
  number: (database, word) => NUMBERS[database][word],
  ip: (word) => dotted(word) ?? ({ BASTION: 0x0a000001, NET: 0x0a000000 } as Record<string, number>)[word],
  ipPrefix: (word) => {
    if (word === "NET") return { address: 0x0a000000, mask: 0xff000000 };
    const [address, length] = word.split("/");
    const at = dotted(address);
    if (at === undefined || length === undefined) return undefined;
    return { address: at, mask: length === "0" ? 0 : (0xffffffff << (32 - Number(length))) >>> 0 };
  },
  ether: (word) =>
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(word)
      ? Uint8Array.from(word.split(":"), (b) => Number.parseInt(b, 16))
      : undefined,
};

interface Header {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly win: number;
  readonly tos: number;
  readonly ttl: number;
  readonly id: number;
  /** Flags and fragment offset, as in the header. */
  readonly frag: number;
  /** Words of options. */
  readonly options: number;
  /** Bytes after the IP header. */
  readonly payload: number;
}
const HEADER: Header = {
  src: "10.0.0.1",
  dst: "192.168.1.2",
  proto: 6,
  sport: 1024,
  dport: 80,
  flags: 0x02,
  win: 512,
  tos: 0,
  ttl: 64,
  id: 7,
  frag: 0x4000,
  options: 0,
  payload: 24,
};

/** An Ethernet frame; an ICMP type is the first byte of `sport`. */
function packet(change: Partial<Header> = {}): Sample {
  const h = { ...HEADER, ...change };
  const hl = 20 + h.options * 4;
  const bytes = new Uint8Array(14 + hl + Math.max(24, h.payload));
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes[14] = 0x40 + hl / 4;
  bytes[15] = h.tos;
  view.setUint16(16, hl + h.payload);
  view.setUint16(18, h.id);
  view.setUint16(20, h.frag);
  bytes[22] = h.ttl;
  bytes[23] = h.proto;
  view.setUint32(26, dotted(h.src) as number);
  view.setUint32(30, dotted(h.dst) as number);
  const t = 14 + hl;
  view.setUint16(t, h.sport);
  view.setUint16(t + 2, h.dport);
  bytes[t + 12] = 0x50;
  bytes[t + 13] = h.flags;
  view.setUint16(t + 14, h.win);
  return { bytes: bytes.subarray(0, t + h.payload), mac: 0, network: 14, transport: t };
}

/** Whether a packet matches one pattern; fails on messages. */
function matches(pattern: string, samples: readonly Sample[]): boolean[] {
  const { rules, errors, warnings } = parseIPClassifier([pattern], names);
  assert.equal([...errors, ...warnings], [], pattern);
  const ports = classifyAll(memory, batch, compileRules(rules).instantiate(memory.memory), samples);
  assert.equal(
    ports,
    samples.map((s) => firstMatch(rules, s)),
    pattern,
  );
  return ports.map((p) => p === 0);
}

const tcp = packet();
const udp = packet({ proto: 17, sport: 53, dport: 5000, payload: 8 });
const ping = packet({ proto: 1, sport: 0x0800, ttl: 1, payload: 8 });
const fragment = packet({ frag: 0x2010 });
const first = packet({ frag: 0x2000, options: 2 });
const cases: readonly [pattern: string, expected: readonly boolean[]][] = [
  // tcp, udp, ping, fragment, first
  ["-", [true, true, true, true, true]],
  ["any", [true, true, true, true, true]],
  ["all", [true, true, true, true, true]],
  ["true", [true, true, true, true, true]],
  ["false", [false, false, false, false, false]],
  ["not false", [true, true, true, true, true]],
  ["tcp", [true, false, false, true, true]],
  ["ip proto tcp", [true, false, false, true, true]],
  ["proto 17", [false, true, false, false, false]],
  ["tcp or udp", [true, true, false, true, true]],
  ["proto tcpudp", [true, true, false, true, true]],
  ["ip proto != 6", [false, true, true, false, false]],
  ["ip proto > 6", [false, true, false, false, false]],
  ["src 10.0.0.1", [true, true, true, true, true]],
  ["dst host 10.0.0.1", [false, false, false, false, false]],
  ["host 192.168.1.2", [true, true, true, true, true]],
  ["src and dst host 10.0.0.1", [false, false, false, false, false]],
  ["src or dst BASTION", [true, true, true, true, true]],
  ["src host != 10.0.0.1", [false, false, false, false, false]],
  ["src 10.0.0.0/8", [true, true, true, true, true]],
  ["src net NET", [true, true, true, true, true]],
  ["src net 10.0.0.0 mask 255.0.0.0", [true, true, true, true, true]],
  ["dst 192.168.0.0 mask 255.255.0.0", [true, true, true, true, true]],
  ["net 11.0.0.0/8", [false, false, false, false, false]],
  ["src host & 255.0.0.0 == 10.9.9.9", [true, true, true, true, true]],
  ["port 80", [true, false, false, false, true]],
  ["www", [true, false, false, false, true]],
  ["dst tcp port www", [true, false, false, false, true]],
  ["dst port 79 or 80", [true, false, false, false, true]],
  ["src port 53 or 80", [false, true, false, false, false]],
  ["src port 53 or dst port 80", [true, true, false, false, true]],
  ["udp port dns", [false, true, false, false, false]],
  ["src port > 1023", [true, false, false, false, true]],
  ["src port >= 1024 && src port <= 1024", [true, false, false, false, true]],
  ["dst port < 80", [false, false, false, false, false]],
  ["tcp dst port & 0xf0 == 80", [true, false, false, false, true]],
  ["dst tcp port != 80", [false, false, false, false, false]],
  ["!(dst tcp port 80)", [false, true, true, true, false]],
  ["dst port 8000 or 8080", [false, false, false, false, false]],
  ["tcp opt syn", [true, false, false, false, true]],
  ["syn", [true, false, false, false, true]],
  ["tcp opt ack", [false, false, false, false, false]],
  ["syn and not ack", [true, false, false, false, true]],
  ["tcp win 512", [true, false, false, false, true]],
  ["tcp win > 512", [false, false, false, false, false]],
  ["icmp type echo", [false, false, true, false, false]],
  ["icmp type 8", [false, false, true, false, false]],
  ["icmp type != echo-reply", [false, false, true, false, false]],
  ["unreachable", [false, false, false, false, false]],
  ["ip frag", [false, false, false, true, true]],
  ["unfrag", [true, true, true, false, false]],
  ["not ip frag", [true, true, true, false, false]],
  ["ip vers 4", [true, true, true, true, true]],
  ["ip hl 7", [false, false, false, false, true]],
  ["ip hl > 5", [false, false, false, false, true]],
  ["ip len > 40", [true, false, false, true, true]],
  ["ip id 7", [true, true, true, true, true]],
  ["ip tos 0", [true, true, true, true, true]],
  ["ip dscp 1", [false, false, false, false, false]],
  ["ip ect", [false, false, false, false, false]],
  ["ip ce", [false, false, false, false, false]],
  ["ip ttl 1 or 2", [false, false, true, false, false]],
  ["ip ttl < 64", [false, false, true, false, false]],
  ["ip[8] 1", [false, false, true, false, false]],
  ["ip[8] & 0x41 > 1", [true, true, false, true, true]],
  ["ip[12:4] == 0x0a000001", [true, true, true, true, true]],
  ["ip[12,13] 0x0a00", [true, true, true, true, true]],
  ["tcp[13] & 2 != 0", [true, false, false, false, true]],
  ["transp[0] 8", [false, false, true, false, false]],
  ["ether host 02:00:00:00:00:01", [true, true, true, true, true]],
  ["src ether 02:00:00:00:00:02", [true, true, true, true, true]],
  ["src ether host 02:00:00:00:00:01", [false, false, false, false, false]],
  ["dst 02:00:00:00:00:01", [true, true, true, true, true]],
  ["ether host & ff:ff:ff:ff:ff:00 == 02:00:00:00:00:77", [true, true, true, true, true]],
  ["tcp ? ip ttl 64 : icmp", [true, false, true, true, true]],
  ["udp ? true : icmp ? false : ip frag", [false, true, false, true, true]],
  ["(udp or icmp) and src 10.0.0.1", [false, true, true, false, false]],
  ["tcp && ! (www || unfrag)", [false, false, false, true, false]],
  ["! ! tcp", [true, false, false, true, true]],
  ["not not not tcp", [false, true, true, false, false]],
  ["10.0.0.1 tcp unfrag", [true, false, false, false, false]],
];

test("every primitive of the language matches what its manual says", () => {
  for (const [pattern, expected] of cases)
    assert.equal(matches(pattern, [tcp, udp, ping, fragment, first]), expected, pattern);
  assert.equal(matches("ip ect", [packet({ tos: 2 }), packet({ tos: 4 })]), [true, false]);
  assert.equal(matches("ip ect 1", [packet({ tos: 1 }), packet({ tos: 3 })]), [true, false]);
  assert.equal(matches("ip ce", [packet({ tos: 3 }), packet({ tos: 7 }), packet({ tos: 2 })]), [
    true,
    true,
    false,
  ]);
  assert.equal(matches("ip dscp 46", [packet({ tos: 0xb8 }), packet({ tos: 0xba })]), [true, true]);
});

test("a primitive about something cut off is false, relation or not; `not` makes it true", () => {
  const cut = (n: number): Sample => ({ ...tcp, bytes: tcp.bytes.subarray(0, n) });
  assert.equal(matches("ip ttl 64", [cut(22), cut(23)]), [false, true]);
  assert.equal(matches("ip ttl != 63", [cut(22), cut(23)]), [false, true]);
  assert.equal(matches("not ip ttl 63", [cut(22), cut(23)]), [true, true]);
  assert.equal(matches("dst port 80", [cut(37), cut(38)]), [false, true]);
  assert.equal(matches("dst port != 81", [cut(37), cut(38)]), [false, true]);
  // Half a port can be enough.
  assert.equal(matches("src port > 1023", [cut(34), cut(35), cut(36)]), [false, true, true]);
  assert.equal(matches("src port <= 1023", [cut(34), cut(35), cut(36)]), [false, false, false]);
  assert.equal(matches("src port > 1000", [cut(34), cut(35), cut(36)]), [false, true, true]);
  assert.equal(matches("src port > 1024", [cut(34), cut(35), cut(36)]), [false, false, false]);
  assert.equal(matches("ip vers 4", [{ bytes: tcp.bytes }, { bytes: tcp.bytes, network: 14 }]), [
    false,
    true,
  ]);
  assert.equal(matches("ether host 02:00:00:00:00:01", [{ bytes: tcp.bytes, network: 14 }]), [false]);
});

test("IPFilter's actions choose an output or drop", () => {
  const run = (outputs: number, ...args: string[]): number[] => {
    const { rules, errors } = parseIPFilter(args, outputs, names);
    assert.equal(errors, []);
    return classifyAll(memory, batch, compileRules(rules).instantiate(memory.memory), [tcp, udp, ping]);
  };
  assert.equal(run(1, "allow tcp", "deny all"), [0, PORT_DROP, PORT_DROP]);
  assert.equal(run(3, "2 udp", "1 icmp", "drop tcp and www", "allow -"), [PORT_DROP, 2, 1]);
  assert.equal(run(1, "allow icmp"), [PORT_DROP, PORT_DROP, 0]);
  assert.equal(run(1, "drop udp", "allow"), [0, PORT_DROP, 0]);
});

test("wrong patterns give Click's messages", () => {
  const wrong = (pattern: string): readonly string[] => parseIPFilter([`allow ${pattern}`], 1, names).errors;
  for (const [pattern, ...messages] of [
    ["tcp tcp udp", "transport protocol specified twice"],
    ["port port 80", "type specified twice"],
    ["src src 10.0.0.1", "'src' or 'dst' specified twice"],
    ["80", "specify header field or 'port'"],
    ["src", "partial directive"],
    ["host", "'ip host': address missing"],
    ["net 10.0.0.1", "'ip net': address missing"],
    ["host > 10.0.0.1", "'ip host': operator not supported"],
    ["port", "'port': value missing"],
    ["icmp port 80", "'port': bad protocol 1"],
    ["port 65536", "'port': out of range, bound 65535"],
    ["src port -1", "'src port': out of range, bound 65535"],
    ["port & 65536 == 1", "'port': mask out of range, bound 0x10000".replace("0x10000", "0xFFFF")],
    ["port & 0 == 1", "zero mask ignored"],
    ["tcp opt != syn", "'tcp opt': operator or mask not supported"],
    ["tcp opt 256", "'tcp opt': value 256 out of range"],
    ["udp opt 2", "'tcp opt': bad protocol 17"],
    ["udp opt syn", "'tcp opt udp syn' is meaningless; try 'tcp opt udp syn'"],
    ["ip frag 3", "'ip frag': value not supported"],
    ["ip ttl 256", "'ip ttl': out of range, bound 255"],
    ["ip ttl", "'ip ttl': value missing"],
    ["ether ttl 3", "'ip ttl': ip only"],
    ["ether ip ttl 3", "partial directive"],
    ["unfrag syn", "'ip unfrag  syn' is meaningless; try 'tcp opt  syn'"],
    ["proto", "'proto': value missing"],
    ["tcp proto udp", "transport protocol specified twice"],
    ["proto tcpudp & 3 == 1", "'proto': specified twice"],
    ["proto > tcpudp", "'tcpudp': operator or mask not supported"],
    ["(tcp", "missing ')'"],
    ["tcp)", "garbage after expression at ')'"],
    ["tcp or", "missing expression"],
    ["tcp and", "missing expression"],
    ["()", "missing expression", "missing expression after '('"],
    ["not", "missing expression after 'not'"],
    ["tcp ? udp", "missing ':' in ternary expression"],
    ["ip[0:5] 3", "LEN in '[POS:LEN]' out of range, should be between 1 and 4"],
    ["ip[3:2] 3", "field [3:2] does not fit in a single word"],
    ["ip[x] 3", "syntax error after '[', expected '[POS]' or '[POS:LEN]'"],
    ["syslog", "'<none>  syslog' is ambiguous; try 'port  syslog', 'port  syslog'"],
    ["host www", "'ip host  www' is meaningless; try 'port  www', 'port  www'"],
    ["blah", "empty term near 'blah'", "missing expression", "garbage after expression at 'blah'"],
  ] as const) {
    const got = wrong(pattern);
    for (const m of messages)
      assert.ok(got.includes(`pattern 0: ${m}`), `${pattern}: ${JSON.stringify(got)}`);
  }
  assert.equal(parseIPFilter([""], 1, names).errors, ["empty pattern 0"]);
  assert.equal(parseIPFilter(["permit tcp"], 1, names).errors, ["pattern 0: unknown slot ID 'permit'"]);
  assert.equal(parseIPFilter(["2 tcp"], 2, names).errors, ["pattern 0: slot '2' out of range"]);
  assert.equal(parseIPFilter(["allow tcp"], 0, names).errors, [
    "pattern 0: 'allow' is meaningless, element has zero outputs",
  ]);
});

test("doubtful patterns give Click's warnings", () => {
  const warnings = (outputs: number, ...args: string[]): readonly string[] =>
    parseIPFilter(args, outputs, names).warnings;
  assert.equal(warnings(1, "allow ip ttl > 255"), [
    "pattern 0: relation '> 255' is always false (range 0-255)",
  ]);
  assert.equal(warnings(1, "allow ip ttl <= 255"), [
    "pattern 0: relation '<= 255' is always true (range 0-255)",
  ]);
  assert.equal(warnings(1, "allow ip ttl < 0"), ["pattern 0: relation '< 0' is always false (range 0-255)"]);
  assert.equal(warnings(1, "allow src ip ttl 3"), ["pattern 0: 'src ip ttl': 'src' or 'dst' ignored"]);
  assert.equal(warnings(2, "deny all"), ["pattern 0: meaning of 'deny' has changed (now it means 'drop')"]);
});

test("hostile patterns end in an error, soon", () => {
  const errors = (pattern: string): readonly string[] => parseIPFilter([`allow ${pattern}`], 1, names).errors;
  const deep = "expression nested too deeply, bound 400";
  assert.ok(errors("(".repeat(100000)).includes(`pattern 0: ${deep}`));
  assert.ok(errors("tcp ? ".repeat(100000)).includes(`pattern 0: ${deep}`));
  assert.equal(errors(`${"(".repeat(390)}tcp${")".repeat(390)}`), []);
  assert.equal(errors(`${"! ".repeat(100001)}tcp`), []);
  assert.equal(errors(`tcp${" ? udp : tcp".repeat(5000)}`), []);
  assert.ok(errors("[".repeat(10000)).length > 0);
  const many = parseIPFilter(
    Array.from({ length: 40000 }, (_, i) => `allow src port ${i}`),
    1,
    names,
  );
  assert.throws(() => compileRules(many.rules), /patterns too large/);
});

test("integers are read as Click reads them", () => {
  assert.equal(
    ["12", "0x1F", "017", "1_000", "-1", "+3", "4294967295", "08", "1__0", "0x", "4294967296", "x", ""].map(
      integer,
    ),
    [
      12,
      31,
      15,
      1000,
      0xffffffff,
      3,
      0xffffffff,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ],
  );
});

// ---- Random patterns against what their words mean of a packet's fields

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
