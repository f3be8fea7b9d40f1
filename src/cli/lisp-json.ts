// LISP records as JSON: addresses as text, bytes and nonces as hexadecimal digits.

import { addressText } from "../net/address.js";

/** What JSON can hold of a record: no bytes, no big integers. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * A record of the codecs as JSON. An address of kind `ip` or `mac` becomes its text, one of kind `none` null; other
 * addresses stay objects with a kind.
 */
export function recordJson(value: unknown): Json {
  if (typeof value === "bigint") return `0x${value.toString(16).padStart(16, "0")}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(recordJson);
  if (typeof value === "object" && value !== null) return objectJson(value as Record<string, unknown>);
  return value as Json;
}

function objectJson(fields: Record<string, unknown>): Json {
  if (fields.kind === "none") return null;
  if (fields.kind === "ip") return addressText(fields.address as Uint8Array);
  if (fields.kind === "mac") return Array.from(fields.address as Uint8Array, hexByte).join(":");
  const isHeader = fields.version === 4 || fields.version === 6;
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) =>
      isHeader && value instanceof Uint8Array && (key === "source" || key === "destination")
        ? [key, addressText(value)]
        : [key, recordJson(value)],
    ),
  );
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
