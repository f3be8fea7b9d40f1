import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_ICMP_PARAM } from "../../../assembly/layout.js";
import { readIpv4 } from "../../../src/wire/ipv4.js";
import { hex, ipv4 } from "../../packets.js";
import * as fc from "../../property.js";
import { lab } from "../lab.js";

const GRAPH =
  "f :: Feed -> MarkIPHeader -> g :: IPGWOptions(10.1.2.3, 10.9.9.9) -> on :: Catch; g[1] -> bad :: Catch";
// The clock of a lab shows 2001-09-09 01:46:40 UT: 6,400,000 ms since midnight.
const TIME = "0061a800";

/** What becomes of these options: the options as they leave, or the place of the fault as a number. */
async function through(options: string): Promise<string | number> {
  const l = await lab(GRAPH);
  l.feed([ipv4({ options: hex(options) })]);
  const [on] = l.caught("on");
  const [bad] = l.caught("bad");
  const drops = l.read("g.drops");
  l.close();
  assert.is(drops, bad === undefined ? "0" : "1");
  if (bad !== undefined) return bad.anno[ANNO_ICMP_PARAM];
  return Buffer.from(readIpv4(on.bytes).options).toString("hex");
}

const plain = (text: string): string => text.replace(/ /g, "");

const cases: readonly (readonly [what: string, options: string, result: string | number])[] = [
  ["no options are left alone", "", ""],
  ["others are left alone", "94 04 0000", "94 04 0000"],
  ["Record Route gets the address", "07 07 04 00000000 00", "07 07 08 0a010203 00"],
  ["a second place of Record Route", "07 0b 08 01020304 00000000 00", "07 0b 0c 01020304 0a010203 00"],
  ["a full Record Route stays", "07 07 08 01020304 00", "07 07 08 01020304 00"],
  ["Record Route with its pointer inside an address: the pointer is at fault", "07 07 06 00000000 00", 22],
  ["Record Route with pointer 0", "07 07 00 00000000 00", 22],
  ["Record Route without a pointer: its length is at fault", "07 02 0000", 21],
  ["an option without a length", "01 01 01 07", 24],
  ["an option beyond the header", "07 09 04 00 00000000", 21],
  ["an option of length 1", "94 01 0000", 21],
  ["a timestamp", "44 08 05 00 00000000", `44 08 09 00 ${TIME}`],
  ["a timestamp with address", "44 0c 05 01 00000000 00000000", `44 0c 0d 01 0a010203 ${TIME}`],
  [
    "a timestamp for this router by its other address",
    "44 0c 05 03 0a090909 00000000",
    `44 0c 0d 03 0a090909 ${TIME}`,
  ],
  ["a timestamp for another router", "44 0c 05 03 0a090908 00000000", "44 0c 05 03 0a090908 00000000"],
  ["a full timestamp option counts", "44 08 09 20 01020304", "44 08 09 30 01020304"],
  ["until it cannot", "44 08 09 f0 01020304", 23],
  ["a timestamp option with an unknown flag", "44 08 05 02 00000000", 23],
  ["a timestamp option with a pointer into its head", "44 08 04 00 00000000", 22],
  ["a timestamp option without flags", "44 03 05 00", 21],
  ["options after the end of the list are none", "00 07 ff 00", "00 07 ff 00"],
  [
    "several options, one after another",
    "01 07 07 04 00000000 44 08 05 00 00000000",
    `01 07 07 08 0a010203 44 08 09 00 ${TIME}`,
  ],
];

for (const [what, options, result] of cases) {
  test(`IPGWOptions: ${what}`, async () => {
    assert.equal(await through(plain(options)), typeof result === "number" ? result : plain(result));
  });
}

test("IPGWOptions drops packets with faulty options without output 1, and passes unmarked ones", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> g :: IPGWOptions(1.1.1.1) -> on :: Catch; h :: Feed -> IPGWOptions(1.1.1.1) -> un :: Catch",
  );
  l.feed([ipv4({ options: hex("94010000") })]);
  l.feed([ipv4({ options: hex("94010000") })], "h");
  assert.is(l.caught("on").length, 0);
  assert.is(l.caught("un").length, 1);
  l.close();
});

test("whatever the options say, the packet keeps its payload and a good checksum", async () => {
  const l = await lab(GRAPH);
  const payload = hex("0102030405060708");
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.constantFrom(7, 68, 1, 0, 148),
      (words, noise, type) => {
        const options = noise.slice(0, words * 4);
        options[0] = type;
        l.feed([ipv4({ options, payload })]);
        const got = [...l.caught("on"), ...l.caught("bad")];
        assert.is(got.length, 1);
        const read = readIpv4(got[0].bytes);
        assert.equal(new Uint8Array(read.payload), payload);
      },
    ),
    { numRuns: 500 },
  );
  l.close();
});

test.run();
