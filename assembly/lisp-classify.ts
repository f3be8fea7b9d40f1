// Tells LISP packets from others by UDP port, after a look at the headers.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_PORT } from "./layout";
import {
  CLASS_CONTROL, CLASS_CONTROL_PORT, CLASS_DATA, CLASS_DATA_PORT, CLASS_GPE, CLASS_GPE_OUTPUT, CLASS_GPE_PORT,
  CLASS_OTHER,
} from "./lisp-layout";
import { count64, slotAt } from "./slot";
import { swap16 } from "./byte-order";

/** Address of the UDP header of an unfragmented IP packet that is all there, 0 for anything else. */
// @ts-ignore: decorator
@inline
function udpHeader(at: u32, end: u32): u32 {
  if (at + 28 > end) return 0;
  const head = load<u32>(at);
  let udp: u32;
  let room: u32;
  if ((head & 0xf0) == 0x40) {
    const header = (head & 15) << 2;
    const total = swap16(head >> 16);
    if (header < 20 || total < header + 8 || total > end - at) return 0;
    if (load<u8>(at, 9) != 17 || (load<u16>(at, 6) & 0xff3f) != 0) return 0;
    udp = at + header;
    room = total - header;
  } else if ((head & 0xf0) == 0x60) {
    if (at + 48 > end || load<u8>(at, 6) != 17) return 0;
    room = swap16(load<u16>(at, 4));
    if (room < 8 || room > end - at - 40) return 0;
    udp = at + 40;
  } else {
    return 0;
  }
  const length = swap16(load<u16>(udp, 4));
  return length >= 16 && length <= room ? udp : 0;
}

/** Sets each packet's SLOT_PORT: 0 data, 1 control, 2 everything else, 3 VXLAN-GPE (where CLASS_GPE_OUTPUT says so). */
export function lispClassify(state: u32, batch: u32, count: u32): void {
  const dataPort = load<u32>(state, CLASS_DATA_PORT);
  const controlPort = load<u32>(state, CLASS_CONTROL_PORT);
  const gpePort = load<u32>(state, CLASS_GPE_PORT);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    const network = load<u32>(slot, SLOT_NETWORK);
    const at = network == 0 ? data : network;
    const udp = at < data ? 0 : udpHeader(at, data + load<u32>(slot, SLOT_LENGTH));
    let output = CLASS_OTHER;
    if (udp != 0) {
      const source = load<u16>(udp) as u32;
      const destination = load<u16>(udp, 2) as u32;
      if (destination == dataPort) output = CLASS_DATA;
      else if (destination == controlPort || source == controlPort) output = CLASS_CONTROL;
      else if (destination == gpePort) output = CLASS_GPE;
    }
    count64(state + (output << 3), 1);
    store<u16>(slot, (output == CLASS_GPE ? load<u32>(state, CLASS_GPE_OUTPUT) : output) as u16, SLOT_PORT);
  }
}
