// Values that have names: ports, protocols, annotations, elements.

import { type ArgContext, fail, ok, type Parsed, within } from "./context.js";
import { ANNOTATION_BYTES, builtinName, DATABASES, portDatabase } from "./databases.js";
import { INT_MAX, INT_MIN, parseInteger, UNSIGNED_MAX } from "./numbers.js";
import type { AnnoRef } from "./spec.js";

/** What `name` means in a database of numbers: the router's names first, then the built-in ones. */
export function lookupNumber(context: ArgContext, database: string, name: string): number | undefined {
  const value = context.lookup(database, name);
  return typeof value === "number" ? value : builtinName(database, name);
}

/** A name of `database`, or a number (32 bits) within [min, max]. */
export function parseNamed(
  text: string,
  database: string,
  context: ArgContext,
  min = INT_MIN,
  max = UNSIGNED_MAX,
): Parsed<number> {
  const named = lookupNumber(context, database, text);
  if (named !== undefined) return ok(named);
  const parsed = parseInteger(text);
  return "error" in parsed ? fail() : within(parsed.value, min, max);
}

/** A port number or a service name of the IP protocol `protocol`. */
export function parsePort(text: string, protocol: number, context: ArgContext): Parsed<number> {
  const named = lookupNumber(context, portDatabase(protocol), text);
  if (named !== undefined) return ok(named);
  const parsed = parseInteger(text, false);
  if ("error" in parsed) return fail();
  return parsed.value > 0xffff ? fail("overflow, range 0-65535") : parsed;
}

/**
 * An annotation by name or offset. A name's own size must be `size`, where that is given; an
 * offset has `size` bytes, or one.
 */
export function parseAnno(text: string, size: number | undefined, context: ArgContext): Parsed<AnnoRef> {
  const packed = lookupNumber(context, DATABASES.annotations, text);
  const parsed = packed === undefined ? parseInteger(text, false) : ok(packed);
  if ("error" in parsed || parsed.value > INT_MAX) return fail();
  const offset = parsed.value & 0xffff;
  const named = parsed.value >>> 16;
  if (size !== undefined && named !== 0 && named !== size) return fail();
  const bytes = size ?? Math.max(named, 1);
  return offset + bytes > ANNOTATION_BYTES ? fail() : ok({ offset, size: bytes });
}

/** An element of the same router, by name from the caller's compound outward. */
export function parseElement(text: string, context: ArgContext): Parsed<unknown> {
  const element = context.element(text);
  return element === undefined || element === null ? fail("does not name an element") : ok(element);
}
