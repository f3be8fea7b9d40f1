// The hash of a flow, from which come the choice among locators and the outer
// source port (RFC 9300, section 12). Inlined into kernels.
//
// TCP, UDP and SCTP flows are told apart by addresses, protocol and ports; all
// else, and every fragment (only the first has ports), by addresses alone.

const MIX_1: u64 = 0x9e3779b97f4a7c15;
const MIX_2: u64 = 0xbf58476d1ce4e5b9;
const MIX_3: u64 = 0x94d049bb133111eb;
const MIX_4: u64 = 0xd6e8feb86659fd93;

// @ts-ignore: decorator
@inline
function finish(x: u64): u32 {
  x = (x ^ (x >> 32)) * MIX_2;
  x = (x ^ (x >> 29)) * MIX_3;
  return (x >> 32) as u32;
}

/** Whether the protocol has ports in its first four bytes: TCP, UDP, SCTP. */
// @ts-ignore: decorator
@inline
function hasPorts(protocol: u32): bool {
  return (u32(protocol == 6) | u32(protocol == 17) | u32(protocol == 132)) != 0;
}

/** Hash of the flow of the IPv4 packet at `at`, whose first 8 bytes are `head`; at least 20 bytes are there, and the packet's end at `end`. */
// @ts-ignore: decorator
@inline
export function flowHash4(at: u32, head: u64, end: u32): u32 {
  const protocol = load<u8>(at, 9) as u32;
  const transport = at + (((head as u32) & 15) << 2);
  // 0xff3f: the fragment offset and "more fragments", as they lie in memory. Which packets have ports nobody
  // can guess: no branch. What is read in vain is inside the memory.
  const ports =
    (u32(hasPorts(protocol)) & u32(((head >> 48) & 0xff3f) == 0) & u32(transport + 4 <= end)) != 0;
  const more = select<u64>(((load<u32>(transport) as u64) << 8) | protocol, 0, ports);
  return finish((load<u64>(at, 12) ^ (more * MIX_4)) * MIX_1);
}

/** Hash of the flow of the IPv6 packet at `at`, of which all up to `end` may be read; at least 40 bytes. */
// @ts-ignore: decorator
@inline
export function flowHash6(at: u32, end: u32): u32 {
  const protocol = load<u8>(at, 6) as u32;
  let more: u64 = 0;
  if (hasPorts(protocol)) {
    if (at + 44 <= end) more = ((load<u32>(at, 40) as u64) << 8) | protocol;
  } else {
    more = portsBehindExtensions(at + 40, end, protocol);
  }
  const source = load<u64>(at, 8) * MIX_2 + rotl<u64>(load<u64>(at, 16) * MIX_3, 31);
  const destination = load<u64>(at, 24) * MIX_4 + rotl<u64>(load<u64>(at, 32) * MIX_1, 31);
  return finish((source ^ rotl<u64>(destination, 17) ^ (more * MIX_4)) * MIX_1);
}

/** Ports and protocol behind hop-by-hop, routing and destination options (at most 8 headers); 0 when there are none. */
function portsBehindExtensions(at: u32, end: u32, protocol: u32): u64 {
  for (let n = 0; n < 8; n++) {
    if (hasPorts(protocol)) return at + 4 <= end ? ((load<u32>(at) as u64) << 8) | protocol : 0;
    if (protocol != 0 && protocol != 43 && protocol != 60) return 0;
    if (at + 8 > end) return 0;
    protocol = load<u8>(at) as u32;
    at += ((load<u8>(at, 1) as u32) + 1) << 3;
  }
  return 0;
}
