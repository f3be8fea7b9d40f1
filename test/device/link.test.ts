import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  SLOT_LENGTH,
} from "../../assembly/layout.js";
import { type LinkDevice, type LinkOptions, makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import { type Batch, BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { SimulatedClock } from "../../src/router/clock.js";
import { SeededRandom } from "../../src/router/random.js";

const HERE = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** A clock with its agenda: what a simulation gives a link. */
class World {
  readonly clock = new SimulatedClock(1_000_000_000);
  readonly #agenda: { at: number; run: () => void }[] = [];

  readonly schedule = (at: number, run: () => void): void => {
    this.#agenda.push({ at, run });
    this.#agenda.sort((a, b) => a.at - b.at);
  };

  runUntil(at: number): void {
    while (this.#agenda.length > 0 && this.#agenda[0].at <= at) {
      const next = this.#agenda.shift()!;
      this.clock.advance(next.at);
      next.run();
    }
    this.clock.advance(at);
  }

  link(options: LinkOptions): readonly [LinkDevice, LinkDevice] {
    return makeLink({ clock: this.clock, schedule: this.schedule, ...options });
  }
}

/** A router's memory, with what a test needs to send and to look at packets. */
class Host {
  readonly memory: PacketMemory;
  readonly batch: Batch;
  readonly packet: Packet;

  constructor(bufferSize = 2048) {
    this.memory = new PacketMemory({ bytes: 2 ** 25, slots: bufferSize > 2048 ? 256 : 2048, bufferSize });
    this.batch = new BatchPool(this.memory).acquire();
    this.packet = new Packet(this.memory);
  }

  send(device: LinkDevice, packets: readonly Uint8Array[]): number {
    for (const bytes of packets) {
      this.packet.at(this.memory.kernels.poolTake()).setBytes(bytes);
      this.batch.add(this.packet.slot);
    }
    const taken = device.send(this.batch);
    this.batch.kill();
    return taken;
  }

  receive(device: LinkDevice): { bytes: number[]; time: bigint; type: number }[] {
    const got: { bytes: number[]; time: bigint; type: number }[] = [];
    while (device.receive(this.batch, 50) > 0) {
      for (let i = 0; i < this.batch.count; i++) {
        this.packet.at(this.batch.at(i));
        const { timestamp: time, packetType: type } = this.packet;
        got.push({ bytes: [...this.packet.bytes()], time, type });
      }
      this.batch.kill();
    }
    return got;
  }
}

function frame(n: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(n);
  bytes.set([2, 0, 0, 0, 0, 2], 0);
  return bytes;
}

test("packets cross between two memories intact and in order", () => {
  const world = new World();
  const [a, b] = world.link({});
  const [left, right] = [new Host(), new Host()];
  // Many times more than the ring holds, in sizes that end anywhere in it.
  let n = 0;
  for (let round = 0; round < 100; round++) {
    const packets = Array.from({ length: 200 }, () => frame(++n & 255, 60 + ((n * 131) % 1455)));
    assert.is(left.send(a, packets), 200);
    const got = right.receive(b);
    assert.equal(
      got.map((g) => g.bytes),
      packets.map((p) => [...p]),
    );
    assert.ok(got.every((g) => g.type === 0));
  }
  assert.is(a.counters().tx_packets, 20000);
  assert.is(a.counters().tx_bytes, b.counters().rx_bytes);
  assert.is(left.memory.slotsUsed + right.memory.slotsUsed, 0);
  assert.is(right.receive(b).length, 0);
});

test("both directions work at once and do not mix", () => {
  const world = new World();
  const [a, b] = world.link({ linkType: "ip" });
  const [left, right] = [new Host(), new Host()];
  left.send(a, [frame(1)]);
  right.send(b, [frame(2)]);
  assert.is(left.receive(a)[0].bytes[20], 2);
  assert.is(right.receive(b)[0].bytes[20], 1);
  assert.is(a.mac, null);
});

test("a packet arrives exactly after the delay, is stamped with that time, and wakes the receiver then", () => {
  const world = new World();
  const [a, b] = world.link({ delay: 0.0123 });
  const [left, right] = [new Host(), new Host()];
  const woken: number[] = [];
  b.arm(() => woken.push(world.clock.now()));
  world.runUntil(5000);
  left.send(a, [frame(1)]);
  world.runUntil(12_304_999);
  assert.is(right.receive(b).length, 0);
  assert.equal(woken, []);
  world.runUntil(20_000_000);
  assert.equal(woken, [12_305_000]);
  assert.is(right.receive(b)[0].time, 1_000_000_000_012_305_000n);
  left.send(a, [frame(2)]);
  world.runUntil(50_000_000);
  assert.is(woken.length, 1);
});

test("arm wakes at once when packets are already there", () => {
  const world = new World();
  const [a, b] = world.link({});
  new Host().send(a, [frame(1)]);
  let woken = 0;
  b.arm(() => woken++);
  assert.is(woken, 0);
  world.runUntil(0);
  assert.is(woken, 1);
});

test("a rate spaces packets by their length, and a full queue takes no more until one has left", () => {
  const world = new World();
  // 1000 bytes at 8 Mbit/s: one millisecond each.
  const [a, b] = world.link({ rate: 8e6, queue: 3 });
  const [left, right] = [new Host(), new Host()];
  const packets = Array.from({ length: 6 }, (_, i) => frame(i, 1000));
  assert.is(left.send(a, packets), 4);
  const woken: number[] = [];
  a.armSend(() => woken.push(world.clock.now()));
  world.runUntil(10_000_000);
  assert.equal(woken, [1_000_000]);
  assert.equal(
    right.receive(b).map((g) => g.time),
    [1n, 2n, 3n, 4n].map((ms) => 1_000_000_000_000_000_000n + ms * 1_000_000n),
  );
  assert.is(left.send(a, packets), 4);
});

test("loss takes its share, the same packets for the same seed", () => {
  const lost = (seed: number): number[] => {
    const world = new World();
    const random = new SeededRandom(seed);
    const [a, b] = world.link({ loss: 0.1, random: () => random.real() });
    const [left, right] = [new Host(), new Host()];
    const got: number[] = [];
    for (let round = 0; round < 40; round++) {
      left.send(
        a,
        Array.from({ length: 250 }, (_, i) => frame(i)),
      );
      for (const g of right.receive(b)) got.push(round * 250 + g.bytes[20]);
    }
    assert.is(a.counters().tx_lost, 10000 - got.length);
    return got;
  };
  const first = lost(7);
  // Four standard deviations about 9,000 of 10,000.
  assert.ok(first.length > 8880 && first.length < 9120, String(first.length));
  assert.equal(lost(7), first);
  assert.not.equal(lost(8), first);
});

test("jitter stays within its bounds and keeps the order", () => {
  const world = new World();
  const random = new SeededRandom(1);
  const [a, b] = world.link({ delay: 0.001, jitter: 0.002, random: () => random.real() });
  const [left, right] = [new Host(), new Host()];
  const sent: number[] = [];
  for (let i = 0; i < 200; i++) {
    world.runUntil(i * 1_500_000);
    sent.push(world.clock.now());
    left.send(a, [frame(i)]);
  }
  world.runUntil(1e9);
  const got = right.receive(b);
  assert.equal(
    got.map((g) => g.bytes[20]),
    sent.map((_, i) => i),
  );
  const delays = got.map((g, i) => Number(g.time - 1_000_000_000_000_000_000n) - sent[i]);
  assert.ok(delays.every((d) => d >= 1_000_000 && d < 3_000_000));
  assert.ok(new Set(delays).size > 150);
});

test("what a link cannot carry is counted and let go", () => {
  const world = new World();
  const [a, b] = world.link({ mtu: 100, flight: { packets: 2 } });
  const [left, right] = [new Host(), new Host()];
  const tagged = frame(1, 118);
  tagged.set([0x81, 0], 12);
  assert.is(left.send(a, [frame(1, 114), frame(1, 115), tagged, frame(2)]), 4);
  assert.is(a.counters().tx_too_big, 1);
  assert.is(a.counters().tx_overrun, 1);
  assert.is(right.receive(b).length, 2);
  b.close();
  assert.match(String(a.down), /other end/);
  assert.is(left.send(a, [frame(1)]), 1);
  assert.is(a.counters().tx_down, 1);
  assert.is(left.memory.slotsUsed, 0);
  assert.is(right.receive(b).length, 0);
  a.close();
  a.close();
});

test("a link runs in real time by itself", async () => {
  const [a, b] = makeLink({ delay: 0.002 });
  const provider = new MapProvider([["left", a]]);
  assert.is(provider.open("left"), a);
  assert.throws(() => provider.open("right"), /no device 'right' here \(known: left\)/);
  const [left, right] = [new Host(), new Host()];
  const woken = new Promise<void>((resolve) => b.arm(resolve));
  left.send(a, [frame(9)]);
  await woken;
  assert.is(right.receive(b)[0].bytes[20], 9);
  a.close();
  b.close();
});

test("impossible options are refused", () => {
  assert.throws(() => makeLink({ loss: 1.5 }), /loss/);
  assert.throws(() => makeLink({ delay: -1 }), /delay/);
  assert.throws(() => makeLink({ rate: Number.NaN }), /rate/);
  const clock = new SimulatedClock();
  assert.throws(() => makeLink({ clock }), /schedule/);
  assert.throws(() => makeLink({ clock, schedule: () => {}, loss: 0.1 }), /random/);
});

test("frames have the packet type of their destination for the end that receives them", () => {
  const world = new World();
  const mac = Uint8Array.of(2, 0x11, 0x22, 0x33, 0x84, 0xf5);
  const [a, b] = world.link({ macs: [HERE, mac] });
  const [from, to] = [new Host(), new Host()];
  const frame = (...destination: number[]): Uint8Array => Uint8Array.from([...destination, ...HERE, 8, 0]);
  const short = mac.subarray(0, 5);
  from.send(a, [
    frame(...mac),
    frame(2, 0x11, 0x22, 0x33, 0x84, 0xf6),
    frame(2, 0x11, 0x22, 0x32, 0x84, 0xf5),
    frame(255, 255, 255, 255, 255, 255),
    frame(255, 255, 255, 255, 255, 254),
    frame(1, 0, 0x5e, 0, 0, 1),
    short,
  ]);
  const types = to.receive(b).map((p) => p.type);
  assert.equal(types, [
    PACKET_HOST,
    PACKET_OTHERHOST,
    PACKET_OTHERHOST,
    PACKET_BROADCAST,
    PACKET_MULTICAST,
    PACKET_MULTICAST,
    PACKET_HOST,
  ]);
});

test("what finds no slot, and what is larger than a packet, is counted and lost; the others keep their order", () => {
  const world = new World();
  const [a, b] = world.link({ mtu: 80_000 });
  const small = new PacketMemory({ bytes: 2 ** 22, slots: 4, bufferSize: 512 });
  const batch = new BatchPool(small).acquire();
  const jumbo = new Host(81_920);
  const lengths = [60, 61, 66_561, 62, 1000, 385, 63, 64];
  jumbo.send(
    a,
    lengths.map((n) => new Uint8Array(n).fill(n)),
  );
  assert.is(b.receive(batch, 256), 4);
  const got = [0, 1, 2, 3].map((i) => small.get32(batch.at(i) + SLOT_LENGTH));
  assert.equal(got, [60, 61, 62, 1000]);
  const { rx_packets, rx_bytes, rx_too_big, rx_no_slot } = b.counters();
  assert.equal([rx_packets, rx_bytes, rx_too_big, rx_no_slot], [4, 60 + 61 + 62 + 1000, 1, 3]);
});

test("more than the staging area holds is sent and received in order, with packets lost between", () => {
  const world = new World();
  const random = new SeededRandom(7);
  const [a, b] = world.link({ mtu: 9000, loss: 0.1, random: () => random.real(), delay: 0.001 });
  const [from, to] = [new Host(9216), new Host(9216)];
  const packets = Array.from({ length: 250 }, (_, i) => new Uint8Array(1 + ((i * 997) % 9000)).fill(i));
  assert.is(from.send(a, packets), 250);
  world.runUntil(2e6);
  const got = to.receive(b);
  assert.is(got.length + a.counters().tx_lost, 250);
  assert.ok(a.counters().tx_lost > 5);
  let at = -1;
  for (const { bytes } of got) {
    const i = packets.findIndex((p, k) => k > at && p.length === bytes.length && p[0] === bytes[0]);
    assert.ok(i > at && bytes.every((byte) => byte === bytes[0]), `packet ${i} after ${at}`);
    at = i;
  }
});

test.run();
