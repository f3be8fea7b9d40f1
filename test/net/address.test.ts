// IP addresses: text, order, scope.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  addressScope,
  addressText,
  commonBits,
  compareAddresses,
  findAddress,
  sameAddress,
} from "../../src/net/address.js";
import { etherText, findMac } from "../../src/net/mac.js";
import * as fc from "../property.js";
import { anyAddress, binary, bytes, nearly, sparse } from "./arbitrary.js";

test("an address read from its text is itself", () => {
  fc.assert(fc.property(anyAddress, (a) => sameAddress(findAddress(addressText(a))!, a)));
});

test("other text for an address is read as well, and written as RFC 5952 has it", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["1::", "1::"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["010.0.0.1", "10.0.0.1"],
  ];
  for (const [text, written] of cases) assert.is(addressText(findAddress(text)!), written);
});

test("what is no address is none", () => {
  const wrong = [
    ...["", "10", "10.1.2", "10.0.0.256", "1.2.3.4.5", "1.2.3.-4", " 10.0.0.1", "10.0.0.1/8", "0x0a.0.0.1"],
    ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "g::"],
    ...["::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::", "::256.0.0.1", `::${"0".repeat(300)}`],
  ];
  for (const text of wrong) assert.is(findAddress(text), null, text);
});

test("any text is an address, which reads back, or none", () => {
  fc.assert(
    fc.property(nearly, (text) => {
      const found = findAddress(text);
      return found === null || sameAddress(findAddress(addressText(found))!, found);
    }),
  );
});

test("addresses are ordered: IPv4 before IPv6, then as numbers", () => {
  fc.assert(
    fc.property(anyAddress, anyAddress, (a, b) => {
      const expected =
        a.length - b.length || Buffer.from(a).toString("hex").localeCompare(Buffer.from(b).toString("hex"));
      assert.is(Math.sign(compareAddresses(a, b)), Math.sign(expected));
      assert.is(sameAddress(a, b), expected === 0);
    }),
  );
});

test("leading bits that two addresses share are counted as in their binary text", () => {
  fc.assert(
    fc.property(sparse(16), sparse(16), (a, b) => {
      const [x, y] = [binary(a), binary(b)];
      let n = 0;
      while (n < x.length && x[n] === y[n]) n++;
      return commonBits(a, b) === n;
    }),
  );
});

test("each address has the scope that its block has", () => {
  const scopes: Record<string, readonly string[]> = {
    unspecified: ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"],
    loopback: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
    "link-local": ["169.254.0.1", "fe80::1", "febf::1", "::ffff:169.254.0.1"],
    multicast: ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    broadcast: ["255.255.255.255", "::ffff:255.255.255.255"],
    reserved: ["240.0.0.1", "255.255.255.254"],
    global: [
      "10.0.0.1",
      "192.0.2.1",
      "169.253.0.1",
      "1.0.0.0",
      "223.255.255.255",
      "::2",
      "::1:0:0:0",
      "fec0::1",
    ],
  };
  for (const [scope, texts] of Object.entries(scopes))
    for (const text of texts) assert.is(addressScope(findAddress(text)!), scope, text);
});

test("a hardware address is read with colons or dashes and written as Click does", () => {
  fc.assert(fc.property(bytes(6), (mac) => sameAddress(findMac(etherText(mac))!, mac)));
  assert.is(etherText(findMac("0:0:c0:3B:71:ef")!), "00-00-C0-3B-71-EF");
  for (const text of ["", "00:00:c0:3b:71", "00-00:c0:3b:71:ef", "00:00:c0:3b:71:ef:00", "000:0:c0:3b:71:ef"])
    assert.is(findMac(text), null, text);
});

test.run();
