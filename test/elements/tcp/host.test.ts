// What TCPSource and TCPSink do with packets: whose they are, what is wrong with them, ICMP errors, and limits.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipBytes } from "../../../src/net/address.js";
import { checksum, pseudoSum } from "../../../src/wire/checksum.js";
import { writeIcmp } from "../../../src/wire/icmp.js";
import { writeIcmp6 } from "../../../src/wire/icmp6.js";
import { readIpv4 } from "../../../src/wire/ipv4.js";
import { readIpv6 } from "../../../src/wire/ipv6.js";
import {
  readTcp,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
  TcpHeader,
  tcpHeaderSize,
  writeTcp,
} from "../../../src/wire/tcp.js";
import { ip, ip6, ipv4, ipv6 } from "../../packets.js";
import * as fc from "../../property.js";
import { type Caught, type Lab, lab } from "../lab.js";

const HERE = "10.0.0.2";
const PEER = "10.0.0.1";
const HERE6 = "fd00::2";
const PEER6 = "fd00::1";

/** A segment from the peer to the element, in its IP packet of either family. */
function segment(fields: Partial<TcpHeader>, { v6 = false, data = new Uint8Array(0) } = {}): Uint8Array {
  const header = Object.assign(new TcpHeader(), { sourcePort: 40000, destinationPort: 5001 }, fields);
  const payload = new Uint8Array(tcpHeaderSize(header) + data.length);
  const view = new DataView(payload.buffer);
  payload.set(data, writeTcp(view, 0, header));
  const [source, destination] = v6 ? [ip6(PEER6), ip6(HERE6)] : [ipBytes(ip(PEER)), ipBytes(ip(HERE))];
  view.setUint16(16, checksum(payload, pseudoSum(source, destination, 6, payload.length)));
  if (v6) return ipv6({ source, destination, nextHeader: 6, payload });
  return ipv4({ source: ip(PEER), destination: ip(HERE), protocol: 6, payload });
}

/** The segment in a packet that was caught. */
function header({ bytes }: Caught): TcpHeader {
  const payload = bytes[0] >> 4 === 6 ? readIpv6(bytes).payload : readIpv4(bytes).payload;
  const found = new TcpHeader();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  assert.ok(readTcp(view, 0, payload.length, found) > 0);
  const ends =
    bytes[0] >> 4 === 6
      ? pseudoSum(bytes.slice(8, 24), bytes.slice(24, 40), 6, payload.length)
      : pseudoSum(bytes.slice(12, 16), bytes.slice(16, 20), 6, payload.length);
  assert.is(checksum(new Uint8Array(payload), ends), 0, "the checksum is right");
  return found;
}

const sink = (more = "", address = HERE): Promise<Lab> =>
  lab(`f :: Feed -> s :: TCPSink(${address}, 5001${more}) -> c :: Catch; s[1] -> others :: Catch`);

/** Lets tasks and timers run for `seconds`. */
function pass(l: Lab, seconds = 0.001): void {
  l.router.runFor(seconds);
}

for (const v6 of [false, true])
  test(`TCPSink answers a SYN over IPv${v6 ? 6 : 4} and gets data`, async () => {
    const l = await sink(", CHECK false", v6 ? HERE6 : HERE);
    l.feed([segment({ sequence: 100, flags: TCP_SYN, window: 1000, mss: 1400 }, { v6 })]);
    pass(l);
    const caught = l.caught("c");
    assert.is(caught.length, 1);
    const answer = header(caught[0]);
    assert.equal(
      [answer.flags, answer.acknowledgment, answer.mss],
      [TCP_SYN | TCP_ACK, 101, v6 ? 1440 : 1460],
    );
    assert.equal([answer.windowScale, answer.sackPermitted, answer.hasTimestamps], [-1, false, false]);
    const acknowledgment = answer.sequence + 1;
    const data = new Uint8Array(100);
    l.feed([segment({ sequence: 101, acknowledgment, flags: TCP_ACK, window: 1000 }, { v6, data })]);
    pass(l);
    assert.is(header(l.caught("c")[0]).acknowledgment, 201);
    assert.is(l.read("s.bytes"), "100");
    assert.is(l.read("s.state"), "established");
    assert.is(l.read("s.accepted"), "1");
    l.close();
  });

test("packets of others leave on output 1, or are dropped as not_mine", async () => {
  const others = [
    segment({ destinationPort: 5002, flags: TCP_SYN }),
    ipv4({ destination: ip(HERE), protocol: 17 }),
    ipv4({
      source: ip(PEER),
      destination: ip(HERE),
      protocol: 1,
      payload: writeIcmp({ type: 8, code: 0, rest: 1, payload: new Uint8Array(8) }),
    }),
    segment({ flags: TCP_SYN }, { v6: true }),
    ipv4({ destination: ip(HERE), protocol: 6, moreFragments: true }),
    new Uint8Array(3),
  ];
  const l = await sink();
  l.feed(others);
  pass(l);
  assert.equal(
    l.caught("others").map((c) => c.bytes),
    others,
  );
  assert.is(l.caught("c").length, 0);
  l.close();
  const m = await lab(
    `f :: Feed -> s :: TCPSink(${HERE}, 5001) -> c :: Catch;
     g :: Feed -> t :: TCPSource(${HERE}, 5001, ${PEER}, 1, ACTIVE false) -> c`,
  );
  m.feed(others);
  m.feed(others, "g");
  assert.is(m.read("s.not_mine"), "6");
  assert.is(m.read("t.not_mine"), "6");
  m.close();
});

test("wrong headers and checksums are dropped", async () => {
  const l = await lab(
    `f :: Feed -> s :: TCPSink(${HERE}, 5001) -> c :: Catch;
     g :: Feed -> t :: TCPSource(${HERE}, 5001, ${PEER}, 40000, ACTIVE false) -> c`,
  );
  const short = segment({ flags: TCP_SYN });
  short[20 + 12] = 0x10;
  const wrong = segment({ flags: TCP_SYN });
  wrong[20 + 16] ^= 1;
  for (const feed of ["f", "g"]) l.feed([short, wrong], feed);
  pass(l);
  for (const name of ["s", "t"]) {
    assert.is(l.read(`${name}.malformed`), "1");
    assert.is(l.read(`${name}.checksum`), "1");
  }
  assert.is(l.caught("c").length, 0);
  l.close();
});

test("a segment of no connection is answered with a RST, a RST with nothing", async () => {
  const l = await sink();
  l.feed([
    segment({ sequence: 7, acknowledgment: 1234, flags: TCP_ACK }),
    segment({ sequence: 7, flags: 0 }, { data: new Uint8Array(5) }),
    segment({ sequence: 7, flags: TCP_RST }),
  ]);
  pass(l);
  const answers = l.caught("c").map(header);
  assert.equal(
    answers.map((h) => [h.flags, h.sequence, h.acknowledgment]),
    [
      [TCP_RST, 1234, 0],
      [TCP_RST | TCP_ACK, 0, 12],
    ],
  );
  assert.is(l.read("s.resets_out"), "2");
  l.close();
});

test("with REFUSE segments for other ports are answered with a RST", async () => {
  const l = await sink(", REFUSE true");
  l.feed([segment({ destinationPort: 5002, sequence: 7, flags: TCP_SYN })]);
  pass(l);
  const answer = header(l.caught("c")[0]);
  assert.equal([answer.flags, answer.sourcePort, answer.acknowledgment], [TCP_RST | TCP_ACK, 5002, 8]);
  l.close();
});

test("connections are bounded: full for what is more, the oldest of the backlog makes room", async () => {
  const l = await sink(", CONNECTIONS 3, BACKLOG 2");
  const syn = (sourcePort: number): Uint8Array => segment({ sourcePort, sequence: 1, flags: TCP_SYN });
  l.feed([syn(1), syn(2), syn(3), syn(4)]);
  pass(l);
  assert.is(l.read("s.backlog"), "2");
  const answers = l.caught("c").map(header);
  assert.is(answers.length, 4);
  const open = (i: number): void =>
    l.feed([
      segment({ sourcePort: i + 1, sequence: 2, acknowledgment: answers[i].sequence + 1, flags: TCP_ACK }),
    ]);
  open(2);
  open(3);
  assert.is(l.read("s.accepted"), "2");
  open(0);
  pass(l);
  assert.is(header(l.caught("c")[0]).flags, TCP_RST, "its connection was given up");
  l.feed([syn(5), syn(6)]);
  assert.is(l.read("s.full"), "1");
  l.close();
});

test("without memory for a packet a segment counts as no_slot, and is sent later", async () => {
  const l = await lab(
    `f :: Feed -> s :: TCPSource(${HERE}, 5001, ${PEER}, 40000) -> q :: Queue(1000) -> Idle`,
    {
      memory: { bytes: 2 ** 22, slots: 16 },
    },
  );
  pass(l);
  // Everything is taken by what nobody sends on.
  const taken: number[] = [];
  for (let slot = l.router.memory.kernels.poolTake(); slot !== 0; slot = l.router.memory.kernels.poolTake())
    taken.push(slot);
  pass(l, 2);
  assert.is(l.read("s.no_slot"), "1");
  for (const slot of taken) l.router.memory.kernels.poolGive(slot);
  pass(l, 3);
  assert.is(l.read("s.no_slot"), "1");
  assert.is(l.read("s.segments_out"), "2");
  l.close();
  const m = await sink("");
  assert.is(m.read("s.no_slot"), "0");
  m.close();
});

/** An ICMP error about the packet `about` that the element sent. */
function icmpError(about: Uint8Array, type: number, code: number, rest = 0): Uint8Array {
  const quoted = about.subarray(0, about[0] >> 4 === 6 ? 48 : 28);
  if (about[0] >> 4 === 6) {
    const ends = { source: ip6("fd00::99"), destination: ip6(HERE6) };
    return ipv6({
      ...ends,
      nextHeader: 58,
      payload: writeIcmp6({ type, code, rest, payload: quoted }, ends),
    });
  }
  return ipv4({
    source: ip("10.0.0.99"),
    destination: ip(HERE),
    protocol: 1,
    payload: writeIcmp({ type, code, rest, payload: quoted }),
  });
}

const source = (v6: boolean, more = ""): Promise<Lab> =>
  lab(
    `f :: Feed -> s :: TCPSource(${v6 ? HERE6 : HERE}, 5001, ${v6 ? PEER6 : PEER}, 40000${more}) -> c :: Catch;
     s[1] -> others :: Catch`,
  );

test("an unreachable destination ends what is being opened", async () => {
  for (const [v6, type, code, ended] of [
    [false, 3, 3, "refused"],
    [false, 3, 1, "unreachable"],
    [false, 11, 0, "unreachable"],
    [true, 1, 4, "refused"],
    [true, 1, 0, "unreachable"],
  ] as const) {
    const l = await source(v6);
    pass(l);
    const [syn] = l.caught("c");
    const late = syn.bytes.slice();
    // Another sequence number than any that is out.
    late[(v6 ? 40 : 20) + 4] ^= 0x40;
    l.feed([icmpError(late, type, code)]);
    assert.is(l.read("s.state"), "syn-sent");
    l.feed([icmpError(syn.bytes, type, code)]);
    const [connection] = JSON.parse(l.read("s.connections"));
    assert.equal([connection.state, connection.ended], ["closed", ended]);
    assert.is(l.read("s.failed"), "1");
    assert.is(l.read("s.done"), "true");
    l.close();
  }
});

test("an established connection outlives ICMP errors, and sends smaller segments where the path wants them", async () => {
  for (const v6 of [false, true]) {
    const l = await source(v6, ", BYTES 1000000");
    pass(l);
    const syn = header(l.caught("c")[0]);
    const ports = { sourcePort: 40000, destinationPort: 5001 };
    const answer = {
      ...ports,
      sequence: 9,
      acknowledgment: syn.sequence + 1,
      flags: TCP_SYN | TCP_ACK,
      window: 60000,
      mss: 1460,
    };
    l.feed([segment(answer, { v6 })]);
    pass(l);
    const sent = l.caught("c");
    const data = sent.at(-1)!.bytes;
    assert.is(data.length, 1500);
    l.feed([icmpError(data, v6 ? 1 : 3, v6 ? 0 : 1)]);
    assert.is(l.read("s.state"), "fin-wait-1");
    assert.ok(JSON.parse(l.read("s.connections"))[0].soft_error.startsWith("ICMP"));
    l.feed([v6 ? icmpError(data, 2, 0, 1300) : icmpError(data, 3, 4, 1300)]);
    pass(l);
    const again = l.caught("c");
    assert.ok(again.length > 0 && again.every(({ bytes }) => bytes.length <= 1300));
    const damaged = icmpError(data, v6 ? 1 : 3, 0);
    damaged[damaged.length - 1] ^= 1;
    l.feed([damaged]);
    assert.is(l.read("s.checksum"), "1");
    l.close();
  }
});

test("any bytes at all do no harm to either element", async () => {
  const l = await lab(
    `f :: Feed -> s :: TCPSink(${HERE}, 5001) -> c :: Catch;
     g :: Feed -> t :: TCPSource(${HERE}, 5001, ${PEER}, 40000, BYTES 1000) -> c`,
  );
  const good = [
    segment({ flags: TCP_SYN, mss: 1460, hasTimestamps: true }),
    icmpError(segment({}), 3, 4, 100),
  ];
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .tuple(fc.constantFrom(...good), fc.nat(80), fc.integer({ min: 0, max: 255 }))
      .map(([packet, at, value]) => {
        const changed = packet.slice();
        changed[at % changed.length] = value;
        return changed;
      }),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 20 }), (packets) => {
      l.feed(packets);
      l.feed(packets, "g");
      pass(l);
      l.caught("c");
    }),
  );
  l.close();
});

test("handlers tell of one connection by its number, and of all", async () => {
  const l = await source(false, ", CONNECTIONS 2");
  pass(l);
  assert.is(l.read("s.state"), "syn-sent");
  assert.is(l.router.find("s") !== null && l.read("s.cwnd"), "10");
  assert.is(l.read("s.ssthresh"), "-1");
  assert.is(l.read("s.srtt"), "0");
  assert.is(l.read("s.rto"), "1");
  assert.is(l.read("s.timeouts"), "0");
  assert.is(l.read("s.refused"), "paws 0\noutside 0\nchallenged 0\nholes 0");
  assert.equal(JSON.parse(l.read("s.log")), { interval: 1, bits_per_second: [] });
  assert.is(JSON.parse(l.read("s.connections")).length, 2);
  const { connections, ...totals } = JSON.parse(l.router.read("s.report", "--json"));
  assert.is(connections.length, 2);
  assert.equal(totals, {
    throughput: 0,
    bytes: 0,
    retransmits: 0,
    timeouts: 0,
    log: { interval: 1, bits_per_second: [] },
  });
  const [head, first] = l.read("s.report").split("\n");
  assert.is(head, "0.000 Mb/s, 0 bytes, 0 segments sent again, 0 timeouts");
  assert.match(
    first,
    /^port 500[12] to 10\.0\.0\.1 port 40000: syn-sent, 0 bytes sent, 0 received, window 10/,
  );
  assert.throws(() => l.router.read("s.report", "3"), /expected --json or nothing, not '3'/);
  l.close();
});

test.run();
