// The layout of a router's memory. One file for both worlds: AssemblyScript
// compiles it into the kernels and TypeScript imports it, so a number stands
// in one place only. All offsets and sizes are bytes; all words are
// little-endian; a "slot handle" is the address of the slot itself.

// ---- Memory header -------------------------------------------------------
// The first 4 KiB. Nothing lives below address 64, so that 0 can mean "none";
// and these 64 bytes stay zero, so that a kernel may read through a 0 and find nothing.
// Behind it the stack of free slots and then the heap, which grows upwards; the
// pool grows downwards from the end of the memory, until the two meet.
export const HEAP_NEXT = 64; // u32: first heap byte never handed out
export const HEAP_END = 68; // u32: where the heap ends at most: what is behind is left to the pool
export const HEAP_USED = 72; // u32: bytes handed out and not yet freed
export const POOL_TOP = 80; // u32: number of handles on the free stack
export const POOL_FRESH = 84; // u32: lowest address that the pool has taken
export const POOL_FLOOR = 88; // u32: where the pool ends at most: what is before is left to the heap
export const POOL_STRIDE = 92; // u32: bytes of a fresh slot with its own buffer
export const POOL_STACK = 96; // u32: address of the stack of free handles
export const POOL_MADE = 100; // u32: slots made so far
export const POOL_HEADROOM = 104; // u32: headroom of a fresh packet
export const POOL_MOST = 108; // u32: slots that may be made
export const POOL_EXHAUSTED = 112; // u64: packets not made for lack of memory
export const LISP_KEYS = 120; // u32: number last given to a state of an encapsulator (lisp-layout.ts)
export const RLOC_SPARE = 124; // u32: first of the list of RLOC records out of use (lisp-layout.ts)
export const PEER_TAGS = 128; // u32: number last given to a peer (lisp-layout.ts)
export const RLOC_CHANGES = 132; // u32: counts changes of RLOCs with very many records (lisp-layout.ts)
export const POOL_LARGE = 160; // u32 x LARGE_CLASSES: heads of the lists of free large buffers
export const HEAP_CLASSES = 256; // u32 x 116: heads of the allocator's free lists
export const HEADER_SIZE = 4096;

// ---- Slot ----------------------------------------------------------------
// A packet is a slot and a buffer. The slot is its metadata, and its address
// is the packet's handle. The buffer holds headroom | data | tailroom, and the
// slot says where it begins, where it ends and who owns it: usually the slot
// itself, whose own buffer of 2,048 bytes is behind the metadata; for larger
// packets the pool's store of large buffers. Nobody may compute where a buffer
// is. With a slot of 2,176 bytes neighbours do not share the same few cache sets.
export const SLOT_DATA = 0; // u32: address of the first data byte
export const SLOT_LENGTH = 4; // u32: bytes of data
export const SLOT_MAC = 8; // u32: address of the MAC header, 0 = unset
export const SLOT_NETWORK = 12; // u32: address of the network header, 0 = unset
export const SLOT_TRANSPORT = 16; // u32: address of the transport header, 0 = unset
export const SLOT_PORT = 20; // u16: output chosen by a classifying kernel
export const SLOT_PACKET_TYPE = 22; // u8: one of PACKET_*
export const SLOT_FLAGS = 23; // u8: one of FLAG_*
export const SLOT_TIMESTAMP = 24; // u64: nanoseconds since the epoch, 0 = unset
export const SLOT_ANNO = 32; // 48 bytes: Click's annotation area
export const SLOT_ROUTE = 80; // u32: result of a lookup (e.g. address of a locator record)
export const SLOT_ROUTE_TAG = 84; // u32: what the record at SLOT_ROUTE has to say of itself, else it is another by now
export const SLOT_FLOW_HASH = 88; // u32: hash of the inner flow, 0 = not computed
export const SLOT_IID = 92; // u32: LISP instance ID
export const SLOT_CSUM_START = 96; // u16: with FLAG_PARTIAL_CSUM, offset from the data start
export const SLOT_CSUM_OFFSET = 98; // u16: with FLAG_PARTIAL_CSUM, offset of the field from there
export const SLOT_GSO_SIZE = 100; // u16: segment payload size of an oversized frame, 0 = none
export const SLOT_REASON = 102; // u16: why a kernel rejected it (index into the element's drops)
export const SLOT_MTU = 104; // u32: largest size that would have passed, set by what rejects it as too big
export const SLOT_TRACE = 108; // u32: number of the packet's trace, 0 = not traced; copies carry their original's
// The rest is the slot's, not the packet's: copies and resets leave it alone.
export const SLOT_COPIED = 116;
export const SLOT_BUFFER = 116; // u32: address of the first byte of its buffer
export const SLOT_END = 120; // u32: address after the last one
export const SLOT_OWNER = 124; // u32: who gets the buffer back: OWNER_*; with SLOT_WATCHED
export const SLOT_META = 128;

// Owners of buffers. Usual packets have 0 in SLOT_OWNER, so that giving one back takes one comparison.
export const OWNER_SLOT = 0; // the slot itself
export const OWNER_LARGE = 1; // and the numbers up to LARGE_CLASSES: the pool, by the class of the buffer
export const SLOT_WATCHED = 0x40000000; // in SLOT_OWNER: SLOT_TRACE becomes 0 when the slot is given back

export const BUFFER_SIZE = 2048;
export const HEADROOM = 128;

// Sizes of large buffers, for frames of up to 9 KiB and multiples of 16 KiB with 1 KiB of room for headers.
export const LARGE_1 = 4096;
export const LARGE_2 = 10240;
export const LARGE_3 = 17408;
export const LARGE_4 = 33792;
export const LARGE_5 = 66560;
export const LARGE_CLASSES = 5;
export const LARGEST_BUFFER = LARGE_5;

// Offsets inside Click's annotation area (elements add SLOT_ANNO).
export const ANNO_DST_IP = 0; // u32, network order; IPv6: 16 bytes
export const ANNO_PAINT = 16; // u8
export const ANNO_ICMP_PARAM = 17; // u8
export const ANNO_FIX_IP_SRC = 19; // u8
export const ANNO_VLAN_TCI = 20; // u16
export const ANNO_AGGREGATE = 20; // u32
export const ANNO_EXTRA_PACKETS = 24; // u32
export const ANNO_EXTRA_LENGTH = 28; // u32
export const ANNO_FIRST_TIMESTAMP = 32; // u64
export const ANNO_SIZE = 48;

// Packet types: Click's numbers.
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

export const FLAG_PARTIAL_CSUM = 1; // the transport checksum holds only the pseudo-header sum
export const FLAG_CSUM_OK = 2; // the device vouches for the transport checksum

// A batch is an array of slot handles; this many at most.
export const BATCH_MAX = 256;
// SLOT_PORT of a packet that a classifying kernel wants dropped.
export const PORT_DROP = 0xffff;
// SLOT_PORT of a packet that goes to every output.
export const PORT_ALL = 0xfffe;

// ---- Neighbour table -----------------------------------------------------
// What the kernels of neighbour.ts and the slow path in TypeScript share of one entry. Times are steady
// nanoseconds of the router's clock.
export const NEIGHBOUR_NEXT = 0; // u32: next entry of the same bucket
export const NEIGHBOUR_KNOWN = 4; // u32: 1 while the hardware address below is good
export const NEIGHBOUR_LIVE = 8; // f64: when it was last confirmed
export const NEIGHBOUR_QUIET = 16; // f64: the slow path need not see packets before
export const NEIGHBOUR_MAC = 24; // 6 bytes: hardware address
export const NEIGHBOUR_KEY = 32; // 16 bytes: IPv6 address, or IPv4 address and 12 zero bytes
export const NEIGHBOUR_SIZE = 48;

// ---- Queue ---------------------------------------------------------------
// The block that the kernels of queue.ts work on.
export const QUEUE_RING = 0; // u32: address of the ring of slot handles
export const QUEUE_MASK = 4; // u32: entries of the ring, a power of two, less one
export const QUEUE_HEAD = 8; // u32: position of the first packet
export const QUEUE_TAIL = 12; // u32: position after the last packet
export const QUEUE_CAPACITY = 16; // u32: packets it may hold
export const QUEUE_HIGHWATER = 20; // u32: packets it has held at most
export const QUEUE_SIZE = 24;
