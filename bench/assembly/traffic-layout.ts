// State of the traffic generator, shared with TypeScript like layout.ts. Each
// packet is the template with what the ring says in place.

export const TRAFFIC_RING = 0; // u32: address of the ring of TRAFFIC_ENTRY bytes each
export const TRAFFIC_MASK = 4; // u32: entries - 1; their number is a power of two
export const TRAFFIC_NEXT = 8; // u32: entries used so far
export const TRAFFIC_SUM = 12; // u32: sum of the header's 16-bit words as they lie in memory, checksum and destination 0
export const TRAFFIC_TEMPLATE = 16; // 64 bytes: IPv4, UDP, payload
export const TRAFFIC_LENGTH = 64;
export const TRAFFIC_SIZE = 80;

export const TRAFFIC_ENTRY = 8;
export const ENTRY_DESTINATION = 0; // u32, network order
export const ENTRY_PORTS = 4; // u32: UDP ports, network order
