import { test } from "uvu";
import * as assert from "uvu/assert";
import { PORT_DROP } from "../../assembly/layout.js";
import { BatchPool } from "../../src/packet/batch.js";
import { compileRules } from "../../src/packet/classify/compile.js";
import { parseIPClassifier, parseIPFilter } from "../../src/packet/classify/ip-filter.js";
import { integer } from "../../src/packet/classify/ip-words.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { names, packet } from "./classify-ip-samples.js";
import { classifyAll, firstMatch, type Sample } from "./classify-oracle.js";

const memory = new PacketMemory({ bytes: 8 << 20, slots: 512 });
const batch = new BatchPool(memory).acquire();

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

test.run();
