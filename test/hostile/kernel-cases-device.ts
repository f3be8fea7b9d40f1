// Kernels of devices, on what an interface may hand over.

import * as device from "../../assembly/device-layout.js";
import * as layout from "../../assembly/layout.js";
import { bufferOf } from "../slot-canary.js";
import { draw, stays } from "./kernel-drivers.js";
import { type Driver, inBounds, type Outcome, type Room } from "./kernel-room.js";

/** Makes a receive state whose messages are the batch's packets, as the kernel would have written them, and more hostile. */
const deviceTake: Driver = (room, count) => {
  const { memory, kernels, random } = room;
  // The packets of the batch only lend their bytes here.
  const bytes = Array.from({ length: count }, (_, i) => {
    const data = memory.get32(room.at(i) + layout.SLOT_DATA);
    const length = Math.min(memory.get32(room.at(i) + layout.SLOT_LENGTH), device.BOUNCE_SIZE);
    return memory.u8.slice(data, data + length);
  });
  kernels.poolGiveBatch(room.batch, count);
  const cap = device.IO_BATCH;
  const rx = room.state(device.RX_SIZE);
  const bounce = room.state(cap * device.BOUNCE_SIZE);
  memory.set32(rx + device.RX_CAP, cap);
  memory.set32(rx + device.RX_BOUNCE, bounce);
  memory.set32(rx + device.RX_LINK, draw(room, device.LINK_ETHERNET, device.LINK_IP));
  memory.set32(rx + device.RX_ADDRESSED, draw(room, 0, 1));
  const bare = draw(room, 0, 1) === 1;
  memory.u8[rx + device.RX_BARE] = bare ? 1 : 0;
  kernels.deviceInit(rx);
  const filled = Math.min(kernels.deviceRefill(rx), count);
  for (let i = 0; i < filled; i++) {
    const slot = memory.get32(rx + device.RX_SLOTS + i * 4);
    const data = memory.get32(slot + layout.SLOT_DATA);
    const space = bufferOf(memory, slot)[1] - data;
    memory.u8.set(room.noise.subarray(i, i + space), data);
    memory.u8.set(bytes[i].subarray(0, space), data);
    let { length } = bytes[i];
    // Large frames go on in the bounce buffer.
    if (length > space) memory.u8.set(bytes[i].subarray(space), bounce + i * device.BOUNCE_SIZE + space);
    if (random.below(4) === 0 && length > 0) {
      const longer = Math.min(
        draw(room, space, space + 1, 9000, device.BOUNCE_SIZE, length + random.below(4000)),
        device.BOUNCE_SIZE,
      );
      for (let at = Math.max(space, length); at < longer; at++)
        memory.u8[bounce + i * device.BOUNCE_SIZE + at] = at & 255;
      if (length < space) memory.u8.fill(7, data + length, data + Math.min(space, longer));
      length = Math.max(length, longer);
    }
    const message = rx + device.RX_MSGS + i * device.MMSG_SIZE;
    memory.set32(
      message + device.MMSG_LENGTH,
      random.below(32) === 0 ? random.below(bare ? 1 : 12) : length + (bare ? 0 : device.VNET_SIZE),
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
    const space = memory.longest - memory.headroom;
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
      const expected = kernels.segmentLength(seg);
      const into = kernels.poolTakeFor(expected);
      if (into === 0) break;
      const left = kernels.segmentNext(seg, into) >>> 0;
      const length = memory.get32(into + layout.SLOT_LENGTH);
      if (length !== expected) throw new Error(`a segment of ${length} bytes where ${expected} were said`);
      inBounds(memory, into);
      values.push(left, length, kernels.csumOf(memory.get32(into + layout.SLOT_DATA), length));
      kernels.poolGive(into);
      if (left === 0) break;
      if (n > 70_000) throw new Error("segments without end");
    }
  }
  return stays(values)(count);
};

function devicePrepare(room: Room, count: number): Outcome {
  const { memory, kernels } = room;
  const tx = room.state(device.TX_SIZE);
  kernels.deviceInitSend(tx);
  const most = draw(room, 0, 0, 64, 1514);
  memory.set32(tx + device.TX_MAX, most);
  const some = Math.min(count, device.IO_BATCH);
  const ready = kernels.devicePrepare(tx, room.batch, some);
  if (ready < some && memory.get32(room.at(ready) + layout.SLOT_LENGTH) <= most)
    throw new Error("a packet that is not too big was held back");
  for (let i = 0; i < ready; i++) {
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

/** Sends the packets over a link and receives them again, into fresh slots, the last one perhaps larger than any. */
const link: Driver = (room, count) => {
  const { memory, kernels, random } = room;
  const lengths = Array.from({ length: count }, (_, i) => memory.get32(room.at(i) + layout.SLOT_LENGTH));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const bytes = room.state(total + 16);
  if (kernels.linkSend(room.batch, count, bytes) !== total) throw new Error("not all bytes were laid");
  memory.u8.fill(0, bytes + total, bytes + total + 16);
  kernels.poolGiveBatch(room.batch, count);
  if (count > 0 && random.below(4) === 0) lengths[count - 1] = memory.longest + 1 + random.below(1 << 20);
  const tooBig = lengths.filter((length) => length > memory.longest).length;
  memory.u32.set(lengths, room.batch >>> 2);
  const ethernet = random.below(2);
  const counts = kernels.linkReceive(room.batch, count, bytes, ethernet, random.u32(), 0x1234, 1, 2);
  const made = counts & 511;
  if (counts >>> 18 !== tooBig || made + ((counts >>> 9) & 511) + tooBig !== count)
    throw new Error(`${made} made of ${count}, and ${counts >>> 9}`);
  return { kept: made, moved: 0, made, given: count, values: [counts] };
};

export const DEVICE_CASES: Readonly<Record<string, Driver>> = {
  linkSend: link,
  linkReceive: link,
  segmentBegin: segment,
  segmentLength: segment,
  segmentNext: segment,
  deviceInit: deviceTake,
  deviceRefill: deviceTake,
  deviceTake,
  deviceDrain: deviceTake,
  tunReceive: (room, count) => {
    const kept = room.kernels.tunReceive(0, room.batch, count, room.out);
    return { kept, moved: count - kept };
  },
  tunSend: (room, count) => {
    const drops = room.state(24);
    const kept = room.kernels.tunSend(drops, room.batch, count, room.out, draw(room, 0, 68, 1500, 65535));
    const counted = [0, 8, 16].reduce((sum, at) => sum + room.memory.get64(drops + at), 0);
    if (counted !== count - kept) throw new Error("drops not counted");
    return { kept, moved: count - kept };
  },
  deviceInitSend: devicePrepare,
  devicePrepare,
};
