// Voice over RTP: sequence numbers (RFC 3550 appendix A.1), jitter (A.8), and a play-out buffer that tells which packets a
// listener would have heard.

import { findDatagram, isAddress, payloadLength, streamOf } from "./datagram";
import { UDP_HEADER, be16 } from "./header";
import { SLOT_NETWORK } from "./layout";
import { reject } from "./reject";
import { count64, slotAt } from "./slot";
import {
  CALL_AHEAD, CALL_ANCHOR_PLAY, CALL_ANCHOR_STAMP, CALL_BAD, CALL_BASE, CALL_BURSTS, CALL_COUNTERS, CALL_DELAYED,
  CALL_DELAYS, CALL_DELAY_MAX, CALL_EXPECTED_BEFORE, CALL_IN_BURST, CALL_JITTER, CALL_MAX, CALL_MISSED, CALL_NEXT,
  CALL_NO_BAD, CALL_ODD, CALL_PLAYED, CALL_RECEIVED, CALL_RECEIVED_BEFORE, CALL_RESYNCS, CALL_RING, CALL_SIZE,
  CALL_STARTED, CALL_TRANSIT, CALL_WAITED, CALL_WAITS, CALL_WINDOW, CELL_LATE, CELL_MISSING, CELL_PLAYED,
  DATAGRAM_BAD_PAYLOAD, DATAGRAM_TOO_MANY, RTP_HEADER, RTP_TICK, STREAMS_PORT, VOICE_AREA, VOICE_BAD_SEQUENCE,
  VOICE_BUFFER, VOICE_DOUBLED, VOICE_DROPS, VOICE_IS, VOICE_LATE, VOICE_PAYLOAD, VOICE_RECEIVED, VOICE_REORDERED,
  VOICE_RESTARTS, VOICE_RESYNC, VOICE_SENT, VOICE_TYPE,
} from "./traffic-layout";

const MAX_DROPOUT: u32 = 3000;
const MAX_MISORDER: u32 = 100;
const SEQUENCES: u32 = 65536;

/** Bytes of the RTP header of a packet of `room` bytes at `rtp` whose payload type is `type`; 0 for what is no such packet. */
function rtpHeader(rtp: u32, room: u32, type: u32): u32 {
  if (room < <u32>RTP_HEADER) return 0;
  const first: u32 = load<u8>(rtp);
  if (first >> 6 != 2 || (<u32>load<u8>(rtp, 1) & 0x7f) != type) return 0;
  let header: u32 = RTP_HEADER + ((first & 15) << 2);
  if ((first & 0x10) != 0) {
    if (header + 4 > room) return 0;
    header += 4 + (be16(rtp + header + 2) << 2);
  }
  if (header > room) return 0;
  // The last byte of padding is its length.
  if ((first & 0x20) != 0) {
    const padding: u32 = load<u8>(rtp + room - 1);
    if (padding == 0 || padding > room - header) return 0;
  }
  return header;
}

/** Counts at `counter`, one of VOICE_*, of the element and of the call. */
// @ts-ignore: decorator
@inline
function tally(state: u32, call: u32, counter: u32): void {
  count64(state + counter, 1);
  count64(call + CALL_COUNTERS + counter, 1);
}

// @ts-ignore: decorator
@inline
function cellOf(call: u32, n: u32): u32 {
  return call + CALL_RING + (n & (CALL_WINDOW - 1));
}

/** The numbers before `end` leave the window: what was not played now is never. */
function settle(call: u32, end: u32): void {
  let n = load<u32>(call, CALL_NEXT);
  for (; n < end; n++) {
    const missed = load<u8>(cellOf(call, n)) != CELL_PLAYED;
    if (!missed) count64(call + CALL_PLAYED, 1);
    else count64(call + CALL_MISSED, 1);
    if (missed && load<u32>(call, CALL_IN_BURST) == 0) count64(call + CALL_BURSTS, 1);
    store<u32>(call, missed ? 1 : 0, CALL_IN_BURST);
  }
  store<u32>(call, n, CALL_NEXT);
}

/** Begins with sequence number `number`: RFC 3550's init_seq. */
function begin(call: u32, number: u32): void {
  if (load<u32>(call, CALL_STARTED) != 0) {
    const max = load<u32>(call, CALL_MAX);
    settle(call, max + 1);
    count64(call + CALL_EXPECTED_BEFORE, max - load<u32>(call, CALL_BASE) + 1);
    count64(call + CALL_RECEIVED_BEFORE, load<u64>(call, CALL_RECEIVED));
  }
  store<u32>(call, number, CALL_BASE);
  store<u32>(call, number, CALL_MAX);
  store<u32>(call, number, CALL_NEXT);
  store<u32>(call, CALL_NO_BAD, CALL_BAD);
  store<u64>(call, 0, CALL_RECEIVED);
  store<u8>(cellOf(call, number), CELL_MISSING);
}

/** Moves the window up to `number`, which is higher than all before. */
function advance(call: u32, number: u32): void {
  for (let n = load<u32>(call, CALL_MAX) + 1; n <= number; n++) {
    if (n - load<u32>(call, CALL_NEXT) >= <u32>CALL_WINDOW) settle(call, n - CALL_WINDOW + 1);
    store<u8>(cellOf(call, n), CELL_MISSING);
  }
  store<u32>(call, number, CALL_MAX);
}

/** Play-out begins anew with the packet of timestamp `stamp`. */
function anchor(area: u32, call: u32, stamp: u32, now: f64): void {
  store<f64>(call, now + load<f64>(area, VOICE_BUFFER), CALL_ANCHOR_PLAY);
  store<u32>(call, stamp, CALL_ANCHOR_STAMP);
  store<u32>(call, 0, CALL_ODD);
}

/** Plays the packet of number `number`, which has come now, or finds that it is too late. */
function play(state: u32, area: u32, call: u32, number: u32, stamp: u32, now: f64): void {
  const buffer = load<f64>(area, VOICE_BUFFER);
  const offset = <f64>(<i32>(stamp - load<u32>(call, CALL_ANCHOR_STAMP))) * <f64>RTP_TICK;
  let at = load<f64>(call, CALL_ANCHOR_PLAY) + offset;
  if (at < now || at > now + 2 * buffer + <f64>RTP_TICK) {
    const odd = load<u32>(call, CALL_ODD) + 1;
    store<u32>(call, odd, CALL_ODD);
    if (odd >= load<u32>(area, VOICE_RESYNC)) {
      anchor(area, call, stamp, now);
      count64(call + CALL_RESYNCS, 1);
      at = now + buffer;
    }
  } else {
    store<u32>(call, 0, CALL_ODD);
  }
  if (at < now) {
    store<u8>(cellOf(call, number), CELL_LATE);
    tally(state, call, VOICE_LATE);
    return;
  }
  store<u8>(cellOf(call, number), CELL_PLAYED);
  store<f64>(call, load<f64>(call, CALL_WAITS) + (at - now), CALL_WAITS);
  count64(call + CALL_WAITED, 1);
  // The anchor goes along: timestamps wrap.
  store<f64>(call, at, CALL_ANCHOR_PLAY);
  store<u32>(call, stamp, CALL_ANCHOR_STAMP);
}

/** Jitter as appendix A.8 has it: whole ticks, the estimate 16 times as large. */
function noteJitter(call: u32, stamp: u32, now: f64, first: bool): void {
  const transit = <u32>(<u64>(now / <f64>RTP_TICK)) - stamp;
  if (!first) {
    let d = <i32>(transit - load<u32>(call, CALL_TRANSIT));
    if (d < 0) d = -d;
    const jitter = load<u32>(call, CALL_JITTER);
    store<u32>(call, jitter + <u32>d - ((jitter + 8) >> 4), CALL_JITTER);
  }
  store<u32>(call, transit, CALL_TRANSIT);
}

/** Takes a packet of the call into account; false where its sequence number jumps (appendix A.1). */
function note(state: u32, area: u32, call: u32, rtp: u32, now: f64): bool {
  const sequence = be16(rtp + 2);
  const stamp = bswap<u32>(load<u32>(rtp, 4));
  const fresh = load<u32>(call, CALL_STARTED) == 0;
  if (fresh) {
    begin(call, sequence);
    store<u32>(call, 1, CALL_STARTED);
    anchor(area, call, stamp, now);
  }
  const max = load<u32>(call, CALL_MAX);
  const ahead = (sequence - max) & (SEQUENCES - 1);
  let number = max + ahead;
  let again = false;
  if (!fresh && ahead != 0 && ahead < MAX_DROPOUT) {
    advance(call, number);
  } else if (ahead >= MAX_DROPOUT && ahead <= SEQUENCES - MAX_MISORDER) {
    if (sequence != load<u32>(call, CALL_BAD)) {
      store<u32>(call, (sequence + 1) & (SEQUENCES - 1), CALL_BAD);
      return false;
    }
    // Two in a row: the sender began anew.
    tally(state, call, VOICE_RESTARTS);
    begin(call, sequence);
    anchor(area, call, stamp, now);
    number = sequence;
    again = true;
  } else if (ahead != 0) {
    const behind = SEQUENCES - ahead;
    // What came before the first is behind all that is kept.
    number = behind > max || max - behind < load<u32>(call, CALL_NEXT) ? 0xffffffff : max - behind;
  }
  count64(call + CALL_RECEIVED, 1);
  tally(state, call, VOICE_RECEIVED);
  noteJitter(call, stamp, now, fresh || again);
  if (number == 0xffffffff) {
    tally(state, call, VOICE_REORDERED);
  } else if (load<u8>(cellOf(call, number)) != CELL_MISSING) {
    tally(state, call, VOICE_DOUBLED);
  } else {
    if (number < max && !again) tally(state, call, VOICE_REORDERED);
    play(state, area, call, number, stamp, now);
  }
  return true;
}

/** The time on the way of a packet of VoiceSource, from the payload at `payload`. */
function noteDelay(call: u32, payload: u32, wall: u64): void {
  const delay = <i64>(wall - bswap<u64>(load<u64>(payload, VOICE_SENT)));
  if (delay < 0) {
    count64(call + CALL_AHEAD, 1);
    return;
  }
  count64(call + CALL_DELAYED, 1);
  store<f64>(call, load<f64>(call, CALL_DELAYS) + <f64>delay, CALL_DELAYS);
  store<f64>(call, max<f64>(load<f64>(call, CALL_DELAY_MAX), <f64>delay), CALL_DELAY_MAX);
}

/**
 * Takes the packets of VoiceSink into account, which came at steady time `now` of the clock that began at wall-clock
 * `seconds` and `nanoseconds`. Those that are of no call go to `bad`. Returns how many stay in `batch`.
 */
export function voiceReceive(
  state: u32, batch: u32, count: u32, bad: u32, seconds: f64, nanoseconds: u32, now: f64,
): u32 {
  const area = state + VOICE_AREA;
  const port = load<u32>(area, STREAMS_PORT);
  const type = load<u32>(area, VOICE_TYPE);
  const wall: u64 = <u64>seconds * 1000000000 + nanoseconds + <u64>now;
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    let reason = findDatagram(slot, port);
    if (isAddress(reason)) {
      const rtp = reason + UDP_HEADER;
      const room = payloadLength(reason);
      const header = rtpHeader(rtp, room, type);
      reason = DATAGRAM_BAD_PAYLOAD;
      if (header != 0) {
        const call = streamOf(area, load<u32>(slot, SLOT_NETWORK), bswap<u32>(load<u32>(rtp, 8)), CALL_SIZE);
        if (call == 0) {
          reason = DATAGRAM_TOO_MANY;
        } else if (note(state, area, call, rtp, now)) {
          const payload = rtp + header;
          if (room - header >= <u32>VOICE_PAYLOAD && be16(payload) == VOICE_IS) noteDelay(call, payload, wall);
          store<u32>(batch + (good++ << 2), slot);
          continue;
        } else {
          reason = VOICE_BAD_SEQUENCE;
        }
      }
    }
    reject(state + VOICE_DROPS, slot, reason);
    store<u32>(bad + ((i - good) << 2), slot);
  }
  return good;
}
