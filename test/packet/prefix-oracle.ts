// Slow, plain prefix tables that the kernels are compared with. Addresses are arrays of u32 words, most
// significant first: one for IPv4, four for IPv6.

export type Bits = readonly number[];

export interface ModelEntry {
  readonly bits: Bits;
  readonly length: number;
  readonly value: number;
}

/** An address of either family from its words; an IPv4 address takes the first only. */
export function makeAddress(family: 4 | 6, words: Bits): number | Uint8Array {
  if (family === 4) return words[0] >>> 0;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setUint32(i * 4, words[i] >>> 0);
  return bytes;
}

export function toBits(address: number | Uint8Array, family: 4 | 6): Bits {
  if (typeof address === "number") return [address];
  const view = new DataView(address.buffer, address.byteOffset);
  return Array.from({ length: family === 4 ? 1 : 4 }, (_, i) => view.getUint32(i * 4));
}

function bitAt(bits: Bits, i: number): number {
  return (bits[i >>> 5] >>> (31 - (i & 31))) & 1;
}

/** The first `length` bits, the others zero. */
function truncated(bits: Bits, length: number): Bits {
  return bits.map((word, i) => {
    const here = Math.max(0, Math.min(32, length - i * 32));
    return here === 0 ? 0 : (word & (0xffffffff << (32 - here))) >>> 0;
  });
}

/** A list, searched from end to end. */
export class LinearTable {
  #entries: ModelEntry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  #find(bits: Bits, length: number): number {
    const key = truncated(bits, length).join();
    return this.#entries.findIndex((e) => e.length === length && e.bits.join() === key);
  }

  insert(bits: Bits, length: number, value: number): number {
    const old = this.remove(bits, length);
    this.#entries.push({ bits: truncated(bits, length), length, value });
    return old;
  }

  remove(bits: Bits, length: number): number {
    const at = this.#find(bits, length);
    return at < 0 ? 0 : this.#entries.splice(at, 1)[0].value;
  }

  exact(bits: Bits, length: number): number {
    const at = this.#find(bits, length);
    return at < 0 ? 0 : this.#entries[at].value;
  }

  lookup(bits: Bits): number {
    let best = -1;
    let value = 0;
    for (const entry of this.#entries) {
      if (entry.length <= best || truncated(bits, entry.length).join() !== entry.bits.join()) continue;
      best = entry.length;
      value = entry.value;
    }
    return value;
  }

  /** In order of address, then length. */
  entries(): ModelEntry[] {
    return [...this.#entries].sort((a, b) => {
      for (let i = 0; i < a.bits.length; i++) if (a.bits[i] !== b.bits[i]) return a.bits[i] - b.bits[i];
      return a.length - b.length;
    });
  }
}

/** One bit a step, in typed arrays so that a million prefixes fit. Nothing is ever given back. */
export class BinaryTrie {
  readonly #children: Uint32Array;
  readonly #values: Uint32Array;
  #next = 1;

  constructor(nodes = 8 * 2 ** 20) {
    this.#children = new Uint32Array(nodes * 2);
    this.#values = new Uint32Array(nodes);
  }

  /** Sets the prefix's value (0 removes it) and returns the one it had. */
  insert(bits: Bits, length: number, value: number): number {
    let node = 0;
    for (let i = 0; i < length; i++) {
      const at = node * 2 + bitAt(bits, i);
      if (this.#children[at] === 0) {
        if (this.#next === this.#values.length) throw new Error("the model is full");
        this.#children[at] = this.#next++;
      }
      node = this.#children[at];
    }
    const old = this.#values[node];
    this.#values[node] = value;
    return old;
  }

  lookup(bits: Bits, length: number): number {
    let node = 0;
    let value = this.#values[0];
    for (let i = 0; i < length; i++) {
      node = this.#children[node * 2 + bitAt(bits, i)];
      if (node === 0) break;
      if (this.#values[node] !== 0) value = this.#values[node];
    }
    return value;
  }
}

/** A generator of u32 (xorshift), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761 + 1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
