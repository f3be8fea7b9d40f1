// Valid packets of every protocol the elements know, for hostile ones to be made from.

import { type AgentKind, writeAgentMessage } from "../../src/cloud/agent/agent-message.js";
import { ipBytes } from "../../src/net/address.js";
import { writeArp } from "../../src/wire/arp.js";
import { writeEthernet } from "../../src/wire/ethernet.js";
import { writeIcmp } from "../../src/wire/icmp.js";
import { writeIcmp6, writeNeighbor } from "../../src/wire/icmp6.js";
import { writeUdp } from "../../src/wire/udp.js";
import { ether, filling, hex, ip, ip6, ipv4, ipv6, udp4 } from "../packets.js";

// Addresses that the configurations under test know.
const HOST = ip("10.0.0.1");
const PEER = ip("192.0.2.1");
const HOST6 = ip6("2001:db8::1");
const PEER6 = ip6("2001:db8:1::1");
const ENDS6 = { source: HOST6, destination: PEER6 };
const OUR_ETHER = ether("02:00:00:00:00:01");
const PEER_ETHER = ether("02:00:00:00:00:02");

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function udp6(ports: readonly [number, number], payload: Uint8Array): Uint8Array {
  return ipv6({
    payload: writeUdp({ sourcePort: ports[0], destinationPort: ports[1], payload }, ENDS6),
  });
}

/** Payloads of numbered streams: the first of a run, a later one, the first of another run. */
const NUMBERED = [
  "4e554d31 00000007 0de0b6b3a7640000 0000000000000001 0de0b6b3a7640000 00000000",
  "4e554d31 00000007 0de0b6b3a7640000 0000000000000009 0de0b6b3a7650000",
  "4e554d31 00000001 0de0b6b3a7660000 0000000000000001 0de0b6b3a7660000 ffff",
].map(hex);

/** RTP packets: two in order, one far from them, one with CSRCs, extension and padding. */
const RTP = [
  "8080 0001 00000000 0a0b0c0d 5356 0de0b6b3a7640000 ffff",
  "8000 0002 000000a0 0a0b0c0d 5356 0de0b6b3a7650000 ffff",
  "8000 9000 00100000 0a0b0c0d 5356 0de0b6b3a7660000 ffff",
  "b200 9001 001000a0 0a0b0c0d 00000001 00000002 bede0001 00000000 ffff 0002",
].map(hex);

/** A TCP segment with options; its checksum is not right. */
const TCP = join(
  hex("0400 0050 00000001 00000002 8018 2000 1234 0000 020405b4 0101080a 00000001"),
  filling(30),
);

/** LISP data headers (RFC 9300 section 5.1): with nonce and locator bits, instance ID, map versions, echo, nothing. */
const LISP_HEADERS = [
  "c0 010203 00000001",
  "c8 010203 00002a01",
  "90 001002 00000000",
  "e0 0a0b0c ffffffff",
  "00 000000 00000000",
  "ff ffffff ffffffff",
].map(hex);

/** LISP control messages (RFC 9301 section 5): Map-Request, -Reply, -Register, -Notify, Encapsulated Control Message. */
function controlMessages(): Uint8Array[] {
  const request = join(hex("10000001 0102030405060708 0001 0a000001 0001 c0000201 0018 0001 c0000200"));
  const reply = hex(
    "20000001 0102030405060708 0000003c 01181000 00000001 c0000200 01640000 0005 0001 0a000001",
  );
  const register = join(
    hex("38000101 0102030405060708 0001 0014"),
    filling(20),
    hex("0000003c 01181000 00000001 c0000200"),
  );
  const notify = join(hex("40000001 0102030405060708 0001 0014"), filling(20));
  const inner = udp4({}, { sourcePort: 4342, destinationPort: 4342, payload: request });
  return [request, reply, register, notify, join(hex("80000000"), inner)];
}

/** What a controller and another agent say to an agent at PEER, with key `1:k`: a hello, a status, an acknowledgement, a stream. */
function agentPackets(): Uint8Array[] {
  const ends = { source: ipBytes(HOST), destination: ipBytes(PEER), sourcePort: 4344, destinationPort: 4344 };
  const message = (kind: AgentKind, nonce: bigint, body: string): Uint8Array => {
    const whole = { kind, keyId: 1, session: 1n, nonce, body: Buffer.from(body) };
    return udp4(
      { source: HOST, destination: PEER },
      { ...ends, payload: writeAgentMessage(whole, Buffer.from("k"), ends) },
    );
  };
  return [
    message("request", 1n, '{"op":"hello"}'),
    message("request", 2n, '{"op":"status"}'),
    message("acknowledgement", 1n, ""),
    message("stream", 1n, '{"type":"beat"}'),
  ];
}

function networkPackets(): Uint8Array[] {
  const options = hex("83 0b 08 c0000201 c0000202 00 44 0c 0d 01 00000000 00000000 94 04 0000 00 00 00 00");
  const echo = writeIcmp({ type: 8, code: 0, rest: 0x00010002, payload: filling(24) });
  const error = writeIcmp({ type: 3, code: 4, rest: 1400, payload: udp4().subarray(0, 48) });
  const [rloc, locator] = [ip6("2001:db8:9::9"), ip6("2001:db8:9::1")];
  const sent4 = udp4(
    { source: ip("10.9.9.9"), destination: ip("198.51.100.1") },
    { sourcePort: 61000, destinationPort: 4341, payload: filling(1472) },
  );
  const sent6 = ipv6({
    source: rloc,
    destination: locator,
    payload: writeUdp(
      { sourcePort: 61000, destinationPort: 4341, payload: filling(1452) },
      { source: rloc, destination: locator },
    ),
  });
  const plain4 = [
    udp4(),
    udp4({ options, ttl: 1 }),
    udp4({ options: hex("07 07 04 00000000 00") }),
    ipv4({ protocol: 6, payload: TCP }),
    ipv4({ protocol: 6, payload: TCP, moreFragments: true }),
    ipv4({ protocol: 17, payload: filling(64), fragmentOffset: 100 }),
    udp4({ ttl: 0, dontFragment: true }),
    ipv4({ protocol: 1, payload: echo }),
    ipv4({ protocol: 1, payload: error }),
    ipv4({
      protocol: 1,
      payload: writeIcmp({ type: 3, code: 4, rest: 1400, payload: sent4.subarray(0, 28) }),
    }),
    ipv4({ protocol: 1, payload: echo, source: PEER, destination: HOST }),
    ipv4({ destination: 0xffffffff, payload: filling(8) }),
    ipv4({ destination: ip("224.0.0.1"), source: 0, payload: filling(8) }),
    ipv4({ protocol: 4, payload: udp4() }),
    ipv4({ protocol: 41, payload: ipv6() }),
  ];
  const solicitation = { type: 135, flags: 0, target: PEER6, link: OUR_ETHER } as const;
  const advertisement = { type: 136, flags: 0x60000000, target: HOST6, link: PEER_ETHER } as const;
  const nd = (payload: Uint8Array): Uint8Array => ipv6({ nextHeader: 58, hopLimit: 255, payload });
  const plain6 = [
    udp6([1000, 2000], filling(40)),
    ipv6({ hopLimit: 1, payload: filling(12) }),
    ipv6({ nextHeader: 6, payload: TCP }),
    ipv6({
      nextHeader: 0,
      payload: join(hex("2c 00 0502 0000 0100"), hex("11 00 0001 00000001"), filling(16)),
    }),
    ipv6({ nextHeader: 43, payload: join(hex("3b 02 00 01 00000000"), PEER6) }),
    nd(writeIcmp6({ type: 128, code: 0, rest: 0x00010002, payload: filling(16) }, ENDS6)),
    nd(writeIcmp6({ type: 2, code: 0, rest: 1280, payload: ipv6() }, ENDS6)),
    nd(writeIcmp6({ type: 2, code: 0, rest: 1400, payload: sent6.subarray(0, 48) }, ENDS6)),
    nd(writeNeighbor(solicitation, ENDS6)),
    nd(writeNeighbor(advertisement, ENDS6)),
  ];
  const inner = [udp4(), ipv4({ protocol: 6, payload: TCP, tos: 1 }), udp6([7, 9], filling(20)), filling(20)];
  const data = LISP_HEADERS.flatMap((header) => inner.map((packet) => join(header, packet)));
  const streams = [...NUMBERED.map((p) => [5000, p] as const), ...RTP.map((p) => [5004, p] as const)];
  const measured = streams.flatMap(([port, payload]) => [
    udp4({}, { sourcePort: port, destinationPort: port, payload }),
    udp6([port, port], payload),
  ]);
  const lisp4 = [
    ...data.map((payload) => udp4({ tos: 3 }, { sourcePort: 61000, destinationPort: 4341, payload })),
    ...controlMessages().map((payload) => udp4({}, { sourcePort: 4342, destinationPort: 4342, payload })),
  ];
  const lisp6 = [
    ...data.map((payload) => udp6([61000, 4341], payload)),
    ...controlMessages().map((payload) => udp6([4342, 4342], payload)),
  ];
  return [...plain4, ...plain6, ...measured, ...lisp4, ...lisp6, ...agentPackets()];
}

function frames(packets: readonly Uint8Array[]): Uint8Array[] {
  const addresses = { destination: OUR_ETHER, source: PEER_ETHER };
  const arp = (operation: 1 | 2): Uint8Array =>
    writeArp({
      operation,
      senderEther: PEER_ETHER,
      senderIp: PEER,
      targetEther: operation === 1 ? new Uint8Array(6) : OUR_ETHER,
      targetIp: HOST,
    });
  const framed = packets.map((payload) =>
    writeEthernet({ ...addresses, etherType: payload[0] >> 4 === 6 ? 0x86dd : 0x0800, payload }),
  );
  const tagged = join(OUR_ETHER, PEER_ETHER, hex("8100 0064 0800"), packets[0]);
  return [
    ...framed,
    tagged,
    writeEthernet({ ...addresses, etherType: 0x0806, payload: arp(1) }),
    writeEthernet({ ...addresses, etherType: 0x0806, payload: arp(2) }),
    writeEthernet({
      ...addresses,
      destination: new Uint8Array(6).fill(255),
      etherType: 0x0806,
      payload: arp(1),
    }),
    arp(2),
  ];
}

/** Packets that begin with their IP header, and Ethernet frames of them and of ARP. */
export function seedPackets(): readonly Uint8Array[] {
  const packets = networkPackets();
  const addresses = [HOST, PEER].map(ipBytes);
  return [...packets, ...frames(packets), ...addresses, new Uint8Array(0), new Uint8Array(64).fill(255)];
}
