// Links between threads: what is sent arrives in order, whoever sleeps is woken, and a thread that ends is not waited for.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeSharedLink, markGone, type SharedEnd, SharedLinkDevice } from "../../src/device/shared-link.js";
import { makeSharedRing, SharedWireReceiver, SharedWireSender } from "../../src/device/shared-wire.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { until } from "../until.js";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

function makeEnds(): readonly [SharedEnd, SharedEnd] {
  const flight = { packets: 64, bytes: 16384 };
  return makeSharedLink({ mtu: 1500, flight, names: ["a", "b"], macs: [MAC, MAC] });
}

/** A router's memory with a device. */
class Host {
  readonly device: SharedLinkDevice;
  readonly got: number[] = [];
  readonly #memory = new PacketMemory({ bytes: 2 ** 24, slots: 256 });
  readonly #batch = new BatchPool(this.#memory).acquire();
  readonly #packet = new Packet(this.#memory);

  constructor(end: SharedEnd) {
    this.device = new SharedLinkDevice(end, {});
  }

  /** Sends packets whose first bytes are `numbers`. */
  send(...numbers: number[]): void {
    for (const n of numbers) {
      this.#packet.at(this.#memory.kernels.poolTake()).setBytes(Uint8Array.of(n, ...new Array(99).fill(n)));
      this.#batch.add(this.#packet.slot);
    }
    this.device.send(this.#batch);
  }

  receive(): void {
    while (this.device.receive(this.#batch, 32) > 0) {
      for (let i = 0; i < this.#batch.count; i++)
        this.got.push(this.#packet.at(this.#batch.at(i)).bytes()[0]);
      this.#batch.kill();
    }
  }

  /** Receives whenever there is something. */
  listen(): void {
    this.device.arm(() => {
      this.receive();
      this.listen();
    });
  }
}

test("a ring carries packets in order past the end of its memory, and refuses what does not fit", () => {
  const ring = makeSharedRing(16, 1024);
  const [sender, receiver] = [new SharedWireSender(ring), new SharedWireReceiver(ring)];
  const bytes = new Uint8Array(300);
  const out = new Uint8Array(300);
  for (let round = 0; round < 1000; round++) {
    const length = 1 + ((round * 37) % 300);
    bytes.fill(round & 0xff);
    assert.ok(sender.fits(length));
    sender.announce(length, round & 3, round);
    assert.is(receiver.packets, 0, "not before its bytes are there");
    sender.write(bytes, 0, length);
    assert.equal(
      [receiver.packets, receiver.length(0), receiver.type(0), receiver.nextArrival],
      [1, length, round & 3, round],
    );
    receiver.read(out, 0, length);
    assert.ok(out.subarray(0, length).every((b) => b === (round & 0xff)));
    receiver.remove(1, length);
  }
  for (let i = 0; i < 16; i++) {
    sender.announce(60, 0, 0);
    sender.write(bytes, 0, 60);
  }
  assert.not.ok(sender.fits(1), "as many packets as it holds");
  assert.not.ok(new SharedWireSender(ring).fits(1), "also for a thread that takes over");
  receiver.clear();
  assert.not.ok(sender.fits(1025), "more bytes than it holds");
  assert.ok(sender.fits(1024));
});

test("an end that sleeps is woken for every packet", async () => {
  const [a, b] = makeEnds().map((end) => new Host(end));
  b.listen();
  const sent: number[] = [];
  for (let i = 0; i < 200; i++) {
    a.send(i);
    sent.push(i);
    if (i % 3 === 0) await until(() => b.got.length === sent.length);
  }
  await until(() => b.got.length === 200);
  assert.equal(b.got, sent);
  a.device.close();
  b.device.close();
});

test("a bell that comes when its packets have been taken already leaves the end listening", async () => {
  const [a, b] = makeEnds().map((end) => new Host(end));
  b.listen();
  for (let i = 0; i < 20; i++) {
    // It rings, with nothing on the way.
    a.send();
    await new Promise((resolve) => setTimeout(resolve, 1));
    a.send(i);
    await until(() => b.got.length === i + 1);
  }
  a.device.close();
  b.device.close();
});

test("what is sent to an end whose thread ended is counted as lost, until another thread has it", async () => {
  const [endA, endB] = makeEnds();
  const a = new Host(endA);
  a.send(1);
  markGone(endB);
  a.send(2);
  assert.is(a.device.counters().tx_down, 1);
  const b = new Host(endB);
  b.listen();
  a.send(3);
  await until(() => b.got.includes(3));
  assert.equal(b.got, [1, 3]);
  b.device.close();
  assert.match(a.device.down ?? "", /the other end was closed/);
  a.device.close();
});

test.run();
