// GuestStreams: streams between two hypervisors over TCP, and what becomes of them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  Facilities,
  MIGRATION_STREAMS,
  STREAM_CREDIT,
  type StreamCarrier,
  type StreamEvents,
} from "../../../src/index.js";
import { ipBytes } from "../../../src/net/address.js";
import { checksum, pseudoSum } from "../../../src/wire/checksum.js";
import { TCP_SYN, TcpHeader, tcpHeaderSize, writeTcp } from "../../../src/wire/tcp.js";
import { ip, ipv4 } from "../../packets.js";
import { type Lab, lab } from "../lab.js";

const A = "10.0.0.1";
const B = "10.0.0.2";

/** A hypervisor that keeps what it is told. */
class Heard implements StreamEvents {
  carrier: StreamCarrier | null = null;
  readonly lines: string[] = [];
  sentBytes = 0;
  readonly bytes: number[] = [];
  onReceived: (stream: number) => void = () => {};

  carry(carrier: StreamCarrier): StreamEvents {
    this.carrier = carrier;
    this.lines.push("carried");
    return this;
  }
  accepted(stream: number): void {
    this.lines.push(`accepted ${stream}`);
  }
  opened(stream: number): void {
    this.lines.push(`opened ${stream}`);
  }
  sent(_stream: number, bytes: number): void {
    this.sentBytes += bytes;
  }
  received(stream: number, bytes: Uint8Array): void {
    for (const byte of bytes) this.bytes.push(byte);
    this.onReceived(stream);
  }
  ended(stream: number, reason: string): void {
    this.lines.push(`ended ${stream}: ${reason}`);
  }
  closed(): void {
    this.lines.push("closed");
  }
}

interface Pair {
  readonly l: Lab;
  readonly a: Heard;
  readonly b: Heard;
  run(seconds: number): void;
}

/** Two of them; what a sends goes through `way`. */
async function pair(way = "Null", more = ""): Promise<Pair> {
  const [a, b] = [new Heard(), new Heard()];
  const l = await lab(
    `a :: GuestStreams(${A}, HYPERVISOR a${more}) -> ${way} -> b :: GuestStreams(${B}, 7000, HYPERVISOR b) -> a;
     f :: Feed -> b [1] -> others :: Catch; a [1] -> Discard`,
    { facilities: new Facilities().add(MIGRATION_STREAMS, { a: () => a, b: () => b }) },
  );
  const run = (seconds: number): void => l.router.runFor(seconds);
  run(0.001);
  return { l, a, b, run };
}

const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

test("bytes come in order, each way, over a way that loses some, and both ends hear of the end", async () => {
  const { l, a, b, run } = await pair("Queue(8) -> DelayUnqueue(5ms)");
  assert.equal([...a.carrier!.address, a.carrier!.port, b.carrier!.port], [10, 0, 0, 1, 4345, 7000]);
  a.carrier!.open(-1, b.carrier!.address, 7000);
  run(0.1);
  assert.equal(
    [a.lines, b.lines],
    [
      ["carried", "opened -1"],
      ["carried", "accepted 1"],
    ],
  );
  const data = pattern(600_000);
  for (let at = 0; at < data.length; at += 100_000) a.carrier!.send(-1, data.slice(at, at + 100_000));
  b.carrier!.send(1, pattern(1000));
  run(60);
  assert.ok(Number(l.read("a.retransmits")) > 0, "some was lost");
  assert.is(Buffer.compare(Uint8Array.from(b.bytes), data), 0);
  assert.is(Buffer.compare(Uint8Array.from(a.bytes), pattern(1000)), 0);
  assert.equal([a.sentBytes, b.sentBytes], [600_000, 1000]);
  assert.equal([l.read("a.streams"), l.read("b.streams")], ["1", "1"]);
  a.carrier!.finish(-1);
  run(1);
  assert.equal([a.lines.at(-1), b.lines.at(-1)], ["ended -1: ", "ended 1: "]);
  run(100);
  assert.equal([l.read("a.streams"), l.read("b.streams")], ["0", "0"]);
  l.close();
  assert.equal([a.lines.at(-1), b.lines.at(-1)], ["closed", "closed"]);
});

test("one end's abort is the other's end, and a stream that nobody takes is refused", async () => {
  const { l, a, b, run } = await pair();
  a.carrier!.open(-1, b.carrier!.address, 7000);
  a.carrier!.open(-2, b.carrier!.address, 7001);
  run(0.1);
  a.carrier!.abort(-1);
  a.carrier!.send(-1, new Uint8Array(1));
  run(0.1);
  assert.equal(a.lines, ["carried", "opened -1"]);
  assert.equal(b.lines, ["carried", "accepted 1", "ended 1: its connection: reset"]);
  // Segments for ports of others are not its own.
  assert.is(l.caught("others").length, 1);
  a.carrier!.open(-3, new Uint8Array(16), 7000);
  assert.is(a.lines.at(-1), "ended -3: an address of another family");
  l.close();
});

test("more than the credit ends a stream; what comes in is told as it comes", async () => {
  const { l, a, b, run } = await pair();
  a.carrier!.open(-1, b.carrier!.address, 7000);
  run(0.01);
  // What hears of bytes may end the stream at once.
  b.onReceived = (stream) => b.carrier!.abort(stream);
  a.carrier!.send(-1, new Uint8Array(10));
  run(0.01);
  assert.is(a.lines.at(-1), "ended -1: its connection: reset");
  assert.is(b.bytes.length, 10);
  a.carrier!.open(-2, b.carrier!.address, 7000);
  a.carrier!.send(-2, new Uint8Array(STREAM_CREDIT));
  a.carrier!.send(-2, new Uint8Array(1));
  assert.is(a.lines.at(-1), "ended -2: its connection: aborted");
  l.close();
});

test("connections are bounded, both ways", async () => {
  const { l, a, b, run } = await pair("Null", ", STREAMS 2");
  for (const n of [-1, -2, -3]) a.carrier!.open(n, b.carrier!.address, 7000);
  run(0.1);
  assert.equal(a.lines, ["carried", "ended -3: too many connections", "opened -1", "opened -2"]);
  l.close();
  const one = await lab(`f :: Feed -> s :: GuestStreams(${B}, 5001, STREAMS 2) -> c :: Catch`, {
    facilities: new Facilities().add(MIGRATION_STREAMS, { service: () => new Heard() }),
  });
  one.router.runFor(0.001);
  for (const sourcePort of [1001, 1002, 1003]) one.feed([segment({ sourcePort })]);
  one.router.runFor(0.001);
  assert.is(one.caught("c").length, 3, "the oldest made room");
  assert.is(one.read("s.full"), "1");
  one.close();
});

function segment(fields: Partial<TcpHeader>): Uint8Array {
  const header = Object.assign(
    new TcpHeader(),
    { sourcePort: 40000, destinationPort: 5001, flags: TCP_SYN },
    fields,
  );
  const payload = new Uint8Array(tcpHeaderSize(header));
  const view = new DataView(payload.buffer);
  writeTcp(view, 0, header);
  const [source, destination] = [ipBytes(ip(A)), ipBytes(ip(B))];
  view.setUint16(16, checksum(payload, pseudoSum(source, destination, 6, payload.length)));
  return ipv4({ source: ip(A), destination: ip(B), protocol: 6, payload });
}

test("what GuestStreams drops is counted: malformed, checksum, not_mine, no_slot", async () => {
  const heard = new Heard();
  const l = await lab(`f :: Feed -> s :: GuestStreams(${B}, 5001) -> q :: Queue(1000) -> Idle`, {
    facilities: new Facilities().add(MIGRATION_STREAMS, { service: () => heard }),
    memory: { bytes: 2 ** 24, slots: 16 },
  });
  l.router.runFor(0.001);
  const short = segment({});
  short[32] = 0x10;
  const wrong = segment({});
  wrong[36] ^= 1;
  l.feed([short, wrong, segment({ destinationPort: 5002 })]);
  assert.equal([l.read("s.malformed"), l.read("s.checksum"), l.read("s.not_mine")], ["1", "1", "1"]);
  heard.carrier!.open(-1, ipBytes(ip(A)), 1);
  l.router.runFor(0.001);
  const { kernels } = l.router.memory;
  const taken: number[] = [];
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) taken.push(slot);
  l.router.runFor(1.5);
  assert.is(l.read("s.no_slot"), "1");
  for (const slot of taken) kernels.poolGive(slot);
  l.close();
});

test("a hot swap ends the streams, and a graph that cannot run does not", async () => {
  const { l, a, b, run } = await pair();
  a.carrier!.open(-1, b.carrier!.address, 7000);
  run(0.01);
  const text = `a :: GuestStreams(${A}, HYPERVISOR a); Idle -> a -> Discard`;
  await l.router.swap(`${text}; Bogus`).then(
    () => assert.unreachable(),
    () => {},
  );
  run(0.01);
  assert.equal(a.lines, ["carried", "opened -1"]);
  const { carrier } = a;
  await l.router.swap(text);
  run(0.01);
  assert.equal(a.lines, ["carried", "opened -1", "closed", "carried"]);
  assert.is.not(a.carrier, carrier);
  carrier!.send(-1, new Uint8Array(1));
  l.close();
});

test("without ACTIVE nothing has to be there, and what comes is passed on", async () => {
  const l = await lab(
    `f :: Feed -> s :: GuestStreams(${B}, 5001, HYPERVISOR b, ACTIVE false) -> Discard; s [1] -> c :: Counter -> Discard`,
  );
  l.feed([segment({})]);
  l.router.runFor(0.001);
  assert.equal([l.read("c.count"), l.read("s.streams")], ["1", "0"]);
  l.close();
});

test("what is asked for has to be there", async () => {
  const facilities = new Facilities().add(MIGRATION_STREAMS, { a: () => new Heard() });
  await lab(`Idle -> GuestStreams(${A}, HYPERVISOR b) -> Discard`, { facilities }).then(
    () => assert.unreachable(),
    (e) => assert.match(e.message, /'b' is not a hypervisor that migrates by streams/),
  );
});

test.run();
