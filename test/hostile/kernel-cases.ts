// How each kernel that takes packets is run on hostile ones. A kernel that is
// exported and stands in none of these tables makes kernels.test.ts fail.

import * as ether from "../../assembly/ether-switch-layout.js";
import * as forward from "../../assembly/forward-layout.js";
import * as filter from "../../assembly/host-filter-layout.js";
import * as ip from "../../assembly/ip-layout.js";
import * as layout from "../../assembly/layout.js";
import { bufferOf } from "../slot-canary.js";
import { BASIC_CASES } from "./kernel-cases-basic.js";
import { DEVICE_CASES } from "./kernel-cases-device.js";
import {
  addressList,
  divides,
  draw,
  drops,
  each,
  encapArea,
  inPlace,
  lookup,
  offset,
  splits,
  stays,
} from "./kernel-drivers.js";
import type { Driver, Room } from "./kernel-room.js";

/** Kernels that see no packet: their own tests are enough. */
export const WITHOUT_PACKETS: readonly string[] = [
  "heapAlloc",
  "heapFree",
  "poolTake",
  "poolTakeBatch",
  "poolTakeRoom",
  "poolTakeFor",
  "poolLongest",
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
  "lineOf",
  "lineRemove",
  "linesFree",
  "linesRoom",
  "lispLogOf",
  "lispPeer",
  "lispSettle",
  "neighbourCreate",
  "neighbourDestroy",
  "neighbourFind",
  "neighbourFree",
  "neighbourInsert",
  "neighbourRemove",
  "numberedMissing",
];

/** Kernels whose state only an element lays out; elements.test.ts sees that the element calls them. */
export const THROUGH_ELEMENTS: Readonly<Record<string, string>> = {
  icmpEchoReply: "ICMPPingResponder",
  icmpError: "ICMPError",
  icmp6EchoReply: "ICMP6PingResponder",
  icmp6Error: "ICMP6Error",
  ipFragment: "IPFragmenter",
  linesDue: "LineSwitch",
  linesTake: "LineSwitch",
  lispClassify: "LISPClassifier",
  lispDecap: "LISPDecap",
  lispEncap: "LISPEncap",
  lispEncapSources: "LISPEncap",
  lispHosts: "LISPHostSwitch",
  lispLogFrom: "LISPPeerLog",
  lispLogTo: "LISPPeerLog",
  lispRoute: "LISPMapCache",
  numberedReceive: "NumberedSink",
  voiceReceive: "VoiceSink",
  routeApply4: "RadixIPLookup",
  routeApply6: "LookupIP6Route",
};
/** Kernels that make packets of the router's own data in fresh slots. */
export const MAKERS: readonly string[] = ["makeBatch", "numberedMake", "replayBatch"];

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
/** A kernel that makes room in a packet, before the data and behind them; what it makes is written to. */
const grows =
  (grow: (room: Room, slot: number, before: number, length: number) => boolean): Driver =>
  (room, count) => {
    const { memory } = room;
    const values: number[] = [];
    for (let i = 0; i < count; i++) {
      const slot = room.at(i);
      const had = memory.get32(slot + layout.SLOT_LENGTH);
      const before = draw(room, 0, 14, 36, 56, 500, 9000, 66000, 0x7fffffff);
      const length = had + draw(room, 0, 1, 1000, 60000);
      const done = grow(room, slot, before, length);
      values.push(done ? 1 : 0);
      if (!done) continue;
      const data = memory.get32(slot + layout.SLOT_DATA);
      const [start, end] = bufferOf(memory, slot);
      if (data - before < start || data + had > end) throw new Error("less room than was asked for");
      memory.u8.fill(0, data - before, data);
      memory.set32(slot + layout.SLOT_DATA, data - before);
      memory.set32(slot + layout.SLOT_LENGTH, had + before);
    }
    return stays(values)(count);
  };

export const CASES: Readonly<Record<string, Driver>> = {
  ...BASIC_CASES,
  ...DEVICE_CASES,
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
  poolEnlarge: grows((room, slot, before, length) => room.kernels.poolEnlarge(slot, before, length)),
  makeHeadroom: grows((room, slot, before) => room.kernels.makeHeadroom(slot, before) !== 0),
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
  etherSwitch: (room, count) => {
    const { memory } = room;
    const state = room.state(40);
    const stations = room.state(ether.STATIONS_SIZE);
    const sets = draw(room, 1, 2, 64);
    const size = sets * ether.STATION_WAYS * ether.STATION_SIZE;
    const table = room.state(size);
    memory.set32(stations + ether.STATIONS_SETS, table);
    memory.set32(stations + ether.STATIONS_COUNT, sets);
    memory.set32(stations + ether.STATIONS_SEED, room.random.u32());
    memory.set32(stations + ether.STATIONS_TIMEOUT, draw(room, 0, 1, 3000, 0xffffffff));
    for (let i = 0; i < size; i++) memory.u8[table + i] = draw(room, 0, 0, 2, 255, room.random.below(256));
    const value = room.kernels.etherSwitch(
      state,
      stations,
      room.batch,
      count,
      draw(room, 0, 1, 64999),
      room.random.u32(),
    );
    const told = [0, 0];
    for (let i = 0; i < count; i++) {
      const port = memory.u16[(room.at(i) + layout.SLOT_PORT) >>> 1];
      if (port === layout.PORT_ALL) told[0]++;
      else if (port === layout.PORT_DROP) told[1]++;
    }
    const counted = (field: number): number => memory.get64(state + field);
    const dropped = counted(ether.SWITCH_SAME_PORT) + counted(ether.SWITCH_SHORT);
    // Garbage in the table may be a station on "port" PORT_ALL or PORT_DROP: they are sent and dropped as well.
    if (counted(ether.SWITCH_FLOODED) > told[0] || dropped > told[1]) throw new Error("counted wrongly");
    return stays([value])(count);
  },
  dropUnroutable: divides("dropUnroutable", ip.UNROUTABLE_SIZE, 8, (room, state) => {
    const n = room.random.below(4);
    room.memory.set32(state + ip.UNROUTABLE_BROADCASTS_COUNT, n);
    room.memory.set32(state + ip.UNROUTABLE_BROADCASTS, n === 0 ? 0 : addressList(room, 4, n));
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
};
