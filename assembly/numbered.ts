// Numbered streams: packets that carry their number and the time at which they were sent, and the account of them:
// lost, doubled, reordered (RFC 4737), gaps, one-way delays.

import { csumFold } from "./checksum";
import { IP6_HEADER, IP_HEADER, UDP_HEADER } from "./header";
import { findDatagram, isAddress, payloadLength, streamOf } from "./datagram";
import {
  ANNO_DST_IP, POOL_HEADROOM, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TIMESTAMP, SLOT_TRANSPORT,
} from "./layout";
import { poolTakeRoom } from "./pool";
import { reject } from "./reject";
import { count64, slotAt } from "./slot";
import {
  DATAGRAM_BAD_PAYLOAD, DATAGRAM_TOO_MANY, DELAY_BITS, DELAY_BUCKETS, FLOW_AHEAD, FLOW_ARRIVALS, FLOW_BASE,
  FLOW_BYTES, FLOW_COUNTERS, FLOW_DELAYS, FLOW_DELAY_MAX, FLOW_DELAY_MIN, FLOW_DELAY_SUM, FLOW_EXPECTED,
  FLOW_EXTENT_MAX, FLOW_EXTENT_SUM, FLOW_FIRST_AT, FLOW_GAPS, FLOW_GAP_LIST, FLOW_HISTOGRAM, FLOW_LAST_AT,
  FLOW_LAST_NUMBER, FLOW_LONGEST, FLOW_LONGEST_AT, FLOW_LOST_RUNS, FLOW_NEXT, FLOW_RANGES, FLOW_RANGE_LIST,
  FLOW_RING, FLOW_RUN, FLOW_RUN_RECEIVED, GAPS_KEPT, GAP_AFTER, GAP_AT, GAP_BEFORE, GAP_LASTED, GAP_SIZE,
  NUMBERED_AREA, NUMBERED_BEFORE, NUMBERED_DOUBLED, NUMBERED_DROPS, NUMBERED_FROM_START, NUMBERED_HEADER,
  NUMBERED_IS, NUMBERED_LAST, NUMBERED_LENGTH, NUMBERED_MAGIC, NUMBERED_NUMBER, NUMBERED_PAYLOAD, NUMBERED_RECEIVED,
  NUMBERED_REORDERED, NUMBERED_RESTARTS, NUMBERED_RUN, NUMBERED_SENT, NUMBERED_STALE, NUMBERED_STREAM, NUMBERED_SUM,
  NUMBERED_TEMPLATE, NUMBERED_THRESHOLD, NUMBERED_TOO_OLD, NUMBERED_WINDOW, RANGES_KEPT, RANGE_FIRST, RANGE_LAST,
  RANGE_RUN, RANGE_SIZE, STREAMS_PORT,
} from "./traffic-layout";

/** Numbers from here on are no packet's: TypeScript counts exactly below. */
const NUMBERS_END: u64 = 1 << 53;

/** A run that began earlier than the present one is believed once that has been silent for so long: its sender's clock was set back. */
const SILENT: f64 = 60e9;

// ---- Sending ---------------------------------------------------------------

/** The words of a field of 8 bytes as a checksum adds them. */
// @ts-ignore: decorator
@inline
function words(field: u64): u64 {
  return (field & 0xffffffff) + (field >> 32);
}

/**
 * Makes `count` packets of NumberedSource with the next numbers, sent at wall-clock `seconds` and `nanoseconds` plus
 * `now`. Returns how many there were slots for.
 */
export function numberedMake(area: u32, batch: u32, count: u32, seconds: f64, nanoseconds: u32, now: f64): u32 {
  const template = load<u32>(area, NUMBERED_TEMPLATE);
  const length = load<u32>(area, NUMBERED_LENGTH);
  const offset = load<u32>(area, NUMBERED_PAYLOAD);
  const four = load<u8>(template) >> 4 == 4;
  const time: u64 = <u64>seconds * 1000000000 + nanoseconds + <u64>now;
  const sent = bswap<u64>(time);
  const sum: u64 = load<u32>(area, NUMBERED_SUM) + words(sent);
  for (let i: u32 = 0; i < count; i++) {
    const slot = poolTakeRoom(load<u32>(POOL_HEADROOM), length);
    if (slot == 0) return i;
    const last = load<u64>(area, NUMBERED_LAST) + 1;
    store<u64>(area, last, NUMBERED_LAST);
    const number = bswap<u64>(last);
    const ip = load<u32>(slot, SLOT_DATA);
    memory.copy(ip, template, length);
    store<u64>(ip + offset, number, NUMBERED_NUMBER);
    store<u64>(ip + offset, sent, NUMBERED_SENT);
    const check = csumFold(sum + words(number)) ^ 0xffff;
    const udp = ip + offset - UDP_HEADER;
    // 0 would mean that there is no checksum (RFC 768).
    store<u16>(udp, check == 0 ? 0xffff : <u16>check, 6);
    store<u32>(slot, length, SLOT_LENGTH);
    store<u32>(slot, ip, SLOT_NETWORK);
    store<u32>(slot, udp, SLOT_TRANSPORT);
    store<u64>(slot, time, SLOT_TIMESTAMP);
    if (four) {
      store<u32>(slot, load<u32>(ip, IP_HEADER - 4), SLOT_ANNO + ANNO_DST_IP);
    } else {
      store<u64>(slot, load<u64>(ip, IP6_HEADER - 16), SLOT_ANNO + ANNO_DST_IP);
      store<u64>(slot, load<u64>(ip, IP6_HEADER - 8), SLOT_ANNO + ANNO_DST_IP + 8);
    }
    store<u32>(batch + (i << 2), slot);
  }
  return count;
}

// ---- Receiving -------------------------------------------------------------

/** Counts at `counter`, one of NUMBERED_*, of the element and of the stream. */
// @ts-ignore: decorator
@inline
function tally(state: u32, flow: u32, counter: u32): void {
  count64(state + counter, 1);
  count64(flow + FLOW_COUNTERS + counter, 1);
}

/** First number of the window when `next` is the one after the highest. */
// @ts-ignore: decorator
@inline
function lowest(flow: u32, next: u64, window: u32): u64 {
  const base = load<u64>(flow, FLOW_BASE);
  return next > window ? max<u64>(base, next - window) : base;
}

/** Numbers from `first` to `last` are lost for good. */
function addLost(flow: u32, first: u64, last: u64): void {
  const count = load<u64>(flow, FLOW_RANGES);
  const run = load<u64>(flow, FLOW_RUN);
  const list = flow + FLOW_RANGE_LIST;
  if (count != 0) {
    const latest = list + <u32>((count - 1) % RANGES_KEPT) * RANGE_SIZE;
    if (load<u64>(latest, RANGE_RUN) == run && load<u64>(latest, RANGE_LAST) + 1 == first) {
      store<u64>(latest, last, RANGE_LAST);
      return;
    }
  }
  const range = list + <u32>(count % RANGES_KEPT) * RANGE_SIZE;
  store<u64>(range, first, RANGE_FIRST);
  store<u64>(range, last, RANGE_LAST);
  store<u64>(range, run, RANGE_RUN);
  store<u64>(flow, count + 1, FLOW_RANGES);
}

/** The numbers from `from` to before `to`, all in the window, leave it: those that did not come are lost. */
function leave(flow: u32, mask: u32, from: u64, to: u64): void {
  const ring = flow + FLOW_RING;
  for (let n = from; n < to; n++) if (load<u32>(ring + ((<u32>n & mask) << 2)) != 0) addLost(flow, n, n);
}

/** The sender began anew: what its former run left open is lost. */
function beginRun(flow: u32, run: u64, window: u32): void {
  const next = load<u64>(flow, FLOW_NEXT);
  const sent = max<u64>(next, load<u64>(flow, FLOW_EXPECTED) + 1);
  const base = load<u64>(flow, FLOW_BASE);
  leave(flow, window - 1, lowest(flow, next, window), next);
  if (sent > next) addLost(flow, next, sent - 1);
  const lost = sent - base - load<u64>(flow, FLOW_RUN_RECEIVED);
  store<u64>(flow, load<u64>(flow, FLOW_LOST_RUNS) + lost, FLOW_LOST_RUNS);
  store<u64>(flow, run, FLOW_RUN);
  store<u64>(flow, 1, FLOW_BASE);
  store<u64>(flow, 1, FLOW_NEXT);
  store<u64>(flow, 0, FLOW_EXPECTED);
  store<u64>(flow, 0, FLOW_RUN_RECEIVED);
  store<u32>(flow, 0, FLOW_ARRIVALS);
}

/** Number `number`, at least FLOW_NEXT, has come as the `arrival`th: the window moves up to it. */
function advance(flow: u32, number: u64, window: u32, arrival: u32): void {
  const ring = flow + FLOW_RING;
  const mask = window - 1;
  const next = load<u64>(flow, FLOW_NEXT);
  const begin = lowest(flow, number + 1, window);
  leave(flow, mask, lowest(flow, next, window), min<u64>(begin, next));
  if (begin > next) addLost(flow, next, begin - 1);
  for (let n = max<u64>(next, begin); n < number; n++) store<u32>(ring + ((<u32>n & mask) << 2), arrival);
  store<u32>(ring + ((<u32>number & mask) << 2), 0);
  store<u64>(flow, number + 1, FLOW_NEXT);
}

/** A delay of `delay` nanoseconds. */
function noteDelay(flow: u32, delay: i64): void {
  if (delay < 0) {
    count64(flow + FLOW_AHEAD, 1);
    return;
  }
  const n = <u64>delay;
  let bucket = <u32>n;
  if (n >= 1 << DELAY_BITS) {
    const shift = <u32>(63 - clz<u64>(n)) - DELAY_BITS;
    bucket = ((shift + 1) << DELAY_BITS) + (<u32>(n >> shift) & ((1 << DELAY_BITS) - 1));
    bucket = min<u32>(bucket, DELAY_BUCKETS - 1);
  }
  count64(flow + FLOW_HISTOGRAM + (bucket << 3), 1);
  const d = <f64>delay;
  const count = load<u64>(flow, FLOW_DELAYS);
  store<u64>(flow, count + 1, FLOW_DELAYS);
  store<f64>(flow, load<f64>(flow, FLOW_DELAY_SUM) + d, FLOW_DELAY_SUM);
  if (count == 0 || d < load<f64>(flow, FLOW_DELAY_MIN)) store<f64>(flow, d, FLOW_DELAY_MIN);
  if (d > load<f64>(flow, FLOW_DELAY_MAX)) store<f64>(flow, d, FLOW_DELAY_MAX);
}

/** Packet `number` has come for the first time, at steady time `now`. */
function noteArrival(flow: u32, number: u64, bytes: u32, now: f64, threshold: f64, first: bool): void {
  count64(flow + FLOW_RUN_RECEIVED, 1);
  count64(flow + FLOW_BYTES, bytes);
  const last = load<f64>(flow, FLOW_LAST_AT);
  if (first) {
    store<f64>(flow, now, FLOW_FIRST_AT);
  } else {
    const lasted = now - last;
    if (lasted > load<f64>(flow, FLOW_LONGEST)) {
      store<f64>(flow, lasted, FLOW_LONGEST);
      store<f64>(flow, last, FLOW_LONGEST_AT);
    }
    if (lasted > threshold) {
      const gaps = load<u64>(flow, FLOW_GAPS);
      const gap = flow + FLOW_GAP_LIST + <u32>(gaps % GAPS_KEPT) * GAP_SIZE;
      store<f64>(gap, last, GAP_AT);
      store<f64>(gap, lasted, GAP_LASTED);
      store<u64>(gap, load<u64>(flow, FLOW_LAST_NUMBER), GAP_BEFORE);
      store<u64>(gap, number, GAP_AFTER);
      store<u64>(flow, gaps + 1, FLOW_GAPS);
    }
  }
  store<f64>(flow, now, FLOW_LAST_AT);
  store<u64>(flow, number, FLOW_LAST_NUMBER);
}

/** Takes a packet of the stream at `flow` into account. */
function note(state: u32, area: u32, flow: u32, payload: u32, bytes: u32, now: f64, wall: u64): void {
  const window = load<u32>(area, NUMBERED_WINDOW);
  const run = bswap<u64>(load<u64>(payload, NUMBERED_RUN));
  const number = bswap<u64>(load<u64>(payload, NUMBERED_NUMBER));
  if (load<u64>(flow, FLOW_NEXT) == 0) {
    const base: u64 = load<u32>(area, NUMBERED_FROM_START) != 0 ? 1 : number;
    store<u64>(flow, run, FLOW_RUN);
    store<u64>(flow, base, FLOW_BASE);
    store<u64>(flow, base, FLOW_NEXT);
  }
  const known = load<u64>(flow, FLOW_RUN);
  if (run != known) {
    if (run < known && now - load<f64>(flow, FLOW_LAST_AT) <= SILENT) {
      tally(state, flow, NUMBERED_STALE);
      return;
    }
    tally(state, flow, NUMBERED_RESTARTS);
    beginRun(flow, run, window);
  }
  const next = load<u64>(flow, FLOW_NEXT);
  const arrival = load<u32>(flow, FLOW_ARRIVALS) + 1;
  if (number >= next) {
    advance(flow, number, window, arrival);
  } else {
    let refused: u32 = 0xffff;
    const place = flow + FLOW_RING + ((<u32>number & (window - 1)) << 2);
    if (number < load<u64>(flow, FLOW_BASE)) refused = NUMBERED_BEFORE;
    else if (next - number > window) refused = NUMBERED_TOO_OLD;
    else if (load<u32>(place) == 0) refused = NUMBERED_DOUBLED;
    if (refused != 0xffff) {
      tally(state, flow, refused);
      return;
    }
    const extent = arrival - load<u32>(place);
    store<u32>(place, 0);
    tally(state, flow, NUMBERED_REORDERED);
    count64(flow + FLOW_EXTENT_SUM, extent);
    store<u32>(flow, max<u32>(extent, load<u32>(flow, FLOW_EXTENT_MAX)), FLOW_EXTENT_MAX);
  }
  store<u32>(flow, arrival, FLOW_ARRIVALS);
  const first = load<u64>(flow, FLOW_COUNTERS + NUMBERED_RECEIVED) == 0;
  tally(state, flow, NUMBERED_RECEIVED);
  noteDelay(flow, <i64>(wall - bswap<u64>(load<u64>(payload, NUMBERED_SENT))));
  noteArrival(flow, number, bytes, now, load<f64>(area, NUMBERED_THRESHOLD), first);
}

/**
 * Takes the packets of NumberedSink into account, which came at steady time `now` of the clock that began at wall-clock
 * `seconds` and `nanoseconds`. Those that are of no numbered stream go to `bad`. Returns how many stay in `batch`.
 */
export function numberedReceive(
  state: u32, batch: u32, count: u32, bad: u32, seconds: f64, nanoseconds: u32, now: f64,
): u32 {
  const area = state + NUMBERED_AREA;
  const size = FLOW_RING + (load<u32>(area, NUMBERED_WINDOW) << 2);
  const port = load<u32>(area, STREAMS_PORT);
  const wall: u64 = <u64>seconds * 1000000000 + nanoseconds + <u64>now;
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    let reason = findDatagram(slot, port);
    if (isAddress(reason)) {
      const udp = reason;
      const payload = udp + UDP_HEADER;
      const bytes = payloadLength(udp);
      reason = DATAGRAM_BAD_PAYLOAD;
      if (bytes >= <u32>NUMBERED_HEADER && bswap<u32>(load<u32>(payload, NUMBERED_MAGIC)) == NUMBERED_IS) {
        const number = bswap<u64>(load<u64>(payload, NUMBERED_NUMBER));
        if (number != 0 && number < NUMBERS_END) {
          const id = bswap<u32>(load<u32>(payload, NUMBERED_STREAM));
          const flow = streamOf(area, load<u32>(slot, SLOT_NETWORK), id, size);
          if (flow != 0) {
            note(state, area, flow, payload, bytes, now, wall);
            store<u32>(batch + (good++ << 2), slot);
            continue;
          }
          reason = DATAGRAM_TOO_MANY;
        }
      }
    }
    reject(state + NUMBERED_DROPS, slot, reason);
    store<u32>(bad + ((i - good) << 2), slot);
  }
  return good;
}

/**
 * Writes the ranges of numbers of the stream at `flow` that are in its window of `window` numbers and have not come, as
 * pairs of u64, to `out`, the lowest first and `most` at most. Returns how many there are in all.
 */
export function numberedMissing(flow: u32, window: u32, out: u32, most: u32): u32 {
  const ring = flow + FLOW_RING;
  const mask = window - 1;
  const next = load<u64>(flow, FLOW_NEXT);
  let found: u32 = 0;
  let open = false;
  for (let n = lowest(flow, next, window); n < next; n++) {
    const missing = load<u32>(ring + ((<u32>n & mask) << 2)) != 0;
    if (missing && !open) {
      if (found < most) store<u64>(out + (found << 4), n);
      found++;
    }
    if (missing && found <= most) store<u64>(out + ((found - 1) << 4), n, 8);
    open = missing;
  }
  return found;
}
