// What the kernel of Ethernet switches keeps in the router's memory. Shared with TypeScript like layout.ts.

// Counters, at the front of a switch's state.
export const SWITCH_FLOODED = 0;
export const SWITCH_REPLACED = 8;
export const SWITCH_SAME_PORT = 16; // drop counters
export const SWITCH_SHORT = 24;
export const SWITCH_NO_SLOT = 32;

// The table of stations.
export const STATIONS_SETS = 0; // u32: address of the sets
export const STATIONS_COUNT = 4; // u32: sets, a power of two
export const STATIONS_SEED = 8; // u32: so that nobody outside can choose addresses that share a set
export const STATIONS_TIMEOUT = 12; // u32: ticks after which a station not heard of is forgotten; 0 = nothing is learned
export const STATIONS_SIZE = 16;

// A station: where frames from an address came in last.
export const STATION_ADDRESS = 0; // 6 bytes
export const STATION_PORT = 6; // u16: input, plus 1; 0 = nobody
export const STATION_SEEN = 8; // u32: ticks of the router's clock
export const STATION_SIZE = 16;
export const STATION_WAYS = 4; // stations of a set
