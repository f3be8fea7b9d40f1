// Addresses and prefixes for property tests.

import { canonical, type Prefix } from "../../src/net/prefix.js";
import * as fc from "../property.js";

/** `n` bytes, each with as many values as another. */
export const bytes = (n: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: n, maxLength: n }).map((b) => Uint8Array.from(b));

/** `n` bytes with runs of zeros, so that two of them share much. */
export const sparse = (n: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xff, 0xab), { minLength: n, maxLength: n })
    .map((b) => Uint8Array.from(b));

export const anyAddress: fc.Arbitrary<Uint8Array> = fc.oneof(bytes(4), sparse(4), bytes(16), sparse(16));

/** Prefixes, with bits beyond their length. */
export const anyPrefix: fc.Arbitrary<Prefix> = fc
  .tuple(anyAddress, fc.nat(128))
  .map(([address, length]) => ({ address, length: Math.min(length, address.length * 8) }));

export const canonicalPrefix: fc.Arbitrary<Prefix> = anyPrefix.map(canonical);

/** Text that is nearly an address or a prefix. */
export const nearly: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        "0",
        "9",
        "10.",
        "32",
        "255",
        "256",
        "f",
        "ffff",
        "fffff",
        ":",
        "::",
        ".",
        "/",
        "-",
        " ",
      ),
    )
    .map((parts) => parts.join("")),
);

/** An address as ones and zeros: the slow way to compare. */
export const binary = (a: Uint8Array): string =>
  Array.from(a, (b) => b.toString(2).padStart(8, "0")).join("");
