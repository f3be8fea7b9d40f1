import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_FIX_IP_SRC } from "../../../assembly/layout.js";
import { ipBytes } from "../../../src/net/address.js";
import { readIpv4 } from "../../../src/wire/ipv4.js";
import { readUdp } from "../../../src/wire/udp.js";
import { filling, hex, ip, ipv4 } from "../../packets.js";
import { complaints, lab } from "../lab.js";

test("IPEncap writes a header that reads back, and counts its identifications", async () => {
  const l = await lab(
    "f :: Feed -> e :: IPEncap(ipip, 18.26.4.24, 140.247.60.147, TTL 9, DSCP 5, ECT 2, DF true) -> c :: Catch",
  );
  const payloads = [filling(0), filling(1), filling(100), filling(1501)];
  l.feed(payloads);
  const got = l.caught("c");
  for (const [i, { bytes, anno, network, transport }] of got.entries()) {
    const packet = readIpv4(bytes);
    assert.is(packet.id, i);
    assert.is(packet.protocol, 4);
    assert.is(packet.ttl, 9);
    assert.is(packet.tos, (5 << 2) | 2);
    assert.is(packet.dontFragment, true);
    assert.is(packet.source, ip("18.26.4.24"));
    assert.is(packet.destination, ip("140.247.60.147"));
    assert.equal(new Uint8Array(packet.payload), payloads[i]);
    assert.equal([...anno.subarray(0, 4)], [140, 247, 60, 147]);
    assert.is(network, 0);
    assert.is(transport, 20);
  }
  l.close();
});

test("IPEncap takes the destination annotation where it is told to, and its handlers change it while it runs", async () => {
  const l = await lab(
    "f :: Feed -> SetIPAddress(255.254.253.252) -> e :: IPEncap(17, 1.0.0.1, DST_ANNO) -> c :: Catch",
  );
  l.feed([filling(8)]);
  assert.is(readIpv4(l.caught("c")[0].bytes).destination, ip("255.254.253.252"));
  assert.is(l.read("e.dst"), "DST_ANNO");
  assert.is(l.read("e.src"), "1.0.0.1");
  await l.router.write("e.dst", "2.0.0.2");
  await l.router.write("e.src", "3.0.0.3");
  assert.is(l.read("e.config"), "17, 3.0.0.3, 2.0.0.2");
  l.feed([filling(8)]);
  const packet = readIpv4(l.caught("c")[0].bytes);
  assert.is(packet.destination, ip("2.0.0.2"));
  assert.is(packet.source, ip("3.0.0.3"));
  assert.is(packet.id, 1);
  await l.router.write("e.dst", "nowhere").then(
    () => assert.unreachable(),
    (e) => assert.is(e.message, "DST argument should be IP address or 'DST_ANNO'"),
  );
  assert.is(l.read("e.dst"), "2.0.0.2");
  l.close();
});

test("a packet that leaves no room for a header is dropped, one that only lacks headroom is moved", async () => {
  const l = await lab(
    "f :: Feed -> e :: IPEncap(17, 1.0.0.1, 2.0.0.2) -> c :: Catch; g :: Feed -> u :: UDPIPEncap(1.0.0.1, 1, 2.0.0.2, 2) -> d :: Catch",
  );
  for (const [name, sink, header] of [
    ["f", "c", 20],
    ["g", "d", 28],
  ] as const) {
    const room = 65535;
    l.feed(
      [
        { bytes: filling(room - header), headroom: 0 },
        { bytes: filling(room - header + 1), headroom: 0 },
        { bytes: filling(60), headroom: 19 },
      ],
      name,
    );
    const got = l.caught(sink);
    assert.equal(
      got.map((c) => c.bytes.length),
      [room, 60 + header],
    );
    for (const { bytes } of got)
      assert.equal(
        new Uint8Array(readIpv4(bytes).payload.subarray(header - 20)),
        filling(bytes.length - header),
      );
  }
  assert.is(l.read("e.no_room"), "1");
  assert.is(l.read("u.no_room"), "1");
  l.close();
});

test("IPEncap refuses what contradicts itself", async () => {
  const cases: Readonly<Record<string, string>> = {
    "300, 1.0.0.1, 2.0.0.2": "bad IP protocol",
    "4, 1.0.0.1, here": "DST argument should be IP address or 'DST_ANNO'",
    "4, 1.0.0.1, 2.0.0.2, TOS 1, DSCP 1": "cannot set both TOS and DSCP",
    "4, 1.0.0.1, 2.0.0.2, TOS 1, CE true": "cannot set both TOS and ECN bits",
    "4, 1.0.0.1, 2.0.0.2, TOS 256": "TOS too large; max 255",
    "4, 1.0.0.1, 2.0.0.2, DSCP 64": "DSCP too large; max 63",
    "4, 1.0.0.1, 2.0.0.2, ECT 1, CE true": "can set at most one ECN option",
    "4, 1.0.0.1, 2.0.0.2, ECT 3": "bad ECT value '3'",
    "4, 1.0.0.1": "DST: required argument missing",
  };
  for (const [config, message] of Object.entries(cases))
    assert.equal((await complaints(`Feed -> IPEncap(${config}) -> Catch`))[1], message, config);
});

test("UDPIPEncap writes headers that read back, with a checksum or without", async () => {
  const l = await lab(
    `f :: Feed -> u :: UDPIPEncap(1.0.0.1, 1234, 2.0.0.2, domain) -> c :: Catch;
     g :: Feed -> SetIPAddress(9.8.7.6) -> UDPIPEncap(1.0.0.1, 1, DST_ANNO, 2, false) -> d :: Catch`,
  );
  const payloads = Array.from({ length: 200 }, (_, n) => filling(n * 7));
  l.feed(payloads);
  for (const [i, { bytes, anno }] of l.caught("c").entries()) {
    const packet = readIpv4(bytes);
    assert.is(packet.ttl, 250);
    assert.is(packet.id, i);
    const ends = { source: ipBytes(packet.source), destination: ipBytes(packet.destination) };
    const datagram = readUdp(packet.payload, ends);
    assert.is.not(packet.payload[6] | packet.payload[7], 0, "a checksum");
    assert.is(datagram.sourcePort, 1234);
    assert.is(datagram.destinationPort, 53);
    assert.equal(new Uint8Array(datagram.payload), payloads[i]);
    assert.equal([...anno.subarray(0, 4)], [2, 0, 0, 2]);
  }
  l.feed([filling(5)], "g");
  const packet = readIpv4(l.caught("d")[0].bytes);
  assert.is(packet.destination, ip("9.8.7.6"));
  assert.is(packet.payload[6] | packet.payload[7], 0);
  assert.equal(
    ["src", "sport", "dst", "dport"].map((h) => l.read(`u.${h}`)),
    ["1.0.0.1", "1234", "2.0.0.2", "53"],
  );
  await l.router.write("u.dport", "4341");
  await l.router.write("u.sport", "4342");
  l.feed([filling(5)]);
  assert.is(readUdp(readIpv4(l.caught("c")[0].bytes).payload).destinationPort, 4341);
  assert.is(l.read("u.sport"), "4342");
  l.close();
  assert.equal((await complaints("Feed -> UDPIPEncap(1.0.0.1, 1, x, 2) -> Catch"))[1], "bad DST");
});

test("a UDP checksum that comes out as zero is sent as 0xffff", async () => {
  const l = await lab("f :: Feed -> UDPIPEncap(0.0.0.0, 0, 0.0.0.0, 0) -> c :: Catch");
  // Pseudo header: 17 + 10; UDP length: 10; so the payload brings the sum to 0xffff.
  l.feed([hex((0xffff - 17 - 20).toString(16))]);
  assert.equal([...l.caught("c")[0].bytes.subarray(26, 28)], [255, 255]);
  l.close();
});

test("StripIPHeader leaves the payload, and drops what is not marked", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader(14) -> StripIPHeader -> c :: Catch; g :: Feed -> s :: StripIPHeader -> d :: Catch",
  );
  l.feed([new Uint8Array([...filling(14), ...ipv4({ options: hex("01010101"), payload: filling(9) })])]);
  assert.equal(l.caught("c")[0].bytes, filling(9));
  l.feed([ipv4()], "g");
  assert.is(l.caught("d").length, 0);
  assert.is(l.read("s.no_header"), "1");
  l.close();
});

test("SetIPChecksum mends the checksum of the marked header, or of one at the data", async () => {
  const l = await lab(
    "f :: Feed -> s :: SetIPChecksum -> c :: Catch; g :: Feed -> MarkIPHeader(2) -> SetIPChecksum -> d :: Catch",
  );
  const packet = ipv4({ options: hex("0101 0100"), payload: filling(3) });
  const wrong = packet.slice();
  wrong[10] ^= 0x55;
  const short = ipv4().subarray(0, 19);
  const long = ipv4();
  long[0] = 0x4f;
  l.feed([wrong, short, long]);
  l.feed([new Uint8Array([1, 2, ...wrong])], "g");
  assert.equal(
    l.caught("c").map((c) => c.bytes),
    [packet],
  );
  assert.equal(l.caught("d")[0].bytes, new Uint8Array([1, 2, ...packet]));
  assert.is(l.read("s.drops"), "2");
  assert.equal(l.lines, ["SetIPChecksum: bad input packet"]);
  l.close();
});

test("FixIPSrc changes the source of packets that ask for it, once", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> FixIPSrc(172.16.0.1) -> c :: Catch; g :: Feed -> FixIPSrc(172.16.0.1) -> d :: Catch",
  );
  l.feed([{ bytes: ipv4(), anno: { [ANNO_FIX_IP_SRC]: 1 } }, ipv4()]);
  const got = l.caught("c");
  assert.equal(
    got.map((c) => readIpv4(c.bytes).source),
    [ip("172.16.0.1"), ip("10.0.0.1")],
  );
  assert.is(got[0].anno[ANNO_FIX_IP_SRC], 0);
  l.feed([{ bytes: ipv4(), anno: { [ANNO_FIX_IP_SRC]: 1 } }], "g");
  const [unmarked] = l.caught("d");
  assert.equal(unmarked.bytes, ipv4());
  assert.is(unmarked.anno[ANNO_FIX_IP_SRC], 1);
  l.close();
});

test.run();
