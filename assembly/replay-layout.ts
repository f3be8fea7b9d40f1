// Records of the frames that replayBatch copies. Shared with TypeScript like layout.ts.

export const FRAME_ADDRESS = 0; // u32: its bytes; those up to the next multiple of 16 may be read too
export const FRAME_LENGTH = 4; // u32: bytes
export const FRAME_TYPE = 8; // u8: PACKET_*
export const FRAME_SIZE = 12;
