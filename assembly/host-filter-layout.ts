// What HostEtherFilter keeps in the router's memory. Shared with TypeScript like layout.ts.

export const FILTER_OTHER = 0; // drop counters, then the settings
export const FILTER_OWN = 8;
export const FILTER_SHORT = 16;
export const FILTER_ADDRESS = 24; // 6 bytes, then two zero
export const FILTER_DROP_OWN = 32; // u32: 1 = also keep out frames this host sent
export const FILTER_DROP_OTHER = 36; // u32: 1 = keep out frames for other hosts
export const FILTER_STATE = 16; // bytes of settings, after the counters
