// What EtherSwitch keeps in the router's memory. Shared with TypeScript like layout.ts.

export const SWITCH_FLOODED = 0; // counters
export const SWITCH_REPLACED = 8;
export const SWITCH_SAME_PORT = 16; // drop counters
export const SWITCH_SHORT = 24;
export const SWITCH_NO_SLOT = 32;
export const SWITCH_TABLE = 40; // u32: address of the sets of stations, then the settings
export const SWITCH_SETS = 44; // u32: sets, a power of two
export const SWITCH_SEED = 48; // u32: so that nobody outside can choose addresses that share a set
export const SWITCH_TIMEOUT = 52; // u32: ticks after which a station not heard of is forgotten; 0 = nothing is learned
export const SWITCH_STATE = 16; // bytes of settings, after the counters

// A station: where frames from an address came in last.
export const STATION_ADDRESS = 0; // 6 bytes
export const STATION_PORT = 6; // u16: input, plus 1; 0 = nobody
export const STATION_SEEN = 8; // u32: ticks of the router's clock
export const STATION_SIZE = 16;
export const STATION_WAYS = 4; // stations of a set
