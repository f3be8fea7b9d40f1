// The one parser of command lines: short options in clusters, long ones by unique prefix, words in order.

import { UsageError } from "./command.js";

export interface OptionSpec {
  /** Long name, without dashes. */
  readonly long: string;
  readonly short?: string;
  /** Takes a value: `yes`, `no` (default), or `maybe` (only as `--long=value`). */
  readonly value?: "yes" | "no" | "maybe";
  /** For `--help`: the value's name, and what the option does. */
  readonly valueName?: string;
  readonly doc: string;
}

export interface Option {
  /** Long name of the option; null for a word that is none. */
  readonly name: string | null;
  readonly value: string;
}

/** Splits `words` into options and other words, in order. Throws UsageError in Click's words. */
export function parseOptions(words: readonly string[], specs: readonly OptionSpec[]): Option[] {
  const found: Option[] = [];
  let i = 0;
  const take = (shown: string): string => {
    if (i >= words.length) throw new UsageError(`option ‘${shown}’ requires an argument`);
    return words[i++];
  };
  while (i < words.length) {
    const word = words[i++];
    if (word === "--") {
      for (; i < words.length; i++) found.push({ name: null, value: words[i] });
    } else if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const spec = longOption(name, specs);
      if (spec.value !== "yes" && spec.value !== "maybe" && equals >= 0)
        throw new UsageError(`‘--${spec.long}’ can’t take an argument`);
      const value = equals >= 0 ? word.slice(equals + 1) : spec.value === "yes" ? take(`--${spec.long}`) : "";
      found.push({ name: spec.long, value });
    } else if (word.startsWith("-") && word !== "-") {
      for (let c = 1; c < word.length; c++) {
        const spec = specs.find((s) => s.short === word[c]);
        if (spec === undefined) throw new UsageError(`unrecognized option ‘-${word[c]}’`);
        if (spec.value !== "yes") {
          found.push({ name: spec.long, value: "" });
          continue;
        }
        const rest = word.slice(c + 1);
        found.push({ name: spec.long, value: rest !== "" ? rest : take(`-${word[c]}`) });
        break;
      }
    } else {
      found.push({ name: null, value: word });
    }
  }
  return found;
}

function longOption(name: string, specs: readonly OptionSpec[]): OptionSpec {
  const exact = specs.find((s) => s.long === name);
  if (exact !== undefined) return exact;
  const candidates = specs.filter((s) => s.long.startsWith(name));
  if (candidates.length === 1) return candidates[0];
  if (candidates.length === 0) {
    const hint = name === "format" && specs.some((s) => s.long === "json") ? " (is it ‘--json’?)" : "";
    throw new UsageError(`unrecognized option ‘--${name}’${hint}`);
  }
  const list = candidates.map((s) => `‘--${s.long}’`).join(", ");
  throw new UsageError(`option ‘--${name}’ is ambiguous (could be ${list})`);
}

/** The number that an option's value is. Throws UsageError. */
export function numberOption(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most)
    throw new UsageError(`--${option} ‘${text}’ is not a number from ${least} to ${most}`);
  return value;
}

/** The same for a whole number. */
export function wholeOption(option: string, text: string, least: number, most: number): number {
  const value = numberOption(option, text, least, most);
  if (!Number.isInteger(value)) throw new UsageError(`--${option} ‘${text}’ is not a whole number`);
  return value;
}

/** The option lines of a `--help` text. */
export function optionHelp(specs: readonly OptionSpec[]): string {
  return specs
    .map((s) => {
      const value =
        s.valueName === undefined ? "" : s.value === "maybe" ? `[=${s.valueName}]` : ` ${s.valueName}`;
      const names = `  ${s.short === undefined ? "    " : `-${s.short}, `}--${s.long}${value}`;
      return names.length < 30 ? `${names.padEnd(32)}${s.doc}` : `${names}\n${" ".repeat(32)}${s.doc}`;
    })
    .join("\n");
}
