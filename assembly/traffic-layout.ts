// What the elements that measure traffic keep in the router's memory. Shared with TypeScript like layout.ts.

// ---- Datagrams -------------------------------------------------------------
// Why a packet is not of a measured stream: numbers of the drops that every sink declares first, in this order.
export const DATAGRAM_NO_HEADER = 0; // network header unset or cut off, or neither IPv4 nor IPv6
export const DATAGRAM_NOT_UDP = 1;
export const DATAGRAM_FRAGMENT = 2;
export const DATAGRAM_BAD_LENGTH = 3; // a length that does not fit the packet
export const DATAGRAM_BAD_CHECKSUM = 4;
export const DATAGRAM_OTHER_PORT = 5;
export const DATAGRAM_BAD_PAYLOAD = 6; // not what the sink measures
export const DATAGRAM_TOO_MANY = 7; // of one stream more than there may be, or there is no memory for it
export const DATAGRAM_DROPS = 8;

// ---- The table of a sink's streams -----------------------------------------
// Where a sink's area begins. A stream is known by the address it comes from and a number of 32 bits.
export const STREAMS_PORT = 0; // u32: UDP port that it listens to, as it lies in memory; 0: any
export const STREAMS_TABLE = 4; // u32: address of STREAMS_MASK + 1 addresses of streams, 0 = free
export const STREAMS_MASK = 8; // u32
export const STREAMS_LIST = 12; // u32: address of the same addresses in the order in which they came
export const STREAMS_COUNT = 16; // u32
export const STREAMS_CAPACITY = 20; // u32
export const STREAMS_SEED = 24; // u32: so that nobody outside can choose streams that share a place
export const STREAMS_SIZE = 32;

// Where a stream's block begins.
export const STREAM_ADDRESS = 0; // 16 bytes: where it comes from; IPv4: 4, and 12 zero bytes
export const STREAM_NUMBER = 16; // u32: its stream identifier or SSRC
export const STREAM_FAMILY = 20; // u32: 4 or 6

// ---- Numbered streams ------------------------------------------------------
// The payload, in network order.
export const NUMBERED_MAGIC = 0; // u32: NUMBERED_IS
export const NUMBERED_STREAM = 4; // u32
export const NUMBERED_RUN = 8; // u64: when its sender began, nanoseconds since the epoch
export const NUMBERED_NUMBER = 16; // u64: from 1 on
export const NUMBERED_SENT = 24; // u64: nanoseconds since the epoch
export const NUMBERED_HEADER = 32;
export const NUMBERED_IS = 0x4e554d31; // "NUM1"

// The area of NumberedSource.
export const NUMBERED_TEMPLATE = 0; // u32: address of a packet whose changing fields are zero
export const NUMBERED_LENGTH = 4; // u32: its bytes
export const NUMBERED_PAYLOAD = 8; // u32: offset of the payload
export const NUMBERED_SUM = 12; // u32: sum of the datagram and its pseudo-header, without those fields
export const NUMBERED_LAST = 16; // u64: number sent last
export const NUMBERED_SOURCE_SIZE = 24;

// Counters of NumberedSink: bytes in its state, before the drops.
export const NUMBERED_RECEIVED = 0;
export const NUMBERED_DOUBLED = 8;
export const NUMBERED_REORDERED = 16;
export const NUMBERED_TOO_OLD = 24;
export const NUMBERED_BEFORE = 32;
export const NUMBERED_STALE = 40;
export const NUMBERED_RESTARTS = 48;
export const NUMBERED_DROPS = 56;
export const NUMBERED_AREA = 120;
// Its area, after the table.
export const NUMBERED_WINDOW = 32; // u32: numbers that the window holds, a power of two
export const NUMBERED_FROM_START = 36; // u32: 1 = numbers before the first that came are lost
export const NUMBERED_THRESHOLD = 40; // f64: nanoseconds without a packet that make a gap
export const NUMBERED_SINK_SIZE = 48;

// A numbered stream's block. Times are steady nanoseconds but where it is said.
export const FLOW_RUN = 24; // u64: the sender's run
export const FLOW_BASE = 32; // u64: first number of the run that counts
export const FLOW_NEXT = 40; // u64: highest number received + 1
export const FLOW_EXPECTED = 48; // u64: highest number known to have been sent; 0 = not known
export const FLOW_RUN_RECEIVED = 56; // u64: received of this run
export const FLOW_LOST_RUNS = 64; // u64: lost of former runs
export const FLOW_COUNTERS = 72; // u64 x 7, in the order of the element's counters
export const FLOW_BYTES = 128; // u64: of the datagrams received
export const FLOW_EXTENT_SUM = 136; // u64: of reordering extents (RFC 4737 section 4.2.2)
export const FLOW_EXTENT_MAX = 144; // u32
export const FLOW_ARRIVALS = 148; // u32: packets received of this run, from 1 on: RFC 4737's i
export const FLOW_FIRST_AT = 152; // f64: when the first came
export const FLOW_LAST_AT = 160; // f64: when the last came
export const FLOW_LAST_NUMBER = 168; // u64: and its number
export const FLOW_GAPS = 176; // u64: gaps longer than the threshold
export const FLOW_LONGEST = 184; // f64: longest time between two packets, nanoseconds
export const FLOW_LONGEST_AT = 192; // f64: when it began
export const FLOW_DELAYS = 200; // u64: one-way delays measured
export const FLOW_DELAY_SUM = 208; // f64: nanoseconds
export const FLOW_DELAY_MIN = 216; // f64
export const FLOW_DELAY_MAX = 224; // f64
export const FLOW_AHEAD = 232; // u64: packets sent later than they came: the clocks differ
export const FLOW_RANGES = 240; // u64: ranges of numbers that left the window as lost
export const FLOW_HISTOGRAM = 256; // u64 x DELAY_BUCKETS
// Delays below 64 ns have a bucket each; above, each power of two has 64, up to 2^40 ns (18 minutes).
export const DELAY_BITS = 6;
export const DELAY_BUCKETS = 2240;
export const FLOW_GAP_LIST = 18176; // GAP_SIZE x GAPS_KEPT: the latest
export const GAP_AT = 0; // f64: when the packet before it came
export const GAP_LASTED = 8; // f64: nanoseconds
export const GAP_BEFORE = 16; // u64: number of the packet before it
export const GAP_AFTER = 24; // u64: number of the packet that ended it
export const GAP_SIZE = 32;
export const GAPS_KEPT = 64;
export const FLOW_RANGE_LIST = 20224; // RANGE_SIZE x RANGES_KEPT: the latest
export const RANGE_FIRST = 0; // u64
export const RANGE_LAST = 8; // u64
export const RANGE_RUN = 16; // u64: the run that they are of
export const RANGE_SIZE = 24;
export const RANGES_KEPT = 64;
// u32 x the window: of number n at n modulo the window 0 when it was received, else FLOW_ARRIVALS of the first packet
// with a higher number.
export const FLOW_RING = 21760;

// ---- Voice -----------------------------------------------------------------
// The payload of VoiceSource begins with two bytes that say so, and when it was sent.
export const VOICE_MAGIC = 0; // u16: VOICE_IS
export const VOICE_SENT = 2; // u64: nanoseconds since the epoch, network order
export const VOICE_PAYLOAD = 10;
export const VOICE_IS = 0x5356; // "SV"
export const RTP_HEADER = 12;
/** Nanoseconds of a step of RTP timestamps, of telephone speech. */
export const RTP_TICK = 125000;

// Counters of VoiceSink: bytes in its state, before the drops.
export const VOICE_RECEIVED = 0;
export const VOICE_DOUBLED = 8;
export const VOICE_REORDERED = 16;
export const VOICE_LATE = 24;
export const VOICE_RESTARTS = 32;
export const VOICE_DROPS = 40;
export const VOICE_BAD_SEQUENCE = 8; // drop after DATAGRAM_*
export const VOICE_AREA = 112;
// Its area, after the table.
export const VOICE_TYPE = 32; // u32: RTP payload type
export const VOICE_RESYNC = 36; // u32: packets in a row that come too late, or far too early, after which play-out begins anew
export const VOICE_BUFFER = 40; // f64: nanoseconds that the first packet waits
export const VOICE_SINK_SIZE = 48;

// The block of one SSRC. Sequence numbers are extended by their cycles (RFC 3550 appendix A.1).
export const CALL_STARTED = 24; // u32: 1 = the fields below mean something
export const CALL_MAX = 28; // u32: highest sequence number
export const CALL_BASE = 32; // u32: first sequence number
export const CALL_BAD = 36; // u32: 16-bit number after one that jumped, CALL_NO_BAD: none
export const CALL_NO_BAD = 65537;
export const CALL_RECEIVED = 40; // u64: RFC 3550's received: copies too, since CALL_BASE
export const CALL_TRANSIT = 48; // u32: appendix A.8's, RTP ticks
export const CALL_JITTER = 52; // u32: appendix A.8's, 16 times RTP ticks
export const CALL_NEXT = 56; // u32: first sequence number in the window
export const CALL_IN_BURST = 60; // u32: 1 = the one before was not played
export const CALL_COUNTERS = 64; // u64 x 5, in the order of the element's counters
export const CALL_EXPECTED_BEFORE = 104; // u64: expected and received before the sender began anew
export const CALL_RECEIVED_BEFORE = 112; // u64
export const CALL_ANCHOR_PLAY = 120; // f64: when the packet of the timestamp beside it is played, steady nanoseconds
export const CALL_ANCHOR_STAMP = 128; // u32: an RTP timestamp
export const CALL_ODD = 132; // u32: packets in a row that came too late, or far too early
export const CALL_RESYNCS = 136; // u64: times that play-out began anew
export const CALL_PLAYED = 144; // u64: packets played that have left the window
export const CALL_MISSED = 152; // u64: those that were not: lost or late
export const CALL_BURSTS = 160; // u64: runs of those
export const CALL_WAITS = 168; // f64: sum of the times that played packets waited, nanoseconds
export const CALL_WAITED = 176; // u64: how many
export const CALL_DELAYS = 184; // f64: sum of the times on the way, nanoseconds
export const CALL_DELAYED = 192; // u64: packets that carried when they were sent
export const CALL_AHEAD = 200; // u64: those that were sent later than they came
export const CALL_DELAY_MAX = 208; // f64
export const CALL_RING = 256; // u8 x CALL_WINDOW: CELL_* of number n at n modulo CALL_WINDOW
export const CALL_WINDOW = 128;
export const CALL_SIZE = 384;
export const CELL_MISSING = 0;
export const CELL_LATE = 1;
export const CELL_PLAYED = 2;
