// Keys of stores as strings, for maps.

/** The key as a string, one character a byte: for maps. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
