// What LineSwitch keeps in the router's memory of the lines between its ports. Shared with TypeScript like layout.ts.
// Times are steady nanoseconds of the router's clock, f64.

// Counters, at the front of the element's state.
export const LINES_FLOODED = 0;
export const LINES_REPLACED = 8;
export const LINES_SAME_PORT = 16; // drop counters
export const LINES_SHORT = 24;
export const LINES_NO_SLOT = 32;
export const LINES_LOST = 40;
export const LINES_DOWN = 48;
export const LINES_NO_ROOM = 56;
export const LINES_NO_LINE = 64;

// The lines of a switch. A pair's line is made when it is set or first used; until then there is nothing of it.
export const LINES_INDEX = 0; // u32: address of ports x ports u32: the line from a port to a port, 0 = not made yet
export const LINES_PORTS = 4; // u32: ports
export const LINES_RECORDS = 8; // u32: address of a record for each port
export const LINES_HEAP = 12; // u32: address of the lines with packets, a binary heap by what leaves first
export const LINES_PLACES = 16; // u32: entries that there is memory for: no fewer than lines
export const LINES_BUSY = 20; // u32: entries
export const LINES_MADE = 24; // u32: lines made
export const LINES_ORDER = 28; // u32: number last given to a packet
export const LINES_SEED = 32; // u64: of the lines' random numbers
export const LINES_OTHERS = 48; // a path: what lines do that were not set
export const LINES_COMMON = 80; // a line for all pairs that have none, while packets only pass
export const LINES_SIZE = 176;

// What happens to packets on a line.
export const PATH_DELAY = 0; // f64: nanoseconds
export const PATH_JITTER = 8; // f64: nanoseconds, up to which are added
export const PATH_LOSS = 16; // f64: share of packets lost, 0 to 1
export const PATH_CUT = 24; // u32: 1 = none arrives

export const LINE_HEAD = 0; // u32: slot of the first packet on it, 0 = none
export const LINE_TAIL = 4; // u32: slot of the last one
export const LINE_PATH = 8; // u32: address of its path: its own below, or the others'
export const LINE_FROM = 12; // u16: port
export const LINE_TO = 14; // u16: port
export const LINE_LAST = 16; // f64: arrival of the packet that was put on it last
export const LINE_RANDOM = 24; // u64: state of its random numbers
export const LINE_PACKETS = 32; // u64 counters: packets put on it
export const LINE_LOSSES = 40; // lost by its path's loss
export const LINE_DOWNS = 48; // lost while it was cut
export const LINE_OVERRUNS = 56; // lost because too many were on their way
export const LINE_OWN = 64; // its own path
export const LINE_HELD = 92; // u32: packets on it, behind the fields of the path
export const LINE_SIZE = 96;

// A port.
export const RECORD_NAME = 0; // u64: hash of its name
export const RECORD_HELD = 8; // u32: packets on their way that came in on it
export const RECORD_SIZE = 16;

// An entry of the heap.
export const BUSY_ARRIVAL = 0; // f64: of the line's first packet
export const BUSY_ORDER = 8; // u32: its number
export const BUSY_LINE = 12; // u32
export const BUSY_SIZE = 16;

// What a packet on its way says, in the fields of a lookup's result, which it has none of.
export const WAY_ARRIVAL = 80; // f64
export const WAY_ORDER = 88; // u32: in which order packets were put on lines
export const WAY_NEXT = 92; // u32: slot of the next packet on the line
