// A map that never rehashes as a whole: a Map of V8's with a million entries stands still for some 50 ms when it grows.

/** Entries of a piece: as many are moved at once when it is split, in some 0.1 ms. */
const PIECE_MAX = 1024;
/** Pieces are told apart by no more bits of the hash: keys that were chosen to have the same one do not split for ever. */
const DEPTH_MAX = 14;

interface Item<K, V> {
  readonly key: K;
  value: V;
  previous: Item<K, V>;
  next: Item<K, V>;
  /** It was taken out; `previous` is what stood before it then. */
  removed: boolean;
}

/** Entries whose hashes have the same first `depth` bits. */
interface Piece<K, V> {
  readonly items: Map<K, Item<K, V>>;
  depth: number;
}

/**
 * A Map for tables without a bound that is small: no call takes longer for what it holds (extendible hashing; Fagin and
 * others, TODS 4(3), 1979). As in a Map, iteration is in the order in which keys were put in, and entries may come and go
 * meanwhile: an iterator can be kept to go on in slices. The first entry is found at once, also after many were taken
 * out before it, which a Map's iterator walks over.
 */
export class LargeMap<K extends string | number | bigint, V> {
  readonly #seed = (Math.random() * 2 ** 32) >>> 0;
  /** By the hash's first `#depth` bits. */
  #pieces: Piece<K, V>[] = [{ items: new Map(), depth: 0 }];
  #depth = 0;
  /** Before the first, and behind the last. */
  #end: Item<K, V> = ending();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#piece(key).items.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#piece(key).items.has(key);
  }

  /** Puts a value in: behind all others, or in the place of the key's. */
  set(key: K, value: V): this {
    const piece = this.#piece(key);
    const found = piece.items.get(key);
    if (found !== undefined) {
      found.value = value;
      return this;
    }
    const end = this.#end;
    const item = { key, value, previous: end.previous, next: end, removed: false };
    end.previous.next = item;
    end.previous = item;
    piece.items.set(key, item);
    this.#size++;
    if (piece.items.size > PIECE_MAX && piece.depth < DEPTH_MAX) this.#split(piece, key);
    return this;
  }

  delete(key: K): boolean {
    const { items } = this.#piece(key);
    const item = items.get(key);
    if (item === undefined) return false;
    items.delete(key);
    item.previous.next = item.next;
    item.next.previous = item.previous;
    item.removed = true;
    this.#size--;
    return true;
  }

  /** Takes all out; iterators end. */
  clear(): void {
    this.#pieces = [{ items: new Map(), depth: 0 }];
    this.#depth = 0;
    this.#end = ending();
    this.#size = 0;
  }

  /** The entry that was put in before all others. */
  get first(): readonly [K, V] | undefined {
    const { next } = this.#end;
    return next === this.#end ? undefined : [next.key, next.value];
  }

  *entries(): IterableIterator<[K, V]> {
    for (const { key, value } of this.#items()) yield [key, value];
  }

  *keys(): IterableIterator<K> {
    for (const { key } of this.#items()) yield key;
  }

  /** From that of the key `from` on, where it is there. */
  *values(from?: K): IterableIterator<V> {
    for (const { value } of this.#items(from)) yield value;
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  *#items(from?: K): IterableIterator<Item<K, V>> {
    const end = this.#end;
    const first = from === undefined ? undefined : this.#piece(from).items.get(from);
    for (let at = first ?? end.next; at !== end; ) {
      yield at;
      if (end !== this.#end) return;
      // What stood before it may have gone since, too.
      while (at.removed) at = at.previous;
      at = at.next;
    }
  }

  #piece(key: K): Piece<K, V> {
    return this.#pieces[this.#depth === 0 ? 0 : this.#hash(key) >>> (32 - this.#depth)];
  }

  #split(piece: Piece<K, V>, key: K): void {
    if (piece.depth === this.#depth) {
      this.#pieces = this.#pieces.flatMap((p) => [p, p]);
      this.#depth++;
    }
    const half: Piece<K, V> = { items: new Map(), depth: ++piece.depth };
    const bit = 32 - piece.depth;
    for (const item of piece.items.values()) {
      if (((this.#hash(item.key) >>> bit) & 1) === 0) continue;
      piece.items.delete(item.key);
      half.items.set(item.key, item);
    }
    // The places of the piece stand together; those of its second half are the other piece's now.
    const places = 2 ** (this.#depth - piece.depth);
    const first = ((this.#hash(key) >>> bit) | 1) * places;
    this.#pieces.fill(half, first, first + places);
  }

  #hash(key: string | number | bigint): number {
    let h = this.#seed;
    if (typeof key === "string")
      for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193);
    else if (typeof key === "number") h = mixed(mixed(h ^ (key / 2 ** 32)) ^ key);
    else h = mixed(mixed(h ^ Number(BigInt.asUintN(32, key >> 32n))) ^ Number(BigInt.asUintN(32, key)));
    return mixed(h) >>> 0;
  }
}

function ending<K, V>(): Item<K, V> {
  const end = { key: undefined, value: undefined, removed: false } as unknown as Item<K, V>;
  end.previous = end;
  end.next = end;
  return end;
}

/** Each bit of the result depends on each of `h` (the end of MurmurHash3). */
function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
