import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKET_BROADCAST, PACKET_HOST } from "../../assembly/layout.js";
import { FrameDevice, FrameStore, frameLimit } from "../../src/device/frame-store.js";
import { PEER_ETHER } from "../../src/device/traffic.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { ARP_REPLY, ARP_REQUEST, readArp, writeArp } from "../../src/wire/arp.js";
import {
  ETHERNET_BROADCAST,
  ETHERTYPE_ARP,
  ETHERTYPE_IP6,
  readEthernet,
  writeEthernet,
} from "../../src/wire/ethernet.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  readNeighbor,
  writeNeighbor,
} from "../../src/wire/icmp6.js";
import { PROTOCOL_ICMP6 } from "../../src/wire/ipv4.js";
import { readIpv6, writeIpv6 } from "../../src/wire/ipv6.js";

const OWN = Uint8Array.of(2, 0, 0, 0, 0, 1);

function setup(): { memory: PacketMemory; pool: BatchPool; packet: Packet; device: FrameDevice } {
  const memory = new PacketMemory({ bytes: 2 ** 24, slots: 512 });
  const device = new FrameDevice({
    name: "x",
    linkType: "ethernet",
    memory,
    burst: 100,
    neighbor: PEER_ETHER,
  });
  return { memory, pool: new BatchPool(memory), packet: new Packet(memory), device };
}

function bytesOf(memory: PacketMemory, slot: number): Uint8Array {
  const data = memory.get32(slot);
  return memory.u8.slice(data, data + memory.get32(slot + 4));
}

test("frames of every length come out as they went in, the first after the last", () => {
  const { memory, pool, device } = setup();
  const frames = Array.from({ length: 70 }, (_, i) => new Uint8Array(i + 1).fill(i + 1));
  device.load(new FrameStore(memory, frames, "ethernet"));
  const batch = pool.acquire();
  let next = 0;
  for (let round = 0; round < 5; round++) {
    assert.is(device.receive(batch, 33), 33);
    for (let i = 0; i < 33; i++) assert.equal(bytesOf(memory, batch.at(i)), frames[next++ % 70]);
    batch.kill();
  }
});

test("the largest frame that fits leaves its neighbour's slot alone; a larger one is refused", () => {
  const { memory, pool, device } = setup();
  const limit = frameLimit(memory);
  const first = memory.kernels.poolTake();
  const second = memory.kernels.poolTake();
  memory.u8.fill(0xa5, second, second + 64);
  memory.kernels.poolGive(first);
  device.load(new FrameStore(memory, [new Uint8Array(limit).fill(7)], "ip"));
  const batch = pool.acquire();
  device.receive(batch, 1);
  assert.is(batch.at(0), first);
  assert.equal(memory.u8.slice(second, second + 64), new Uint8Array(64).fill(0xa5));
  assert.throws(() => new FrameStore(memory, [new Uint8Array(limit + 1)], "ip"), RangeError);
  assert.throws(() => new FrameStore(memory, [], "ip"), RangeError);
});

test("a device gives what it is told to give, then falls silent and says so", () => {
  const { memory, pool, device } = setup();
  device.load(new FrameStore(memory, [new Uint8Array(60)], "ethernet"));
  let ends = 0;
  device.onEnd = () => ends++;
  device.give(150);
  const batch = pool.acquire();
  assert.equal(
    [device.receive(batch, 256), device.receive(batch, 256), device.receive(batch, 256)],
    [100, 50, 0],
  );
  assert.is(ends, 1);
  assert.is(device.received, 150);
});

test("with the pool empty a device gives what there are slots for", () => {
  const memory = new PacketMemory({ bytes: 2 ** 22, slots: 16 });
  const device = new FrameDevice({ name: "x", linkType: "ip", memory, burst: 256 });
  device.load(new FrameStore(memory, [new Uint8Array(20)], "ip"));
  const batch = new BatchPool(memory).acquire();
  assert.is(device.receive(batch, 64), 16);
  assert.is(device.receive(batch, 64), 0);
});

test("a frame carries the packet type of its destination", () => {
  const { memory, pool, packet, device } = setup();
  const frames = [new Uint8Array(60), new Uint8Array(60).fill(0xff, 0, 6)];
  device.load(new FrameStore(memory, frames, "ethernet"));
  const batch = pool.acquire();
  device.receive(batch, 2);
  const types = [0, 1].map((i) => packet.at(batch.at(i)).packetType);
  assert.equal(types, [PACKET_HOST, PACKET_BROADCAST]);
});

/** Sends one frame and returns what is received next. */
function ask(frame: Uint8Array): Uint8Array | null {
  const { memory, pool, device } = setup();
  const batch = pool.acquire();
  const slot = memory.kernels.poolTake();
  memory.u8.set(frame, memory.get32(slot));
  memory.set32(slot + 4, frame.length);
  batch.add(slot);
  assert.is(device.send(batch), 1);
  assert.is(memory.slotsUsed, 0);
  return device.receive(batch, 8) === 1 ? bytesOf(memory, batch.at(0)) : null;
}

test("an ARP request sent to the device is answered, an announcement and a reply are not", () => {
  const arp = (operation: number, senderIp: number, targetIp: number): Uint8Array =>
    writeEthernet({
      destination: Uint8Array.from(ETHERNET_BROADCAST),
      source: OWN,
      etherType: ETHERTYPE_ARP,
      payload: writeArp({ operation, senderEther: OWN, senderIp, targetEther: new Uint8Array(6), targetIp }),
    });
  const reply = readEthernet(ask(arp(ARP_REQUEST, 0x0a000001, 0x0a000002))!);
  assert.equal([reply.destination, reply.source], [OWN, PEER_ETHER]);
  const message = readArp(reply.payload);
  assert.equal([message.operation, message.senderIp, message.targetIp], [ARP_REPLY, 0x0a000002, 0x0a000001]);
  assert.equal(message.senderEther, PEER_ETHER);
  assert.is(ask(arp(ARP_REQUEST, 0x0a000001, 0x0a000001)), null);
  assert.is(ask(arp(ARP_REPLY, 0x0a000001, 0x0a000002)), null);
});

test("a Neighbor Solicitation sent to the device is answered; a damaged one is not", () => {
  const address = (last: number): Uint8Array => Uint8Array.of(0xfe, 0x80, ...new Array(13).fill(0), last);
  const endpoints = { source: address(1), destination: address(2) };
  const link = OWN;
  const message = writeNeighbor({ type: ICMP6_SOLICITATION, flags: 0, target: address(2), link }, endpoints);
  const payload = writeIpv6({
    ...{ trafficClass: 0, flowLabel: 0, nextHeader: PROTOCOL_ICMP6, hopLimit: 255 },
    ...endpoints,
    payload: message,
  });
  const frame = writeEthernet({ destination: PEER_ETHER, source: OWN, etherType: ETHERTYPE_IP6, payload });
  const answer = readIpv6(readEthernet(ask(frame)!).payload);
  const told = readNeighbor(answer.payload, answer);
  assert.is(told.type, ICMP6_ADVERTISEMENT);
  assert.equal([told.target, told.link], [address(2), PEER_ETHER]);
  frame[frame.length - 1] ^= 1;
  assert.is(ask(frame), null);
});

test.run();
