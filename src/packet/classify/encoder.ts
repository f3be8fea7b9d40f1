// A small encoder of the WebAssembly binary format (core specification 1.0,
// chapter 5; shared memories from the threads proposal): as much as a
// generated kernel needs, which is one function over the router's memory.

const I32 = 0x7f;
const EMPTY_BLOCK = 0x40;

/** Instructions without immediates. */
export const op = {
  else: 0x05,
  end: 0x0b,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  eqz: 0x45,
  eq: 0x46,
  ne: 0x47,
  ltU: 0x49,
  gtU: 0x4b,
  geS: 0x4e,
  add: 0x6a,
  sub: 0x6b,
  and: 0x71,
  or: 0x72,
  xor: 0x73,
  shl: 0x74,
  shrU: 0x76,
  rotl: 0x77,
} as const;

/** Loads and stores; all take an alignment of one byte. */
export const mem = { load: 0x28, load8: 0x2d, load16: 0x2f, store16: 0x3b } as const;

/** A growing string of bytes with the format's number encodings. */
export class Bytes {
  #bytes = new Uint8Array(256);
  length = 0;

  byte(b: number): this {
    if (this.length === this.#bytes.length) this.#grow(this.length + 1);
    this.#bytes[this.length++] = b;
    return this;
  }

  /** Unsigned LEB128 of a u32. */
  u32(n: number): this {
    n >>>= 0;
    while (n >= 0x80) {
      this.byte((n & 0x7f) | 0x80);
      n >>>= 7;
    }
    return this.byte(n);
  }

  /** Signed LEB128 of an i32. */
  s32(n: number): this {
    n |= 0;
    for (;;) {
      const low = n & 0x7f;
      n >>= 7;
      if ((n === 0 && (low & 0x40) === 0) || (n === -1 && (low & 0x40) !== 0)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  /** The bytes of `other`. */
  bytes(other: Uint8Array): this {
    if (this.length + other.length > this.#bytes.length) this.#grow(this.length + other.length);
    this.#bytes.set(other, this.length);
    this.length += other.length;
    return this;
  }

  /** `other`, after its length. */
  sized(other: Uint8Array): this {
    return this.u32(other.length).bytes(other);
  }

  /** An ASCII name, after its length. */
  name(text: string): this {
    return this.sized(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(need: number): void {
    const bigger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}

/** The code of a function; all values are i32. Labels are counted from the innermost block, as in the format. */
export class Code extends Bytes {
  op(...codes: number[]): this {
    for (const code of codes) this.byte(code);
    return this;
  }
  const(n: number): this {
    return this.byte(0x41).s32(n);
  }
  get(local: number): this {
    return this.byte(0x20).u32(local);
  }
  set(local: number): this {
    return this.byte(0x21).u32(local);
  }
  tee(local: number): this {
    return this.byte(0x22).u32(local);
  }
  /** A load or store (of `mem`) at the address on the stack plus `offset`. */
  access(code: number, offset: number): this {
    return this.byte(code).u32(0).u32(offset);
  }
  block(result = false): this {
    return this.byte(0x02).byte(result ? I32 : EMPTY_BLOCK);
  }
  loop(): this {
    return this.byte(0x03).byte(EMPTY_BLOCK);
  }
  if(): this {
    return this.byte(0x04).byte(EMPTY_BLOCK);
  }
  br(label: number): this {
    return this.byte(0x0c).u32(label);
  }
  brIf(label: number): this {
    return this.byte(0x0d).u32(label);
  }
}

/**
 * A module that imports the router's memory (`env.memory`, shared) and exports
 * one function `name` of `params` i32 parameters, `locals` further i32 locals
 * and one i32 result.
 */
export function encodeModule(name: string, params: number, locals: number, code: Code): Uint8Array {
  const type = new Bytes().u32(1).byte(0x60).u32(params);
  for (let i = 0; i < params; i++) type.byte(I32);
  type.u32(1).byte(I32);
  // Shared limits must be given: at least one page, at most the 2 GiB that a router's memory stays below.
  const imports = new Bytes().u32(1).name("env").name("memory").byte(0x02).byte(0x03).u32(1).u32(32768);
  const body = new Bytes().u32(1).u32(locals).byte(I32).bytes(code.done()).byte(op.end);
  return new Bytes()
    .bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00))
    .byte(1)
    .sized(type.done())
    .byte(2)
    .sized(imports.done())
    .byte(3)
    .sized(new Bytes().u32(1).u32(0).done())
    .byte(7)
    .sized(new Bytes().u32(1).name(name).byte(0x00).u32(0).done())
    .byte(10)
    .sized(new Bytes().u32(1).sized(body.done()).done())
    .done()
    .slice();
}
