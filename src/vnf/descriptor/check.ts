// Checks a descriptor against its published schema, and says what is wrong in words.

import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { Diagnostic } from "../../lang/diagnostics.js";
import { nearest } from "../../lang/nearest.js";
import type { DescriptorSource } from "./source.js";

/** The published JSON Schema of descriptors. */
export const SCHEMA = new URL("../../../../conf/services/service.schema.json", import.meta.url);

interface Schema {
  readonly title?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
}

/**
 * Makes the check of whole descriptors, or only of what is there of one (`part`: nothing is required). Compiling the
 * schema takes some milliseconds.
 */
export function schemaCheck(part = false): (source: DescriptorSource) => Diagnostic[] {
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
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
  const told = errors.filter(
    (e) =>
      e.keyword === "oneOf" ||
      (!choices.some((path) => e.instancePath.startsWith(path) && e.schemaPath.includes("/oneOf/")) &&
        e.keyword !== "propertyNames"),
  );
  const seen = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  for (const e of told) {
    const d = diagnostic(e, source);
    const text = `${d.landmark?.offset} ${d.message}`;
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
      if (e.propertyName !== undefined)
        return make(at([e.propertyName], true), `'${e.propertyName}' is not ${expected(e, schema)}`);
      return make(at(), `${where} is ${shown(e.data)}: expected ${expected(e, schema)}`);
    }
  }
}

/** What a value should be: by the schema's own words where it has some. */
function expected(e: ErrorObject, schema: Schema): string {
  const examples = (schema.examples ?? []).map(String);
  const like = examples.length === 0 ? "" : `, like ${examples.join(" or ")}`;
  if (schema.title !== undefined && (e.keyword === "pattern" || e.keyword === "type"))
    return `${schema.title}${like}`;
  if (e.keyword === "type")
    return `${[e.params.type]
      .flat()
      .filter((t) => t !== "null")
      .join(" or ")}${like}`;
  if (e.keyword === "minimum") return `at least ${e.params.limit}`;
  if (e.keyword === "exclusiveMinimum") return `more than ${e.params.limit}`;
  if (e.keyword === "maximum") return `at most ${e.params.limit}`;
  if (e.keyword === "minProperties") return "at least one entry";
  if (e.keyword === "minLength") return "some text";
  return `one that ${e.message ?? "fits"}${like}`;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
