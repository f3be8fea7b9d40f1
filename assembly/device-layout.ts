// What devices keep in the router's memory: the structures that the kernel
// reads and writes (iovec, mmsghdr, sockaddr_ll, control messages, virtio
// headers; 64-bit Linux) and the totals that the kernels count. Shared with
// TypeScript like layout.ts.

/** Messages in one recvmmsg or sendmmsg. */
export const IO_BATCH = 64;
/** Largest frame taken from the kernel: 64 KiB, its limit for segmentation offload, and headers of the link. */
export const BOUNCE_SIZE = 65792;
/** struct virtio_net_hdr (linux/virtio_net.h). */
export const VNET_SIZE = 10;
export const MMSG_SIZE = 64; // struct mmsghdr: msghdr (56 bytes), msg_len, padding
export const MMSG_LENGTH = 56;
export const CONTROL_SIZE = 96;
export const ADDR_SIZE = 32; // struct sockaddr_ll is 20 bytes

// ---- Receive state -------------------------------------------------------
export const RX_BASE = 0; // u64: address of the router's memory in the process
export const RX_CAP = 8; // u32: messages used, at most IO_BATCH
export const RX_COUNT = 12; // u32: messages the kernel has filled
export const RX_NEXT = 16; // u32: first of them not handed out yet
export const RX_LINK = 20; // u32: LINK_*
export const RX_BOUNCE = 24; // u32: address of RX_CAP buffers of BOUNCE_SIZE
export const RX_ADDRESSED = 28; // u32: 1 = messages carry a sockaddr_ll
export const RX_MAC = 32; // 6 bytes: our address, for packet types without a sockaddr_ll
export const RX_BARE = 38; // u8: 1 = messages have no virtio header
export const RX_STAMP = 40; // u64: time of the batch, nanoseconds since the epoch
export const RX_PACKETS = 48; // u64: packets handed out
export const RX_BYTES = 56; // u64: their bytes
export const RX_TOO_BIG = 64; // u64: frames larger than a packet that cannot be segmented
export const RX_NO_SLOT = 72; // u64: packets lost for lack of memory
export const RX_CSUM = 80; // u64: partial checksums completed
export const RX_SEGMENTED = 88; // u64: oversized frames segmented
export const RX_SEG = 96; // SEG_*: the frame in progress; its SEG_LENGTH is 0 when there is none
export const RX_SLOTS = 160; // u32 x IO_BATCH: slots the kernel writes into, 0 = none
export const RX_MSGS = 416; // mmsghdr x IO_BATCH
export const RX_IOVS = RX_MSGS + MMSG_SIZE * IO_BATCH; // 3 iovec each: virtio header, slot, bounce buffer
export const RX_VNET = RX_IOVS + 48 * IO_BATCH; // 16 bytes each
export const RX_ADDRS = RX_VNET + 16 * IO_BATCH;
export const RX_CONTROL = RX_ADDRS + ADDR_SIZE * IO_BATCH;
export const RX_SIZE = RX_CONTROL + CONTROL_SIZE * IO_BATCH;

export const LINK_ETHERNET = 0;
export const LINK_IP = 1;

// ---- Transmit state ------------------------------------------------------
export const TX_BASE = 0; // u64: as RX_BASE
export const TX_VNET = 8; // 16 bytes: the virtio header of every packet sent, all zero
export const TX_BARE = 18; // u8: as RX_BARE
export const TX_MAX = 20; // u32: largest frame without a VLAN tag, 0 = whatever the kernel takes
export const TX_CSUM = 24; // u64: partial checksums completed
export const TX_MSGS = 32; // mmsghdr x IO_BATCH
export const TX_IOVS = TX_MSGS + MMSG_SIZE * IO_BATCH; // 2 iovec each: virtio header, data
export const TX_SIZE = TX_IOVS + 32 * IO_BATCH;

// ---- A frame being segmented ----------------------------------------------
export const SEG_FRAME = 0; // u32: address of the frame
export const SEG_LENGTH = 4; // u32: its length, 0 = none
export const SEG_AT = 8; // u32: payload bytes already handed out
export const SEG_SIZE = 12; // u32: payload bytes in a segment
export const SEG_NETWORK = 16; // u32: offset of the IP header
export const SEG_TRANSPORT = 20; // u32: offset of the TCP or UDP header
export const SEG_HEADERS = 24; // u32: offset of the payload
export const SEG_INDEX = 28; // u32: segments already handed out
export const SEG_PROTOCOL = 32; // u32: 6 or 17
export const SEG_VERSION = 36; // u32: 4 or 6
export const SEG_PSEUDO = 40; // u32: sum of the pseudo-header without its length
export const SEG_NO_CSUM = 44; // u32: 1 = UDP without a checksum
