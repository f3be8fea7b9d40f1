// Each argument type, by tables of text and what it yields.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { builtinNameOf, DATABASES, icmpCodeDatabase } from "../../src/lang/args/databases.js";
import { type ArgContext, parseValue, type ValueSpec } from "../../src/lang/args/parse.js";
import type { ArgTypes } from "../../src/lang/args/spec.js";

const NAMES: Readonly<Record<string, number | Uint8Array>> = {
  "ip addresses host": 0x0a000001,
  "ip addresses eth0": Uint8Array.of(192, 0, 2, 1),
  "ip prefixes net": Uint8Array.of(10, 1, 2, 3, 255, 255, 0, 0),
  "ip gateways eth0": 0xc00002fe,
  "ip6 addresses host6": Uint8Array.from({ length: 16 }, (_, i) => i),
  "ip6 prefixes net6": Uint8Array.from({ length: 17 }, (_, i) => (i === 16 ? 64 : i)),
  "ethernet addresses eth0": Uint8Array.of(2, 0, 0, 0, 0, 1),
  "tcp ports www": 8000,
  "udp ports mine": 4242,
};

const element = { name: "q" };

const context: ArgContext = {
  lookup: (database, name) => NAMES[`${database} ${name}`],
  element: (name) => (name === "q" ? element : undefined),
  home: "/home/me",
};

type Case = readonly [text: string, value: unknown];
const bad = (error = "parse error"): { readonly error: string } => ({ error });

function cases<K extends keyof ArgTypes>(
  spec: ValueSpec & { readonly type: K },
  table: readonly Case[],
): void {
  const about = Object.entries(spec).map(([key, value]) => (key === "type" ? value : `${key} ${value}`));
  for (const [text, expected] of table) {
    const shown = JSON.stringify(expected, (_, v) => (v instanceof Uint8Array ? [...v] : v));
    test(`${about.join(", ")}: ${JSON.stringify(text)} is ${shown}`, () => {
      const parsed = parseValue(text, spec, context);
      const isError = typeof expected === "object" && expected !== null && "error" in expected;
      assert.equal(parsed, isError ? expected : { value: expected });
    });
  }
}

cases({ type: "int" }, [
  ["0", 0],
  ["-0", 0],
  ["+5", 5],
  ["-17", -17],
  ["0x1F", 31],
  ["-0x10", -16],
  ["0b101", 5],
  ["017", 15],
  ["1_000_000", 1000000],
  ["2147483647", 2147483647],
  ["-2147483648", -2147483648],
  ["2147483648", bad("out of range, bound 2147483647")],
  ["-2147483649", bad("out of range, bound -2147483648")],
  ["99999999999999999999999", bad("out of range, bound 2147483647")],
  ["", bad("invalid number")],
  ["abc", bad("invalid number")],
  ["1 ", bad("invalid number")],
  ["1.5", bad("invalid number")],
  ["08", bad("invalid number")],
  ["0x", bad("invalid number")],
  ["0xg", bad("invalid number")],
  ["1__0", bad("invalid number")],
  ["_1", bad("invalid number")],
  ["1_", bad("invalid number")],
  ["+-1", bad("invalid number")],
  ["--1", bad("invalid number")],
  ["-", bad("invalid number")],
]);
cases({ type: "int", min: -1, max: 10 }, [
  ["-1", -1],
  ["10", 10],
  ["11", bad("out of range, bound 10")],
  ["-2", bad("out of range, bound -1")],
]);
cases({ type: "unsigned" }, [
  ["4294967295", 4294967295],
  ["0xFFFFFFFF", 4294967295],
  ["4294967296", bad("out of range, bound 4294967295")],
  ["-1", bad("invalid number")],
]);
cases({ type: "unsigned", min: 1, max: 255 }, [
  ["0", bad("out of range, bound 1")],
  ["256", bad("out of range, bound 255")],
]);
cases({ type: "long", min: -1 }, [
  ["-1", -1],
  ["-2", bad("out of range, bound -1")],
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", bad("out of range, bound 9007199254740991")],
]);
cases({ type: "long" }, [["-1", bad("invalid number")]]);
cases({ type: "real" }, [
  ["1.5", 1.5],
  ["-.5", -0.5],
  ["5.", 5],
  ["1e3", 1000],
  ["1_0.2_5E-2", 0.1025],
  ["1e999", bad("out of range, bound inf")],
  ["-1e999", bad("out of range, bound -inf")],
  ["1e-999", bad("underflow, rounded to 0")],
  ["0e-999", 0],
  [".", bad()],
  ["e3", bad()],
  ["1e", bad()],
  ["Infinity", bad()],
  ["", bad()],
]);
cases({ type: "real", min: 0, max: 1 }, [
  ["2", bad("out of range, bound 1")],
  ["-1", bad("out of range, bound 0")],
]);
cases({ type: "bool" }, [
  ["0", false],
  ["n", false],
  ["f", false],
  ["no", false],
  ["false", false],
  ["1", true],
  ["y", true],
  ["t", true],
  ["yes", true],
  ["true", true],
  ["True", bad()],
  ["2", bad()],
  ["constructor", bad()],
]);
cases({ type: "string" }, [
  ["abc", "abc"],
  ["a\"b c\"'d'", "ab cd"],
  ['""', ""],
  ["\\<41 42>", "AB"],
  ["a b", bad()],
  ["", bad()],
]);
cases({ type: "word" }, [
  ["abc", "abc"],
  ['"a"b', "ab"],
  ['"a b"', bad()],
  ['"a,b"', bad()],
  ["a\\b", bad()],
  ['""', bad()],
  ["é", bad()],
  ["!#[]^~-+.", "!#[]^~-+."],
]);
cases({ type: "choice", choices: ["ACTIVE", "PASSIVE"] }, [
  ["ACTIVE", "ACTIVE"],
  ["active", bad("expected one of ACTIVE, PASSIVE")],
]);
cases({ type: "any" }, [['"a" b', '"a" b']]);
cases({ type: "filename" }, [
  ['"/tmp//a///b"', "/tmp/a/b"],
  ["/tmp//a", "/tmp"],
  ["~/x", "/home/me/x"],
  ["~", "/home/me"],
  ["~you/x", "~you/x"],
  ['"a b"', "a b"],
  ['""', bad()],
]);
cases({ type: "seconds" }, [
  ["1", 1],
  ["1.5s", 1.5],
  ["10 ms", 0.01],
  ["250us", 0.00025],
  ["3ns", 3e-9],
  ["2m", 120],
  ["2min", 120],
  ["1h", 3600],
  ["1.5hr", 5400],
  ["1d", 86400],
  ["2 day", 172800],
  ["3sec", 3],
  ["s", bad()],
  ["1x", bad()],
  ["-1", bad()],
  ["1e999", bad("out of range")],
]);
cases({ type: "seconds", min: 1, max: 60 }, [
  ["0.5", bad("out of range, bound 1")],
  ["2m", bad("out of range, bound 60")],
]);
cases({ type: "timestamp" }, [
  ["0", { seconds: 0, nanoseconds: 0 }],
  ["1189383079.180265331", { seconds: 1189383079, nanoseconds: 180265331 }],
  ["1.0000000005", { seconds: 1, nanoseconds: 1 }],
  ["0.9999999999", { seconds: 1, nanoseconds: 0 }],
  ["1.5m", { seconds: 90, nanoseconds: 0 }],
  ["5ms", { seconds: 0, nanoseconds: 5000000 }],
  ["-0.25", { seconds: -1, nanoseconds: 750000000 }],
  ["-3", { seconds: -3, nanoseconds: 0 }],
  ["00012e-2", { seconds: 0, nanoseconds: 120000000 }],
  ["1_0.5_5", { seconds: 10, nanoseconds: 550000000 }],
  ["1e-400", { seconds: 0, nanoseconds: 0 }],
  ["1e400", bad("out of range")],
  ["9007199254740993", bad("out of range")],
  ["now", bad()],
  ["", bad()],
]);
cases({ type: "bandwidth" }, [
  ["1000", 1000],
  ["1kbps", 125],
  ["1.5Mbps", 187500],
  ["10GBps", 10000000000],
  ["100 Gb/s", 12500000000],
  ["8baud", 1],
  ["2KB/s", 2000],
  ["12bps", 2],
  ["-1", bad()],
  ["fast", bad()],
  ["1e99", bad("out of range")],
]);
cases({ type: "ether" }, [
  ["00:01:2:aB:ff:0", Uint8Array.of(0, 1, 2, 0xab, 255, 0)],
  ["00-01-02-03-04-05", Uint8Array.of(0, 1, 2, 3, 4, 5)],
  ["eth0", Uint8Array.of(2, 0, 0, 0, 0, 1)],
  ["eth0:eth", Uint8Array.of(2, 0, 0, 0, 0, 1)],
  ["eth0:ETHER", Uint8Array.of(2, 0, 0, 0, 0, 1)],
  ["eth0:ip", bad()],
  ["00:01-02:03:04:05", bad()],
  ["00:01:02:03:04", bad()],
  ["00:01:02:03:04:05:06", bad()],
  ["000:1:2:3:4:5", bad()],
]);
cases({ type: "ip" }, [
  ["1.2.3.4", 0x01020304],
  ["255.255.255.255", 0xffffffff],
  ["host", 0x0a000001],
  ["host:ip", 0x0a000001],
  ["eth0:ip4", 0xc0000201],
  ["net:bcast", 0x0a01ffff],
  ["net:gw", 0x0a010001],
  ["eth0:gw", 0xc00002fe],
  ["host:eth", bad()],
  ["1.2.3", bad()],
  ["1.2.3.256", bad()],
  ["1.2.3.4.5", bad()],
  ["nobody", bad()],
  ["", bad()],
]);
cases({ type: "ip_prefix" }, [
  ["10.0.0.0/8", { address: 0x0a000000, mask: 0xff000000, length: 8 }],
  ["10.1.2.3/8", { address: 0x0a010203, mask: 0xff000000, length: 8 }],
  ["10/8", { address: 0x0a000000, mask: 0xff000000, length: 8 }],
  ["0/0", { address: 0, mask: 0, length: 0 }],
  ["0.0.0.0/0.0.0.0", { address: 0, mask: 0, length: 0 }],
  ["18.26.4/255.255.255.0", { address: 0x121a0400, mask: 0xffffff00, length: 24 }],
  ["1.2.3.4/255.0.255.0", { address: 0x01020304, mask: 0xff00ff00, length: -1 }],
  ["1.2.3.4", { address: 0x01020304, mask: 0xffffffff, length: 32 }],
  ["host/24", { address: 0x0a000001, mask: 0xffffff00, length: 24 }],
  ["net", { address: 0x0a010203, mask: 0xffff0000, length: 16 }],
  ["net:ipnet", { address: 0x0a010203, mask: 0xffff0000, length: 16 }],
  ["18.26/24", bad()],
  ["1.2.3.4/33", bad()],
  ["1.2.3.4/", bad()],
  ["1.2.3.4/0x8", bad()],
  ["/8", bad()],
]);
const ip6 = (...groups: number[]): Uint8Array => Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 255]));
cases({ type: "ip_list" }, [
  ["", []],
  ["10.0.0.1", [0x0a000001]],
  ["  10.0.0.1   host\teth0:ip ", [0x0a000001, 0x0a000001, 0xc0000201]],
  ["10.0.0.1 x", bad()],
  ["10.0.0.1,10.0.0.2", bad()],
]);
cases({ type: "ip_prefix_list" }, [
  [
    "10.0.0.1/8 192.0.2.1",
    [
      { address: 0x0a000001, mask: 0xff000000, length: 8 },
      { address: 0xc0000201, mask: 0xffffffff, length: 32 },
    ],
  ],
  ["10.0.0.1/33", bad()],
]);
cases({ type: "ip6_list" }, [
  ["::1 fe80::", [ip6(0, 0, 0, 0, 0, 0, 0, 1), ip6(0xfe80, 0, 0, 0, 0, 0, 0, 0)]],
  ["::1 ::g", bad()],
]);
cases({ type: "ip6" }, [
  ["::", ip6(0, 0, 0, 0, 0, 0, 0, 0)],
  ["::1", ip6(0, 0, 0, 0, 0, 0, 0, 1)],
  ["fe80::", ip6(0xfe80, 0, 0, 0, 0, 0, 0, 0)],
  ["1080:0:0:0:8:800:200C:417a", ip6(0x1080, 0, 0, 0, 8, 0x800, 0x200c, 0x417a)],
  ["1080::8:800:200C:417A", ip6(0x1080, 0, 0, 0, 8, 0x800, 0x200c, 0x417a)],
  ["1:2:3:4:5:6:7::", ip6(1, 2, 3, 4, 5, 6, 7, 0)],
  ["::13.1.68.3", ip6(0, 0, 0, 0, 0, 0, 0x0d01, 0x4403)],
  ["::FFFF:129.144.52.38", ip6(0, 0, 0, 0, 0, 0xffff, 0x8190, 0x3426)],
  ["1:2:3:4:5:6:1.2.3.4", ip6(1, 2, 3, 4, 5, 6, 0x0102, 0x0304)],
  ["0::host", ip6(0, 0, 0, 0, 0, 0, 0x0a00, 1)],
  ["host6", NAMES["ip6 addresses host6"]],
  ["host6:ip6", NAMES["ip6 addresses host6"]],
  ["host6:ip", bad()],
  ["1:2:3:4:5:6:7", bad()],
  ["1:2:3:4:5:6:7:8:9", bad()],
  ["1:2:3:4:5:6:7:8::", bad()],
  ["1::2::3", bad()],
  [":::", bad()],
  ["1:", bad()],
  [":1", bad()],
  ["12345::", bad()],
  ["::1.2.3", bad()],
  ["1.2.3.4", bad()],
]);
cases({ type: "ip6_prefix" }, [
  ["2001:db8::/32", { address: ip6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), length: 32 }],
  ["::1/0", { address: ip6(0, 0, 0, 0, 0, 0, 0, 1), length: 0 }],
  ["::1", { address: ip6(0, 0, 0, 0, 0, 0, 0, 1), length: 128 }],
  ["1::/ffff:f000::", { address: ip6(1, 0, 0, 0, 0, 0, 0, 0), length: 20 }],
  ["net6", { address: NAMES["ip6 addresses host6"], length: 64 }],
  ["::/129", bad()],
  ["::/::1", bad()],
  ["1::/ff00:1::", bad()],
]);
cases({ type: "address" }, [
  ["1.2.3.4", Uint8Array.of(1, 2, 3, 4)],
  ["::1", ip6(0, 0, 0, 0, 0, 0, 0, 1)],
  ["x", bad()],
]);
cases({ type: "prefix" }, [
  ["10/8", { address: Uint8Array.of(10, 0, 0, 0), length: 8 }],
  ["fd00::/8", { address: ip6(0xfd00, 0, 0, 0, 0, 0, 0, 0), length: 8 }],
  ["1.2.3.4/255.0.255.0", bad()],
]);
cases({ type: "ip_port" }, [
  ["80", 80],
  ["ssh", 22],
  ["https", 443],
  ["www", 8000],
  ["0x50", 80],
  ["mine", bad()],
  ["65536", bad("overflow, range 0-65535")],
  ["-1", bad()],
  ["toString", bad()],
]);
cases({ type: "ip_port", protocol: 17 }, [
  ["mine", 4242],
  ["bootps", 67],
  ["domain", 53],
  ["www", 80],
]);
cases({ type: "named", database: DATABASES.ipProtocols }, [
  ["tcp", 6],
  ["udp", 17],
  ["gre", 47],
  ["89", 89],
  ["0x11", 17],
  ["nothing", bad()],
]);
cases({ type: "named", database: DATABASES.icmpTypes, min: 0, max: 255 }, [
  ["unreachable", 3],
  ["timeexceeded", 11],
  ["256", bad("out of range, bound 255")],
]);
cases({ type: "named", database: icmpCodeDatabase(3) }, [
  ["needfrag", 4],
  ["port", 3],
  ["transit", bad()],
]);
cases({ type: "anno", size: 1 }, [
  ["PAINT", { offset: 16, size: 1 }],
  ["17", { offset: 17, size: 1 }],
  ["47", { offset: 47, size: 1 }],
  ["48", bad()],
  ["AGGREGATE", bad()],
  ["-1", bad()],
]);
cases({ type: "anno" }, [
  ["DST_IP6", { offset: 0, size: 16 }],
  ["FIRST_TIMESTAMP", { offset: 32, size: 8 }],
  ["20", { offset: 20, size: 1 }],
]);
cases({ type: "anno", size: 4 }, [
  ["DST_IP", { offset: 0, size: 4 }],
  ["44", { offset: 44, size: 4 }],
  ["45", bad()],
]);
cases({ type: "element" }, [
  ["q", element],
  ["p", bad("does not name an element")],
]);
cases({ type: "handler" }, [
  ["q.length", { element: "q", handler: "length", value: "" }],
  ['a/b.set  1, "x"', { element: "a/b", handler: "set", value: '1, "x"' }],
  ["stop", { element: null, handler: "stop", value: "" }],
  [".stop now", { element: null, handler: "stop", value: "now" }],
  ["q.a.b", { element: "q", handler: "a.b", value: "" }],
  ["q.", bad()],
  ["", bad()],
]);

test("a number's first name is found in a built-in database", () => {
  assert.is(builtinNameOf(DATABASES.icmpTypes, 3), "unreachable");
  assert.is(builtinNameOf(DATABASES.icmpTypes, 200), undefined);
});

test.run();
