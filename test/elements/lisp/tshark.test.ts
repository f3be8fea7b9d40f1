// Every kind of packet that LISP's elements send, as they send it, over IPv4 and IPv6, read by another decoder: tshark
// complains of none, and reads what our own decoders do. Types 5 and 15, which it does not know, are left out.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { readUdpPacket } from "../../../src/wire/udp-packet.js";
import { COMPLAINTS, judged, TSHARK, tsharkTest } from "../../tshark.js";
import { controlFields, dataFields, type Fields } from "./sent/expected.js";
import * as scenes from "./sent/scenes.js";

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: Fields;
}

/** The data header of an encapsulated packet. */
function dataHeader(bytes: Uint8Array): Uint8Array {
  const at = (bytes[0] >> 4 === 4 ? 20 : 40) + 8;
  return bytes.slice(at, at + 8);
}

const { registering, asking, answering, serving, resolving, encapsulating } = scenes;
const cases: Case[] = [];
for (const family of scenes.FAMILIES) {
  for (const scene of [registering, asking, answering, serving, resolving])
    for (const { what, bytes } of await scene(family)) {
      const expected = controlFields(decodeLispControl(readUdpPacket(bytes).payload));
      assert.ok(expected !== null, `${what} is of a type that tshark knows`);
      cases.push({ name: `${what}, over ${family.name}`, bytes, expected: expected! });
    }
  for (const { what, bytes } of await encapsulating(family))
    cases.push({ name: `${what}, over ${family.name}`, bytes, expected: dataFields(dataHeader(bytes)) });
}

test("every kind is among them, over both families", () => {
  const has = (field: string, value: string): number =>
    cases.filter(({ expected }) => expected[field] === value).length;
  const least: readonly (readonly [field: string, value: string, least: number])[] = [
    ["lisp.type", "1", 4],
    ["lisp.type", "2", 20],
    ["lisp.type", "3", 30],
    ["lisp.type", "4", 30],
    ["lisp.type", "8,1", 16],
    ...["probe", "smr", "smri", "pitr"].map((f) => [`lisp.mreq.flags.${f}`, "1", 2] as const),
    ...[0, 1, 2, 3, 4, 5].map((act) => ["lisp.mapping.act", String(act), 2] as const),
    ["lisp.mrep.flags.probe", "1", 2],
    ["lisp.mrep.flags.enlr", "1", 2],
    ["lisp.mreg.flags.pmr", "1", 2],
    ["lisp.mreg.flags.wmn", "0", 2],
    ...["nonce", "lsb", "enr", "mv", "iid"].map((f) => [`lisp-data.flags.${f}`, "1", 4] as const),
  ];
  for (const [field, value, n] of least)
    assert.ok(has(field, value) >= n, `${has(field, value)} with ${field} ${value}, not ${n}`);
});

let verdicts: readonly Fields[] = [];
test.before(() => {
  if (!TSHARK) return;
  const fields = new Set([...cases.flatMap(({ expected }) => Object.keys(expected)), ...COMPLAINTS]);
  fields.add("udp.checksum.status").add("ip.checksum.status");
  verdicts = judged(
    cases.map(({ bytes }) => bytes),
    [...fields],
  );
});

for (const [i, { name, expected }] of cases.entries())
  tsharkTest(`tshark reads ${name} as we do`, () => {
    const verdict = verdicts[i];
    const read = Object.fromEntries(
      Object.keys(expected).map((field) => [
        field,
        verdict[field].replaceAll("True", "1").replaceAll("False", "0"),
      ]),
    );
    assert.equal(read, expected);
    for (const complaint of COMPLAINTS) assert.is(verdict[complaint], "", complaint);
    // 0: bad. A data packet's own UDP checksum is 0, not there (RFC 9300, section 5.3).
    for (const sum of ["udp.checksum.status", "ip.checksum.status"])
      assert.not.match(verdict[sum], "0", `${sum} ${verdict[sum]}`);
  });

test.run();
