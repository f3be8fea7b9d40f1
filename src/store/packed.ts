// Keys and values as one array of bytes, for the way between processes: key length (u16), value length (u32; all ones: no
// value), key, value, each after the other, little-endian.

import type { StoreOperation } from "../router/store.js";

const HEAD = 6;
const NO_VALUE = 0xffffffff;

export function pack(operations: readonly StoreOperation[]): Uint8Array {
  let size = 0;
  for (const { key, value } of operations) size += HEAD + key.length + (value?.length ?? 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { key, value } of operations) {
    view.setUint16(at, key.length, true);
    view.setUint32(at + 2, value?.length ?? NO_VALUE, true);
    bytes.set(key, at + HEAD);
    at += HEAD + key.length;
    if (value === null) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

/** What was packed, in arrays of their own. */
export function* unpack(bytes: Uint8Array): Generator<StoreOperation> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEAD + view.getUint16(at, true);
    const length = view.getUint32(at + 2, true);
    const key = Uint8Array.from(bytes.subarray(at + HEAD, end));
    at = length === NO_VALUE ? end : end + length;
    yield { key, value: length === NO_VALUE ? null : Uint8Array.from(bytes.subarray(end, at)) };
  }
}
