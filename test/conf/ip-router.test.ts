import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import { MapProvider } from "../../src/device/provider.js";
import { type Batch, type Device, type PacketMemory, Router, SimulatedClock } from "../../src/index.js";
import { ARP_REPLY, ARP_REQUEST, readArp, writeArp } from "../../src/wire/arp.js";
import { readEthernet, writeEthernet } from "../../src/wire/ethernet.js";
import { type IcmpMessage, readIcmp, writeIcmp } from "../../src/wire/icmp.js";
import { type Ipv4Packet, readIpv4 } from "../../src/wire/ipv4.js";
import { ether, filling, hex, ip, ipv4, udp4 } from "../packets.js";

const FILE = resolve(dirname(fileURLToPath(import.meta.url)), "../../../conf/ip-router.click");

/** A device whose other side the test is. */
class Port implements Device {
  readonly linkType = "ethernet";
  readonly mtu = 1500;
  readonly down = null;
  readonly name: string;
  readonly mac: Uint8Array;
  memory: PacketMemory | null = null;
  readonly sent: Uint8Array[] = [];
  readonly #waiting: { bytes: Uint8Array; type: number }[] = [];
  #wake: (() => void) | null = null;

  constructor(name: string, mac: Uint8Array) {
    this.name = name;
    this.mac = mac;
  }

  give(bytes: Uint8Array): void {
    this.#waiting.push({ bytes, type: bytes[0] === 255 ? 1 : 0 });
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  receive(batch: Batch, max: number): number {
    const { memory } = batch;
    let n = 0;
    for (; n < max && this.#waiting.length > 0; n++) {
      const { bytes } = this.#waiting.shift()!;
      const slot = memory.kernels.poolTake();
      memory.u8.set(bytes, memory.get32(slot + SLOT_DATA));
      memory.set32(slot + SLOT_LENGTH, bytes.length);
      batch.add(slot);
    }
    return n;
  }

  send(batch: Batch): number {
    const { memory, count } = batch;
    for (let i = 0; i < count; i++) {
      const data = memory.get32(batch.at(i) + SLOT_DATA);
      this.sent.push(new Uint8Array(memory.u8.slice(data, data + memory.get32(batch.at(i) + SLOT_LENGTH))));
    }
    batch.kill();
    return count;
  }

  arm(wake: () => void): void {
    this.#wake = wake;
    if (this.#waiting.length > 0) this.give(this.#waiting.pop()!.bytes);
  }
  armSend(wake: () => void): void {
    wake();
  }
  counters(): Record<string, number> {
    return {};
  }
  close(): void {}
}

const ROUTER = [ether("02:00:00:00:00:a0"), ether("02:00:00:00:00:a1")];
const HOST = [ether("02:00:00:00:00:b0"), ether("02:00:00:00:00:b1")];
const ADDRESS = [ip("10.0.0.7"), ip("10.0.1.9")];

interface World {
  readonly router: Router;
  /** Sends an IP packet from the host on network `n` to the router. */
  send(n: 0 | 1, packet: Uint8Array, broadcast?: boolean): void;
  /** IP packets that arrived at the host on network `n`, which answers ARP requests. */
  arrived(n: 0 | 1): Uint8Array[];
  close(): void;
}

async function world(variables: Record<string, string> = {}): Promise<World> {
  const ports = [new Port("eth0", ROUTER[0]), new Port("eth1", ROUTER[1])];
  const router = await Router.fromFile(FILE, {
    clock: new SimulatedClock(),
    devices: new MapProvider(ports.map((p) => [p.name, p])),
    variables,
    log: () => {},
  });
  const settle = (): void => router.runFor(0.01);
  const arrived = (n: 0 | 1): Uint8Array[] => {
    const packets: Uint8Array[] = [];
    for (let frames = ports[n].sent.splice(0); frames.length > 0; frames = ports[n].sent.splice(0)) {
      for (const bytes of frames) {
        const frame = readEthernet(bytes);
        assert.equal(frame.source, ROUTER[n]);
        if (frame.etherType === 0x0800) {
          assert.equal(frame.destination, HOST[n]);
          packets.push(new Uint8Array(frame.payload));
          continue;
        }
        const query = readArp(frame.payload);
        if (query.operation !== ARP_REQUEST) continue;
        const payload = writeArp({
          operation: ARP_REPLY,
          senderEther: HOST[n],
          senderIp: query.targetIp,
          targetEther: ROUTER[n],
          targetIp: query.senderIp,
        });
        ports[n].give(writeEthernet({ destination: ROUTER[n], source: HOST[n], etherType: 0x0806, payload }));
      }
      settle();
    }
    return packets;
  };
  return {
    router,
    send: (n, payload, broadcast = false) => {
      const destination = broadcast ? new Uint8Array(6).fill(255) : ROUTER[n];
      ports[n].give(writeEthernet({ destination, source: HOST[n], etherType: 0x0800, payload }));
      settle();
    },
    arrived,
    close: () => {
      router.close();
      assert.is(router.memory.slotsUsed, 0, "every slot is back in the pool");
    },
  };
}

const across = { source: ADDRESS[0], destination: ADDRESS[1] };

/** The ICMP message that the host on network 0 got, and the packet around it. */
function error(w: World): { packet: Ipv4Packet; icmp: IcmpMessage } {
  const packets = w.arrived(0);
  assert.is(packets.length, 1);
  const packet = readIpv4(packets[0]);
  assert.is(packet.destination, ADDRESS[0]);
  return { packet, icmp: readIcmp(packet.payload) };
}

test("the router tells of its addresses, and answers ARP requests for them", async () => {
  const port = new Port("eth0", ROUTER[0]);
  const router = await Router.fromFile(FILE, {
    clock: new SimulatedClock(),
    devices: new MapProvider([
      ["eth0", port],
      ["eth1", new Port("eth1", ROUTER[1])],
    ]),
  });
  const ask = (targetIp: number): void =>
    port.give(
      writeEthernet({
        destination: new Uint8Array(6).fill(255),
        source: HOST[0],
        etherType: 0x0806,
        payload: writeArp({
          operation: ARP_REQUEST,
          senderEther: HOST[0],
          senderIp: ADDRESS[0],
          targetEther: new Uint8Array(6),
          targetIp,
        }),
      }),
    );
  ask(ip("10.0.0.1"));
  ask(ip("10.0.0.2"));
  router.runFor(0.1);
  assert.is(port.sent.length, 2);
  const [reply, told] = port.sent.map((frame) => readArp(readEthernet(frame).payload));
  assert.equal([told.operation, told.senderIp, told.targetIp], [ARP_REQUEST, ip("10.0.0.1"), ip("10.0.0.1")]);
  assert.equal([reply.operation, reply.senderIp, reply.targetIp], [ARP_REPLY, ip("10.0.0.1"), ADDRESS[0]]);
  assert.equal(reply.senderEther, ROUTER[0]);
  router.close();
});

test("a packet crosses from one network to the other, one hop older", async () => {
  const w = await world();
  for (let i = 0; i < 3; i++) {
    const packet = udp4({ ...across, ttl: 64, id: i });
    w.send(0, packet);
    const [got] = w.arrived(1);
    assert.equal(got, udp4({ ...across, ttl: 63, id: i }));
  }
  assert.equal(w.arrived(0), []);
  w.close();
});

test("a packet beyond goes to the route's gateway", async () => {
  const w = await world({ ROUTES: "0.0.0.0/0 10.0.1.254 2" });
  w.send(0, udp4({ source: ADDRESS[0], destination: ip("8.8.8.8") }));
  assert.is(readIpv4(w.arrived(1)[0]).destination, ip("8.8.8.8"));
  w.close();
});

test("a packet that no route holds is answered: network unreachable", async () => {
  const w = await world();
  w.send(0, udp4({ source: ADDRESS[0], destination: ip("8.8.8.8") }));
  const { packet, icmp } = error(w);
  assert.equal([icmp.type, icmp.code], [3, 0]);
  assert.is(packet.source, ip("10.0.0.1"));
  w.close();
});

test("a packet whose time is over is answered from the interface it came by", async () => {
  const w = await world();
  const original = udp4({ ...across, ttl: 1 });
  w.send(0, original);
  assert.equal(w.arrived(1), []);
  const { packet, icmp } = error(w);
  assert.equal([icmp.type, icmp.code], [11, 0]);
  assert.is(packet.source, ip("10.0.0.1"));
  assert.equal(new Uint8Array(icmp.payload), original);
  w.close();
});

test("a big packet is cut, or answered with the MTU when it must not be", async () => {
  const w = await world({ MTU: "600" });
  w.send(0, ipv4({ ...across, payload: filling(1400) }));
  const fragments = w.arrived(1).map(readIpv4);
  assert.equal(
    fragments.map((f) => [f.fragmentOffset, f.payload.length, f.moreFragments]),
    [
      [0, 576, true],
      [576, 576, true],
      [1152, 248, false],
    ],
  );
  w.send(0, ipv4({ ...across, payload: filling(1400), dontFragment: true }));
  assert.equal(w.arrived(1), []);
  const { icmp } = error(w);
  assert.equal([icmp.type, icmp.code, icmp.rest], [3, 4, 600]);
  w.close();
});

test("a packet that goes back where it came from is forwarded, and its sender told the better way", async () => {
  const w = await world({ ROUTES: "20.0.0.0/8 10.0.0.99 1" });
  w.send(0, udp4({ source: ADDRESS[0], destination: ip("20.1.1.1") }));
  const got = w.arrived(0).map(readIpv4);
  assert.is(got.length, 2);
  const redirect = got.find((p) => p.protocol === 1)!;
  const { type, code, rest } = readIcmp(redirect.payload);
  assert.equal([type, code, rest], [5, 1, ip("10.0.0.99")]);
  assert.is(got.find((p) => p.protocol === 17)!.destination, ip("20.1.1.1"));
  w.close();
});

test("Record Route is filled in; a faulty option is answered with its place", async () => {
  const w = await world();
  w.send(0, ipv4({ ...across, options: hex("0707040000000000") }));
  assert.equal(readIpv4(w.arrived(1)[0]).options, hex("0707080a00010100"));
  w.send(0, ipv4({ ...across, options: hex("0707060000000000") }));
  const { icmp } = error(w);
  assert.equal([icmp.type, icmp.code, icmp.rest >>> 24], [12, 0, 22]);
  w.close();
});

test("the router answers pings, and says that its ports are closed", async () => {
  const w = await world();
  const echo = writeIcmp({ type: 8, code: 0, rest: 5, payload: filling(30) });
  for (const address of ["10.0.0.1", "10.0.1.1"]) {
    w.send(0, ipv4({ source: ADDRESS[0], destination: ip(address), protocol: 1, payload: echo }));
    const { packet, icmp } = error(w);
    assert.equal([icmp.type, icmp.rest], [0, 5]);
    assert.is(packet.source, ip(address));
  }
  w.send(0, udp4({ source: ADDRESS[0], destination: ip("10.0.0.1") }));
  const { icmp } = error(w);
  assert.equal([icmp.type, icmp.code], [3, 3]);
  w.close();
});

test("broadcasts and what is broken go nowhere", async () => {
  const w = await world();
  const broken = udp4(across);
  broken[10] ^= 1;
  w.send(0, broken);
  w.send(0, udp4(across), true);
  w.send(0, udp4({ ...across, source: ip("10.0.0.255") }));
  w.send(0, udp4({ ...across, source: 0xffffffff }));
  for (const destination of ["10.0.0.255", "10.0.1.255", "255.255.255.255"]) {
    w.send(0, udp4({ source: ADDRESS[0], destination: ip(destination) }));
    w.send(
      0,
      ipv4({
        source: ADDRESS[0],
        destination: ip(destination),
        protocol: 1,
        payload: writeIcmp({ type: 8, code: 0, rest: 0, payload: filling(1) }),
      }),
    );
  }
  assert.equal(w.arrived(1), []);
  const answers = w.arrived(0).map((p) => readIcmp(readIpv4(p).payload));
  assert.equal(answers, []);
  w.close();
});

test.run();
