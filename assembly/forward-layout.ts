// Memory of the IP elements: what their kernels and their TypeScript both read. Bytes, as in layout.ts.

// ---- Routes --------------------------------------------------------------
// A route table's records, one after another. What the prefix table yields is
// a record's number, counted from 1; a free record holds the number of the
// next free one in place of its address.
export const ROUTE_OUTPUT = 0; // u16: output port
export const ROUTE_LENGTH = 2; // u8: prefix length; ROUTE_FREE when the record is free
export const ROUTE_ADDRESS = 4; // 4 or 16 bytes, network order
export const ROUTE_GATEWAY_4 = 8; // 4 bytes, network order, 0 = none
export const ROUTE_SIZE_4 = 16;
export const ROUTE_GATEWAY_6 = 20; // 16 bytes, 0 = none
export const ROUTE_SIZE_6 = 48;
export const ROUTE_FREE = 255;

// ---- IPEncap, UDPIPEncap: the state after the counters ---------------------
export const ENCAP_HEADER = 0; // 28 bytes: the header as it is but for lengths, identification and sums
export const ENCAP_SUM = 28; // u32: sum of the IP header's words
export const ENCAP_ID = 32; // u32: identification of the next packet
export const ENCAP_USE_ANNO = 36; // u32: take the destination from the annotation
export const ENCAP_CHECKSUM = 40; // u32: compute the UDP checksum
export const ENCAP_SIZE = 48;

// ---- IPFragmenter: the counters of its spec, then the area ------------------
export const FRAG_FRAGMENTS = 0; // u64 each
export const FRAG_DROPS = 8;
export const FRAG_MALFORMED = 16;
export const FRAG_TOO_MANY = 24;
export const FRAG_NO_SLOT = 32;
export const FRAG_AREA = 40;

// Of the area:
export const FRAG_MTU = 0; // u32
export const FRAG_HONOR_DF = 4; // u32
export const FRAG_HEADROOM = 8; // u32
export const FRAG_RANDOM = 12; // u32: source of identifications where DF is ignored
export const FRAG_NEXT = 16; // u32: first packet of the batch not yet dealt with
export const FRAG_BAD = 20; // u32: packets in the batch of those that may not be cut
export const FRAG_HONOR_MTU = 24; // u32: a packet's SLOT_MTU counts where it is less than FRAG_MTU
export const FRAG_SIZE = 32;

// ---- IPGWOptions: one counter, then the area ---------------------------------
export const GWOPT_FAULTS = 0; // u64
export const GWOPT_AREA = 8;
export const GWOPT_ADDRESS = 0; // 4 bytes, network order: the address recorded
export const GWOPT_MS = 4; // u32: milliseconds since midnight UT
export const GWOPT_OWN = 8; // u32: address of the router's addresses
export const GWOPT_OWN_COUNT = 12; // u32
export const GWOPT_SIZE = 16;

// ---- ICMPError: the numbers of its drop reasons, whose counters are followed by the ICMP area ----
export const ICMP4_NO_HEADER = 0;
export const ICMP4_ICMP_ERROR = 1;
export const ICMP4_NOT_UNICAST = 2;
export const ICMP4_LINK_BROADCAST = 3;
export const ICMP4_BAD_SOURCE = 4;
export const ICMP4_FRAGMENT = 5;
export const ICMP4_SOURCE_ROUTED = 6;
export const ICMP4_NO_ROOM = 7;
export const ICMP4_AREA = 64;

// ---- ICMP6Error: likewise ----------------------------------------------------
export const ICMP6_NO_HEADER = 0;
export const ICMP6_ICMP_ERROR = 1;
export const ICMP6_NOT_UNICAST = 2;
export const ICMP6_LINK_BROADCAST = 3;
export const ICMP6_BAD_SOURCE = 4;
export const ICMP6_NO_ROOM = 5;
export const ICMP6_AREA = 48;

// ---- ICMP area ----------------------------------------------------------------
export const NOW_SECONDS = 0; // u32: wall-clock time for timestamps
export const NOW_NANOSECONDS = 4; // u32
export const ICMP_TYPE = 8; // u32
export const ICMP_CODE = 12; // u32
export const ICMP_MTU = 16; // u32: largest error packet
export const ICMP_PMTU = 20; // u32: MTU reported; 0: the packet's SLOT_MTU
export const ICMP_FIX = 24; // u32: whether to set the fix-IP-source annotation
export const ICMP_ID = 28; // u32: identification of the next packet
export const ICMP_BAD = 32; // u32: address of the addresses that are not unicast
export const ICMP_BAD_COUNT = 36; // u32
export const ICMP_SOURCE = 48; // 4 or 16 bytes, network order
export const ICMP_SIZE = 64;
