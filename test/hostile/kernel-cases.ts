// How each kernel that takes packets is run on hostile ones. A kernel that is
// exported and stands in none of these tables makes kernels.test.ts fail.

import * as device from "../../assembly/device-layout.js";
import * as forward from "../../assembly/forward-layout.js";
import * as filter from "../../assembly/host-filter-layout.js";
import * as ip from "../../assembly/ip-layout.js";
import * as layout from "../../assembly/layout.js";
import type { Driver, Outcome, Room } from "./kernel-room.js";

/** Kernels that see no packet: their own tests are enough. */
export const WITHOUT_PACKETS: readonly string[] = [
  "heapAlloc",
  "heapFree",
  "poolTake",
  "poolTakeBatch",
  "csumAdd",
  "csumOf",
  "csumPseudo4",
  "csumPseudo6",
  "csumUpdate",
  "csumUpdate32",
  "lpm4Create",
  "lpm4Destroy",
  "lpm4Exact",
  "lpm4Insert",
  "lpm4Remove",
  "lpm4List",
  "lpm4Lookup",
  "lpm6Create",
  "lpm6Destroy",
  "lpm6Exact",
  "lpm6Insert",
  "lpm6Remove",
  "lpm6List",
  "lpm6Lookup",
  "lpmBytes",
  "lpmCount",
  "neighbourCreate",
  "neighbourDestroy",
  "neighbourFind",
  "neighbourInsert",
  "neighbourRemove",
];

/** Kernels whose state only an element lays out; elements.test.ts sees that the element calls them. */
export const THROUGH_ELEMENTS: Readonly<Record<string, string>> = {
  ipFragment: "IPFragmenter",
  routeApply4: "RadixIPLookup",
  routeApply6: "LookupIP6Route",
};

type Kernel = (...numbers: number[]) => number;

function kernel(room: Room, name: string): Kernel {
  return (room.kernels as unknown as Record<string, Kernel>)[name];
}

function stays(values: readonly number[] = []): (count: number) => Outcome {
  return (count) => ({ kept: count, moved: 0, values });
}

/**
 * A kernel (state, batch, count, out) -> good count, whose state begins with a counter for each of `reasons`.
 * The counters must say how many went out, reason by reason. `setUp` fills the rest of the state.
 */
function divides(
  name: string,
  size: number,
  reasons: number,
  setUp?: (room: Room, state: number) => void,
): Driver {
  return (room, count) => {
    const { memory } = room;
    const state = room.state(size);
    setUp?.(room, state);
    const good = kernel(room, name)(state, room.batch, count, room.out) >>> 0;
    if (good > count) throw new Error(`${good} good packets of ${count}`);
    const told = new Array<number>(reasons).fill(0);
    for (let i = 0; i < count - good; i++) {
      const reason = memory.u16[(memory.get32(room.out + i * 4) + layout.SLOT_REASON) >>> 1];
      if (reason >= reasons) throw new Error(`reason ${reason} of ${reasons}`);
      told[reason]++;
    }
    for (let r = 0; r < reasons; r++) {
      const counted = memory.get64(state + r * 8);
      if (counted !== told[r])
        throw new Error(`counted ${counted} packets for reason ${r}, rejected ${told[r]}`);
    }
    return { kept: good, moved: count - good };
  };
}

/** A kernel (state, batch, count, out) -> good count that counts what it rejects at the start of its state. */
function splits(name: string, size: number, setUp?: (room: Room, state: number) => void): Driver {
  return (room, count) => {
    const state = room.state(size);
    setUp?.(room, state);
    const good = kernel(room, name)(state, room.batch, count, room.out) >>> 0;
    if (room.memory.get64(state) !== count - good) throw new Error("drops not counted");
    return { kept: good, moved: count - good };
  };
}

/** A kernel (numbers..., drops, batch, count) -> kept that gives what it drops back to the pool and counts it at `drops`. */
function drops(name: string, numbers: (room: Room) => readonly number[] = () => []): Driver {
  return (room, count) => {
    const counter = room.state(8);
    const kept = kernel(room, name)(...numbers(room), counter, room.batch, count) >>> 0;
    if (room.memory.get64(counter) !== count - kept) throw new Error("drops not counted");
    return { kept, moved: 0, given: count - kept };
  };
}

function encapArea(room: Room): number {
  const { memory } = room;
  const area = room.state(forward.ENCAP_SIZE);
  for (let i = 0; i < 28; i++) memory.u8[area + i] = room.random.below(256);
  memory.set32(area + forward.ENCAP_ID, room.random.u32());
  memory.set32(area + forward.ENCAP_USE_ANNO, room.random.below(2));
  memory.set32(area + forward.ENCAP_CHECKSUM, room.random.below(2));
  return area;
}

/** A kernel that works on the batch in place and takes further numbers. */
function inPlace(name: string, numbers: (room: Room) => readonly number[] = () => []): Driver {
  return (room, count) => {
    const value = kernel(room, name)(room.batch, count, ...numbers(room));
    return stays([value])(count);
  };
}

/** A kernel on one slot. */
function each(name: string): Driver {
  return (room, count) => {
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(kernel(room, name)(room.at(i)));
    return stays(values)(count);
  };
}

function draw(room: Room, ...choices: readonly number[]): number {
  return choices[room.random.below(choices.length)];
}

/** An offset into packets, sensible or not. */
function offset(room: Room): number {
  return draw(room, 0, 0, 14, 1, 20, 40, 2047, 2048, 0x7ffffff0, 0xfffffff0, room.random.below(128));
}

function addressList(room: Room, width: number, n: number): number {
  const list = room.state(n * width);
  for (let i = 0; i < n * width; i++) room.memory.u8[list + i] = draw(room, 0, 10, 192, 255, 1);
  return list;
}

function lookup(family: 4 | 6, name: string): Driver {
  return (room, count) => {
    const { kernels, memory } = room;
    const table = family === 4 ? kernels.lpm4Create() : kernels.lpm6Create();
    const key = room.state(16);
    for (let n = room.random.below(200); n > 0; n--) {
      for (let i = 0; i < 16; i++) memory.u8[key + i] = draw(room, 0, 10, 32, 192, 255);
      const value = 1 + room.random.below(1e6);
      if (family === 4) kernels.lpm4Insert(table, memory.view.getUint32(key), room.random.below(33), value);
      else kernels.lpm6Insert(table, key, room.random.below(129), value);
    }
    kernel(room, name)(table, room.batch, count);
    if (family === 4) kernels.lpm4Destroy(table);
    else kernels.lpm6Destroy(table);
    return stays()(count);
  };
}

/** Makes a receive state whose messages are the batch's packets, as the kernel would have written them, and more hostile. */
const deviceTake: Driver = (room, count) => {
  const { memory, kernels, random } = room;
  // The packets of the batch only lend their bytes here.
  const bytes = Array.from({ length: count }, (_, i) => {
    const data = memory.get32(room.at(i) + layout.SLOT_DATA);
    return memory.u8.slice(data, data + memory.get32(room.at(i) + layout.SLOT_LENGTH));
  });
  kernels.poolGiveBatch(room.batch, count);
  const cap = device.IO_BATCH;
  const rx = room.state(device.RX_SIZE);
  const bounce = room.state(cap * device.BOUNCE_SIZE);
  memory.set32(rx + device.RX_CAP, cap);
  memory.set32(rx + device.RX_BOUNCE, bounce);
  memory.set32(rx + device.RX_LINK, draw(room, device.LINK_ETHERNET, device.LINK_IP));
  memory.set32(rx + device.RX_ADDRESSED, draw(room, 0, 1));
  kernels.deviceInit(rx);
  const filled = Math.min(kernels.deviceRefill(rx), count);
  for (let i = 0; i < filled; i++) {
    const slot = memory.get32(rx + device.RX_SLOTS + i * 4);
    const data = memory.get32(slot + layout.SLOT_DATA);
    const space = slot + memory.stride - data;
    memory.u8.set(room.noise.subarray(i, i + space), data);
    memory.u8.set(bytes[i].subarray(0, space), data);
    let { length } = bytes[i];
    // Large frames go on in the bounce buffer.
    if (length > space) memory.u8.set(bytes[i].subarray(space), bounce + i * device.BOUNCE_SIZE + space);
    if (random.below(4) === 0 && length > 0) {
      const longer = draw(room, space, space + 1, 9000, 65536 - 16, length + random.below(4000));
      for (let at = Math.max(space, length); at < longer; at++)
        memory.u8[bounce + i * device.BOUNCE_SIZE + at] = at & 255;
      if (length < space) memory.u8.fill(7, data + length, data + Math.min(space, longer));
      length = Math.max(length, longer);
    }
    const message = rx + device.RX_MSGS + i * device.MMSG_SIZE;
    memory.set32(
      message + device.MMSG_LENGTH,
      random.below(32) === 0 ? random.below(12) : length + device.VNET_SIZE,
    );
    memory.set32(message + 48, random.below(16) === 0 ? 0x20 : 0);
    const vnet = rx + device.RX_VNET + i * 16;
    memory.u8[vnet] = random.below(4);
    memory.u8[vnet + 1] = draw(room, 0, 0, 1, 4, 5, 0x81, random.below(256));
    for (const [at, value] of [
      [2, random.below(65536)],
      [4, draw(room, 0, 1, 8, 536, 1448, 65535, random.below(2048))],
      [6, draw(room, 0, 14, 34, 54, 65535, length & 0xffff)],
      [8, draw(room, 6, 16, 0, 65534)],
    ])
      memory.view.setUint16(vnet + at, value, true);
    const control = rx + device.RX_CONTROL + i * device.CONTROL_SIZE;
    for (let at = 0; at < device.CONTROL_SIZE; at++)
      memory.u8[control + at] = draw(room, 0, 0, 1, 8, 35, 255);
    const plain = random.below(2) === 0;
    if (plain) {
      memory.view.setBigUint64(control, 36n, true);
      memory.set32(control + 8, 263);
      memory.set32(control + 12, 8);
      memory.set32(control + 16, draw(room, 0, 0x10, 0x50));
    }
    memory.view.setBigUint64(message + 40, BigInt(draw(room, 0, 16, 40, 96, 200, 0xffffffff)), true);
  }
  memory.set32(rx + device.RX_COUNT, filled);
  memory.set32(rx + device.RX_NEXT, 0);
  let kept = 0;
  for (let round = 0; memory.get32(rx + device.RX_NEXT) < filled; round++) {
    const limit = Math.min(layout.BATCH_MAX, kept + 1 + random.below(64));
    const before = kept;
    kept = kernels.deviceTake(rx, room.batch, kept, limit);
    if (kept < before || kept > limit)
      throw new Error(`batch of ${kept} after ${before} with room for ${limit}`);
    if (kept === layout.BATCH_MAX) {
      kernels.poolGiveBatch(room.batch, kept);
      kept = 0;
    }
    if (round > 70_000) throw new Error("segments without end");
  }
  const lost = memory.get64(rx + device.RX_TOO_BIG) + memory.get64(rx + device.RX_NO_SLOT);
  const handed = memory.get64(rx + device.RX_PACKETS);
  if (handed + lost < filled)
    throw new Error(`${filled} frames in, ${handed} packets out, ${lost} counted as lost`);
  kernels.deviceDrain(rx);
  return { kept, moved: 0, given: count, made: kept };
};

/** Segments each packet as if it were an oversized frame, into further slots. */
const segment: Driver = (room, count) => {
  const { memory, kernels, random } = room;
  const seg = room.state(64);
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    const slot = room.at(i);
    const link = draw(room, device.LINK_ETHERNET, device.LINK_IP);
    const size = draw(room, 0, 1, 8, 100, 536, 1448, 65535);
    const into = kernels.poolTake();
    if (into === 0) break;
    const data = memory.get32(into + layout.SLOT_DATA);
    const space = into + memory.stride - data;
    const begun = kernels.segmentBegin(
      seg,
      memory.get32(slot + layout.SLOT_DATA),
      memory.get32(slot + layout.SLOT_LENGTH),
      link,
      draw(room, 1, 4, 5, random.below(256)),
      size,
      random.below(2),
      space,
    );
    values.push(begun);
    for (let n = 0; begun === 1; n++) {
      const left = kernels.segmentNext(seg, into) >>> 0;
      const length = memory.get32(into + layout.SLOT_LENGTH);
      if (length > space) throw new Error(`a segment of ${length} bytes in ${space}`);
      values.push(left, length, kernels.csumOf(data, length));
      if (left === 0) break;
      if (n > 2048) throw new Error("segments without end");
    }
    kernels.poolGive(into);
  }
  return stays(values)(count);
};

const neighbour =
  (family: 4 | 6): Driver =>
  (room, count) => {
    const { memory, kernels, random } = room;
    const table = kernels.neighbourCreate(random.u32());
    const key = room.state(16);
    const template = room.state(8);
    for (let n = random.below(40); n > 0; n--) {
      const slot = count > 0 ? room.at(random.below(count)) : 0;
      const size = family === 4 ? 4 : 16;
      memory.u8.fill(0, key, key + 16);
      const from = slot + layout.SLOT_ANNO + layout.ANNO_DST_IP;
      if (slot !== 0) memory.u8.copyWithin(key, from, from + size);
      const entry = kernels.neighbourInsert(table, key);
      memory.set32(entry + layout.NEIGHBOUR_KNOWN, random.below(2));
      memory.view.setFloat64(entry + layout.NEIGHBOUR_LIVE, random.below(100), true);
      memory.u8[entry + layout.NEIGHBOUR_MAC] = random.below(256);
    }
    const name = family === 4 ? "neighbourEncap4" : "neighbourEncap6";
    const sent = kernels[name](table, template, room.batch, count, 100, 50, 20, room.out);
    kernels.neighbourDestroy(table);
    return { kept: sent, moved: count - sent };
  };

export const CASES: Readonly<Record<string, Driver>> = {
  poolGive: (room, count) => {
    for (let i = 0; i < count; i++) room.kernels.poolGive(room.at(i));
    return { kept: 0, moved: 0, given: count };
  },
  poolGiveBatch: (room, count) => {
    room.kernels.poolGiveBatch(room.batch, count);
    return { kept: 0, moved: 0, given: count };
  },
  poolCopy: (room, count) => {
    let made = 0;
    for (let i = 0; i < count; i++) {
      const copy = room.kernels.poolCopy(room.at(i));
      if (copy !== 0) room.memory.set32(room.out + made++ * 4, copy);
    }
    return { kept: count, moved: made, made };
  },
  poolCopyBatch: (room, count) => {
    const made = room.kernels.poolCopyBatch(room.batch, count, room.out);
    return { kept: count, moved: made, made };
  },
  batchSplit: (room, count) => {
    for (let i = 0; i < count; i++)
      room.memory.u16[(room.at(i) + layout.SLOT_PORT) >>> 1] = draw(room, 0, 1, 2, layout.PORT_DROP);
    const moved = room.kernels.batchSplit(room.batch, count, draw(room, 0, 1, 7, layout.PORT_DROP), room.out);
    return { kept: count - moved, moved };
  },
  batchStrip: inPlace("batchStrip", (room) => [offset(room)]),
  batchBytes: inPlace("batchBytes"),
  batchStamp: inPlace("batchStamp", (room) => [room.random.u32(), room.random.u32()]),
  batchTaken: (room, count) => {
    const taken = room.random.below(count + 1);
    room.kernels.batchTaken(room.batch, count, taken);
    return { kept: count - taken, moved: 0, given: taken };
  },
  csumComplete: each("csumComplete"),
  csumCompleteBatch: divides("csumCompleteBatch", 8, 1),
  ipCheckHeader: divides("ipCheckHeader", ip.IP_CHECK_SIZE, 6, (room, state) => {
    const { memory } = room;
    memory.set32(state + ip.IP_CHECK_OFFSET, offset(room));
    memory.set32(state + ip.IP_CHECK_SUM, room.random.below(2));
    const n = room.random.below(4);
    memory.set32(state + ip.IP_CHECK_BADSRC_COUNT, n);
    memory.set32(state + ip.IP_CHECK_BADSRC, n === 0 ? 0 : addressList(room, 4, n));
    memory.set32(state + ip.IP_CHECK_GOODDST_COUNT, n);
    memory.set32(state + ip.IP_CHECK_GOODDST, n === 0 ? 0 : addressList(room, 4, n));
  }),
  ipMarkHeader: inPlace("ipMarkHeader", (room) => [offset(room)]),
  ipDecTtl: divides("ipDecTtl", ip.IP_TTL_SIZE, 2, (room, state) => {
    room.memory.set32(state + ip.IP_TTL_MULTICAST, room.random.below(2));
  }),
  ipGetAddress: inPlace("ipGetAddress", (room) => [
    draw(
      room,
      ip.IP_GET_SOURCE,
      ip.IP_GET_DESTINATION,
      0,
      12,
      16,
      30,
      2047,
      0x7fffffff,
      room.random.below(128),
    ),
    draw(room, 0, 4, 20, 44),
  ]),
  ipSetAddress: inPlace("ipSetAddress", (room) => [room.random.u32(), draw(room, 0, 4, 20, 44)]),
  ip6CheckHeader: divides("ip6CheckHeader", ip.IP6_CHECK_SIZE, 4, (room, state) => {
    const { memory } = room;
    memory.set32(state + ip.IP6_CHECK_OFFSET, offset(room));
    const n = room.random.below(4);
    memory.set32(state + ip.IP6_CHECK_BADSRC_COUNT, n);
    memory.set32(state + ip.IP6_CHECK_BADSRC, n === 0 ? 0 : addressList(room, 16, n));
  }),
  ip6MarkHeader: inPlace("ip6MarkHeader", (room) => [offset(room)]),
  ip6DecHopLimit: divides("ip6DecHopLimit", ip.IP6_HLIM_SIZE, 2),
  ip6GetAddress: inPlace("ip6GetAddress", (room) => [offset(room)]),
  ip6SetAddress: inPlace("ip6SetAddress", (room) => [addressList(room, 16, 1)]),
  lpm4LookupAnno: lookup(4, "lpm4LookupAnno"),
  lpm4LookupHeader: lookup(4, "lpm4LookupHeader"),
  lpm6LookupAnno: lookup(6, "lpm6LookupAnno"),
  lpm6LookupHeader: lookup(6, "lpm6LookupHeader"),
  hostFilter: divides("hostFilter", 24 + filter.FILTER_STATE, 3, (room, state) => {
    room.memory.u8.set([2, 0, 0, 0, 0, room.random.below(3)], state + filter.FILTER_ADDRESS);
    room.memory.set32(state + filter.FILTER_DROP_OWN, room.random.below(2));
    room.memory.set32(state + filter.FILTER_DROP_OTHER, room.random.below(2));
  }),
  etherEncap: splits("etherEncap", 24, (room, state) => {
    for (let i = 8; i < 22; i++) room.memory.u8[state + i] = room.random.below(256);
  }),
  dropBroadcasts: splits("dropBroadcasts", 8),
  ipGatewayOptions: splits("ipGatewayOptions", 8 + forward.GWOPT_SIZE, (room, state) => {
    const area = state + 8;
    room.memory.set32(area + forward.GWOPT_ADDRESS, room.random.u32());
    room.memory.set32(area + forward.GWOPT_MS, room.random.u32());
    room.memory.set32(area + forward.GWOPT_OWN, addressList(room, 4, 3));
    room.memory.set32(area + forward.GWOPT_OWN_COUNT, 3);
  }),
  ipEncap: drops("ipEncap", (room) => [encapArea(room)]),
  udpIpEncap: drops("udpIpEncap", (room) => [encapArea(room)]),
  stripIpHeader: drops("stripIpHeader"),
  setIpChecksum: drops("setIpChecksum"),
  fixIpSource: (room, count) => {
    room.kernels.fixIpSource(room.random.u32(), room.batch, count);
    return stays()(count);
  },
  neighbourHeader: (room, count) => {
    const template = room.state(8);
    const mac = room.state(8);
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(room.kernels.neighbourHeader(room.at(i), mac, template));
    return stays(values)(count);
  },
  neighbourEncap4: neighbour(4),
  neighbourEncap6: neighbour(6),
  segmentBegin: segment,
  segmentNext: segment,
  deviceInit: deviceTake,
  deviceRefill: deviceTake,
  deviceTake,
  deviceDrain: deviceTake,
  deviceInitSend: (room, count) => devicePrepare(room, count),
  devicePrepare: (room, count) => devicePrepare(room, count),
};

function devicePrepare(room: Room, count: number): Outcome {
  const { memory, kernels } = room;
  const tx = room.state(device.TX_SIZE);
  kernels.deviceInitSend(tx);
  const some = Math.min(count, device.IO_BATCH);
  kernels.devicePrepare(tx, room.batch, some);
  for (let i = 0; i < some; i++) {
    const iov = tx + device.TX_IOVS + i * 32 + 16;
    const slot = room.at(i);
    if (
      memory.get64(iov) !== memory.get32(slot + layout.SLOT_DATA) ||
      memory.get64(iov + 8) !== memory.get32(slot + layout.SLOT_LENGTH)
    )
      throw new Error("a message does not point at its packet");
  }
  return stays()(count);
}
