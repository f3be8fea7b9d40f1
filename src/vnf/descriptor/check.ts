// Checks a descriptor against its published schema, and says what is wrong in words.

import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { Diagnostic } from "../../lang/diagnostics.js";
import { nearest } from "../../lang/nearest.js";
import { duration } from "./quantity.js";
import type { DescriptorSource } from "./source.js";

/** The published JSON Schema of descriptors. */
export const SCHEMA = new URL("../../../../conf/services/service.schema.json", import.meta.url);

interface Schema {
  readonly title?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Keywords of ours: bounds of durations. Other validators do not know them. */
const BOUNDS: readonly (readonly [string, (seconds: number, bound: number) => boolean])[] = [
  ["longest", (seconds, bound) => seconds <= bound],
  ["shortest", (seconds, bound) => seconds >= bound],
];

/** NaN for what is none. */
function durationOf(data: unknown): number {
  if (typeof data === "number") return Number.isFinite(data) ? data : Number.NaN;
  return typeof data === "string" && /^[+-]?\d+(\.\d+)?\s*\w+$/.test(data) ? duration(data) : Number.NaN;
}

/** Diagnostics told at most: a descriptor of thousands of functions may have the same mistake in each. */
const MOST = 50;

/**
 * Makes the check of whole descriptors, or only of what is there of one (`part`: nothing is required). Compiling the
 * schema takes some milliseconds.
 */
export function schemaCheck(part = false): (source: DescriptorSource) => Diagnostic[] {
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
  for (const [keyword, fits] of BOUNDS)
    ajv.addKeyword({
      keyword,
      schemaType: "string",
      validate: (bound: string, data: unknown) => {
        // What is no duration at all is told by its pattern.
        const seconds = Math.abs(durationOf(data));
        return Number.isNaN(seconds) || fits(seconds, duration(bound));
      },
    });
  const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
  const validate: ValidateFunction = ajv.compile(part ? { ...schema, required: [] } : schema);
  return (source) => {
    if (validate(source.values)) return [];
    return wordy(validate.errors ?? [], source);
  };
}

/** The errors that tell something; those that only follow from others are left out. */
function wordy(errors: readonly ErrorObject[], source: DescriptorSource): Diagnostic[] {
  // A device may be written in three ways: what is wrong with each says less than that none fits.
  const choices = errors.filter((e) => e.keyword === "oneOf").map((e) => e.instancePath);
  const within = ({ instancePath: path }: ErrorObject): boolean =>
    errors.some((e) => e.instancePath.startsWith(`${path}/`) && !e.schemaPath.includes("/oneOf/"));
  const told = errors.filter(
    (e) =>
      (e.keyword === "oneOf" && !within(e)) ||
      (e.keyword !== "oneOf" &&
        !choices.some((path) => e.instancePath.startsWith(path) && e.schemaPath.includes("/oneOf/")) &&
        e.keyword !== "propertyNames"),
  );
  const seen = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  for (const [i, e] of told.entries()) {
    if (diagnostics.length === MOST) {
      const landmark = source.landmark([]);
      const message = `and up to ${told.length - i} more errors`;
      diagnostics.push({ severity: "error", code: "more", landmark, message });
      break;
    }
    const d = diagnostic(e, source);
    const text = `${d.landmark?.offset} ${BOUNDS.some(([name]) => name === e.keyword) ? "bound" : d.message}`;
    if (!seen.has(text)) diagnostics.push(d);
    seen.add(text);
  }
  return diagnostics;
}

function diagnostic(e: ErrorObject, source: DescriptorSource): Diagnostic {
  const path = e.instancePath
    .split("/")
    .slice(1)
    .map((p) => p.replaceAll("~1", "/").replaceAll("~0", "~"));
  const schema = (e.parentSchema ?? {}) as Schema;
  const where = path.length === 0 ? "the descriptor" : `'${path.join(".")}'`;
  const at = (extra: string[] = [], key = false) => source.landmark([...path, ...extra], key);
  const make = (landmark: Diagnostic["landmark"], message: string, hint?: string): Diagnostic => ({
    severity: "error",
    code: e.keyword,
    landmark,
    message,
    ...(hint === undefined ? {} : { hint }),
  });
  const keys = Object.keys(schema.properties ?? {});
  switch (e.keyword) {
    case "additionalProperties": {
      const unknown = String(e.params.additionalProperty);
      const near = nearest(unknown, keys);
      const hint = near === null ? `known are ${keys.join(", ")}` : `is it '${near}'?`;
      return make(at([unknown], true), `${where} has no '${unknown}'`, hint);
    }
    case "required":
      return make(at([], true), `${where} needs '${e.params.missingProperty}'`);
    case "enum": {
      const allowed = (e.params.allowedValues as unknown[]).map(String);
      const near = nearest(String(e.data), allowed);
      const hint = near === null ? undefined : `is it '${near}'?`;
      return make(at(), `${where} is ${shown(e.data)}: expected ${list(allowed)}`, hint);
    }
    case "const":
      return make(at(), `${where} is ${shown(e.data)}: expected ${shown(e.params.allowedValue)}`);
    case "oneOf":
      return make(
        at(),
        `${where} is no device`,
        "write the name of a link, { link: NAME, mac: ADDRESS } or { interface: NAME }",
      );
    default: {
      // Parameters may have secrets in them, in any place.
      if (path[0] === "functions" && path[2] === "parameters") {
        if (e.propertyName === undefined) return make(at(), `${where} is not ${expected(e, schema)}`);
        return make(at([e.propertyName], true), `a name in ${where} is not ${expected(e, schema)}`);
      }
      if (e.propertyName !== undefined)
        return make(at([e.propertyName], true), `'${e.propertyName}' is not ${expected(e, schema)}`);
      return make(at(), `${where} is ${shown(e.data)}: expected ${expected(e, schema)}`);
    }
  }
}

/** JSON's types as people call them. */
const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** What a value should be: by the schema's own words where it has some. */
function expected(e: ErrorObject, schema: Schema): string {
  const examples = (schema.examples ?? []).map(String);
  const like = examples.length === 0 ? "" : `, like ${examples.join(" or ")}`;
  if (e.keyword === "longest") return `at most ${e.schema}`;
  if (e.keyword === "shortest") return `at least ${e.schema}`;
  if (e.instancePath === "") return "a mapping with 'service' and 'functions'";
  if (schema.title !== undefined && (e.keyword === "pattern" || e.keyword === "type"))
    return `${schema.title}${like}`;
  if (e.keyword === "type") {
    const types = [e.params.type].flat().filter((t) => t !== "null");
    return `${list(types.map((t) => TYPES[t] ?? t))}${like}`;
  }
  if (e.keyword === "minimum") return `at least ${e.params.limit}`;
  if (e.keyword === "exclusiveMinimum") return `more than ${e.params.limit}`;
  if (e.keyword === "maximum") return `at most ${e.params.limit}`;
  if (e.keyword === "minItems" || e.keyword === "maxItems")
    return schema.title ?? `${e.params.limit} entries`;
  if (e.keyword === "minProperties") return "at least one entry";
  if (e.keyword === "minLength") return "some text";
  return `one that ${e.message ?? "fits"}${like}`;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
