// States of the kernels in ip.ts and ip6.ts, shared with the elements. Each
// begins with its drop counters, u64, in the order of the reasons' numbers.

// ipCheckHeader
export const IP_CHECK_TINY = 0; // shorter than a header
export const IP_CHECK_VERSION = 1; // not version 4
export const IP_CHECK_HEADER_LENGTH = 2; // header length under 20
export const IP_CHECK_LENGTH = 3; // total length beyond the data, or less than the header
export const IP_CHECK_CHECKSUM = 4; // header checksum wrong
export const IP_CHECK_SOURCE = 5; // source address on the list, destination not exempt
export const IP_CHECK_OFFSET = 48; // u32: where the header begins in the data
export const IP_CHECK_SUM = 52; // u32: 1 = verify the checksum
export const IP_CHECK_BADSRC_COUNT = 56; // u32
export const IP_CHECK_BADSRC = 60; // u32: address of that many u32, network order
export const IP_CHECK_GOODDST_COUNT = 64; // u32
export const IP_CHECK_GOODDST = 68; // u32: address of that many u32, network order
export const IP_CHECK_SIZE = 72;

// ipDecTtl
export const IP_TTL_EXPIRED = 0; // TTL 0 or 1
export const IP_TTL_NO_HEADER = 1; // network header unset or not within the data
export const IP_TTL_MULTICAST = 16; // u32: 1 = packets to multicast addresses too
export const IP_TTL_SIZE = 24;

// ip6CheckHeader
export const IP6_CHECK_TINY = 0; // shorter than a header
export const IP6_CHECK_VERSION = 1; // not version 6
export const IP6_CHECK_LENGTH = 2; // payload length beyond the data
export const IP6_CHECK_SOURCE = 3; // source address on the list
export const IP6_CHECK_OFFSET = 32; // u32: where the header begins in the data
export const IP6_CHECK_BADSRC_COUNT = 36; // u32
export const IP6_CHECK_BADSRC = 40; // u32: address of that many times 16 bytes
export const IP6_CHECK_SIZE = 48;

// ip6DecHopLimit
export const IP6_HLIM_EXPIRED = 0; // hop limit 0 or 1
export const IP6_HLIM_NO_HEADER = 1; // network header unset or not within the data
export const IP6_HLIM_SIZE = 16;

// ipGetAddress: the offsets that stand for fields of the network header.
export const IP_GET_SOURCE = -1;
export const IP_GET_DESTINATION = -2;

// dropUnroutable
export const UNROUTABLE_UNSPECIFIED = 0;
export const UNROUTABLE_LOOPBACK = 1;
export const UNROUTABLE_LINK_LOCAL = 2;
export const UNROUTABLE_MULTICAST = 3;
export const UNROUTABLE_BROADCAST = 4;
export const UNROUTABLE_RESERVED = 5;
export const UNROUTABLE_BAD_SOURCE = 6;
export const UNROUTABLE_BAD_PACKET = 7;
export const UNROUTABLE_BROADCASTS_COUNT = 64; // u32
export const UNROUTABLE_BROADCASTS = 68; // u32: address of that many u32, network order
export const UNROUTABLE_SIZE = 72;
