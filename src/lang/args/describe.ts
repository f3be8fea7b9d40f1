// An element's arguments in a line, for manual pages.

import type { ArgSpec, ArgSpecs } from "./spec.js";

/**
 * The synopsis as Click's manual writes it: `Strip(LENGTH)`, `Print([LABEL, MAXLENGTH], ...keywords)`.
 * Positional arguments come in order, optional ones in brackets; then what repeats, required
 * keywords with their type, and `...keywords` where others may be given.
 */
export function describeArgs(className: string, specs: ArgSpecs): string {
  const entries = Object.entries(specs);
  const parts: string[] = [];
  let optional: string[] = [];
  const closeOptional = (): void => {
    if (optional.length > 0) parts.push(`[${optional.join(", ")}]`);
    optional = [];
  };
  for (const [name, spec] of entries) {
    if (!spec.positional || spec.rest) continue;
    const text = spec.many ? `${name}, ...` : name;
    if (spec.required) {
      closeOptional();
      parts.push(text);
    } else optional.push(text);
  }
  closeOptional();
  for (const [name, spec] of entries) {
    if (spec.rest) parts.push(spec.required ? `${name}, ...` : `[${name}, ...]`);
  }
  const keywords = entries.filter(([, spec]) => !spec.positional && !spec.rest);
  for (const [name, spec] of keywords) if (spec.required) parts.push(`${name} <${spec.type}>`);
  if (keywords.some(([, spec]) => !spec.required)) parts.push("...keywords");
  return parts.length === 0 ? className : `${className}(${parts.join(", ")})`;
}

/** What an argument takes: `unsigned, 1 to 64, default 28`. */
export function describeArg(spec: ArgSpec): string {
  const parts: string[] = [spec.type === "choice" ? (spec.choices ?? []).join(" | ") : spec.type];
  if (spec.min !== undefined && spec.max !== undefined) parts.push(`${spec.min} to ${spec.max}`);
  else if (spec.min !== undefined) parts.push(`at least ${spec.min}`);
  else if (spec.max !== undefined) parts.push(`at most ${spec.max}`);
  if (spec.size !== undefined) parts.push(`${spec.size} ${spec.size === 1 ? "byte" : "bytes"}`);
  if (spec.many || spec.rest) parts.push("repeatable");
  if (spec.required) parts.push("required");
  if (spec.secret) parts.push("not shown by handlers");
  if (spec.default !== undefined) parts.push(`default ${spec.default}`);
  return parts.join(", ");
}
