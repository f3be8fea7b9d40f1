import { test } from "uvu";
import * as assert from "uvu/assert";
import { ip6Text, ipText } from "../../src/net/address.js";
import { swap32 } from "../../src/net/byte-order.js";
import { etherText } from "../../src/net/mac.js";
import { ARP_REPLY, ARP_REQUEST, readArp, writeArp } from "../../src/wire/arp.js";
import { addToSum, checksum } from "../../src/wire/checksum.js";
import { WireError } from "../../src/wire/error.js";
import { readEthernet, writeEthernet } from "../../src/wire/ethernet.js";
import { ICMP_ECHO, readIcmp, writeIcmp } from "../../src/wire/icmp.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  ND_SOLICITED,
  type NeighborMessage,
  readIcmp6,
  readNeighbor,
  writeIcmp6,
  writeNeighbor,
} from "../../src/wire/icmp6.js";
import { readIpv4, writeIpv4 } from "../../src/wire/ipv4.js";
import { readIpv6, writeIpv6 } from "../../src/wire/ipv6.js";
import { readUdp, writeUdp } from "../../src/wire/udp.js";
import { ether, hex, ip, ip6, ipv4 } from "../packets.js";
import * as fc from "../property.js";

const byte = fc.integer({ min: 0, max: 255 });
const word = fc.integer({ min: 0, max: 0xffff });
const long = fc.integer({ min: 0, max: 0xffffffff });
const data = fc.uint8Array({ maxLength: 64 });
const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });
const endpoints = fc.oneof(
  fc.record({ source: bytes(4), destination: bytes(4) }),
  fc.record({ source: bytes(16), destination: bytes(16) }),
);

/** What `read` says of `message`: plain records compare by value. */
function roundTrip<T>(message: T, wire: Uint8Array, read: (bytes: Uint8Array) => T): void {
  assert.equal({ ...read(wire) }, { ...message });
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    assert.instance(e, WireError);
    return (e as WireError).code;
  }
  return "";
}

test("the checksum of RFC 1071's example", () => {
  const example = hex("0001 f203 f4f5 f6f7");
  assert.is(addToSum(0, example), 0xddf2);
  assert.is(checksum(example), 0x220d);
  assert.is(addToSum(0, hex("01")), 0x0100);
});

test("an IPv4 header with a known checksum", () => {
  // 115 bytes of UDP from 192.168.0.1 to 192.168.0.199.
  const header = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
  const packet = new Uint8Array(0x73);
  packet.set(header);
  const read = readIpv4(packet);
  assert.is(read.ttl, 64);
  assert.is(read.protocol, 17);
  assert.is(read.dontFragment, true);
  assert.is(ipText(read.source), "192.168.0.1");
  assert.is(read.payload.length, 0x73 - 20);
  assert.equal(writeIpv4(read), packet);
});

test("IPv4, IPv6, UDP, ICMP, ICMPv6, ARP and Ethernet read back what they write", () => {
  fc.assert(
    fc.property(
      fc.record({
        tos: byte,
        id: word,
        dontFragment: fc.boolean(),
        moreFragments: fc.boolean(),
        fragmentOffset: fc.integer({ min: 0, max: 8191 }).map((n) => n * 8),
        ttl: byte,
        protocol: byte,
        source: long,
        destination: long,
        options: fc.integer({ min: 0, max: 10 }).chain((n) => bytes(n * 4)),
        payload: data,
      }),
      (m) => roundTrip(m, writeIpv4(m), readIpv4),
    ),
  );
  fc.assert(
    fc.property(
      fc.record({
        trafficClass: byte,
        flowLabel: fc.integer({ min: 0, max: 0xfffff }),
        nextHeader: byte,
        hopLimit: byte,
        source: bytes(16),
        destination: bytes(16),
        payload: data,
      }),
      (m) => roundTrip(m, writeIpv6(m), readIpv6),
    ),
  );
  fc.assert(
    fc.property(
      fc.record({ sourcePort: word, destinationPort: word, payload: data }),
      endpoints,
      (m, ends) => {
        roundTrip(m, writeUdp(m, ends), (b) => readUdp(b, ends));
        roundTrip(m, writeUdp(m), readUdp);
      },
    ),
  );
  fc.assert(
    fc.property(fc.record({ type: byte, code: byte, rest: long, payload: data }), endpoints, (m, ends) => {
      roundTrip(m, writeIcmp(m), readIcmp);
      roundTrip(m, writeIcmp6(m, ends), (b) => readIcmp6(b, ends));
    }),
  );
  fc.assert(
    fc.property(
      fc.record({
        operation: word,
        senderEther: bytes(6),
        senderIp: long,
        targetEther: bytes(6),
        targetIp: long,
      }),
      (m) => roundTrip(m, writeArp(m), readArp),
    ),
  );
  fc.assert(
    fc.property(fc.record({ destination: bytes(6), source: bytes(6), etherType: word, payload: data }), (m) =>
      roundTrip(m, writeEthernet(m), readEthernet),
    ),
  );
});

test("Neighbor Solicitations and Advertisements read back, with and without the link-layer address", () => {
  const ends = { source: ip6("fe80::1"), destination: ip6("ff02::1:ff00:2") };
  const messages: NeighborMessage[] = [
    { type: ICMP6_SOLICITATION, flags: 0, target: ip6("fe80::2"), link: ether("02:00:00:00:00:01") },
    { type: ICMP6_ADVERTISEMENT, flags: ND_SOLICITED, target: ip6("fe80::2"), link: null },
  ];
  for (const m of messages) roundTrip(m, writeNeighbor(m, ends), (b) => readNeighbor(b, ends));
  const solicitation = writeNeighbor(messages[0], ends);
  const withOption = (option: string): string => {
    const payload = new Uint8Array([...messages[0].target, ...hex(option)]);
    return code(() => readNeighbor(writeIcmp6({ type: 135, code: 0, rest: 0, payload }, ends), ends));
  };
  assert.is(withOption("0100 020000000001"), "BAD_LENGTH");
  assert.is(withOption("0102 020000000001"), "BAD_LENGTH");
  assert.is(withOption("01"), "BAD_LENGTH");
  assert.is(withOption("fe01 000000000000"), "");
  const group = { ...messages[0], target: ip6("ff02::2") };
  assert.is(
    code(() => readNeighbor(writeNeighbor(group, ends), ends)),
    "BAD_FIELD",
  );
  for (let n = 0; n < solicitation.length; n++)
    assert.is.not(
      code(() => readNeighbor(solicitation.subarray(0, n), ends)),
      "",
    );
});

test("what is cut short, or lies about its version, length or checksum, is refused", () => {
  const packet = ipv4({ payload: writeIcmp({ type: ICMP_ECHO, code: 0, rest: 1, payload: hex("aabb") }) });
  for (let n = 0; n < packet.length; n++)
    assert.is(
      code(() => readIpv4(packet.subarray(0, n))),
      "TRUNCATED",
    );
  const changed = (at: number, value: number): string => {
    const copy = packet.slice();
    copy[at] = value;
    return code(() => readIpv4(copy));
  };
  assert.is(changed(0, 0x65), "BAD_VERSION");
  assert.is(changed(0, 0x44), "BAD_LENGTH");
  assert.is(changed(3, 19), "BAD_LENGTH");
  assert.is(changed(8, 63), "BAD_CHECKSUM");
  const six = writeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: 59,
    hopLimit: 1,
    source: ip6("::1"),
    destination: ip6("::2"),
    payload: hex("0102"),
  });
  for (let n = 0; n < six.length; n++)
    assert.is(
      code(() => readIpv6(six.subarray(0, n))),
      "TRUNCATED",
    );
  assert.is(
    code(() => readIpv6(packet.length < 40 ? new Uint8Array(40) : packet)),
    "BAD_VERSION",
  );
  const ends = { source: hex("0a000001"), destination: hex("0a000002") };
  const datagram = writeUdp({ sourcePort: 1, destinationPort: 2, payload: hex("ff") }, ends);
  for (let n = 0; n < datagram.length; n++)
    assert.is(
      code(() => readUdp(datagram.subarray(0, n), ends)),
      "TRUNCATED",
    );
  datagram[8] ^= 1;
  assert.is(
    code(() => readUdp(datagram, ends)),
    "BAD_CHECKSUM",
  );
  datagram[5] = 7;
  assert.is(
    code(() => readUdp(datagram, ends)),
    "BAD_LENGTH",
  );
  assert.is(
    code(() => readIcmp(hex("0800 0000 0000 0000"))),
    "BAD_CHECKSUM",
  );
  assert.is(
    code(() => readEthernet(new Uint8Array(13))),
    "TRUNCATED",
  );
  const arp = writeArp({
    operation: ARP_REQUEST,
    senderEther: ether("02:00:00:00:00:01"),
    senderIp: ip("10.0.0.1"),
    targetEther: new Uint8Array(6),
    targetIp: ip("10.0.0.2"),
  });
  assert.equal(arp, hex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002"));
  assert.is(readArp(new Uint8Array([...arp, 0, 0, 0])).operation, ARP_REQUEST);
  assert.is.not(ARP_REPLY, ARP_REQUEST);
  for (const [at, wanted] of [
    [1, "BAD_VERSION"],
    [2, "BAD_VERSION"],
    [4, "BAD_LENGTH"],
    [5, "BAD_LENGTH"],
  ] as const) {
    const copy = arp.slice();
    copy[at] = 99;
    assert.is(
      code(() => readArp(copy)),
      wanted,
    );
  }
});

test("addresses as text and numbers", () => {
  assert.is(ipText(ip("192.0.2.255")), "192.0.2.255");
  assert.is(swap32(0x01020304), 0x04030201);
  assert.is(swap32(0xff0000fe), 0xfe0000ff);
  const cases = ["::", "::1", "2001:db8::", "2001:db8:0:1:1:1:1:1", "1:0:0:2::", "fe80::1:0:0:1"];
  for (const text of cases) assert.is(ip6Text(ip6(text)), text);
  assert.is(ip6Text(ip6("0:0:1:0:0:0:1:0")), "0:0:1::1:0");
  assert.is(etherText(ether("00:00:c0:3b:71:ef")), "00-00-C0-3B-71-EF");
});

test.run();
