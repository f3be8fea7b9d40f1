// Tables of pairs in a file beside the descriptor: a line for each end that sends, a column for each that receives.

import { readFileSync, statSync } from "node:fs";
import type { Diagnostic, Landmark } from "../../lang/diagnostics.js";
import { nearest } from "../../lang/nearest.js";

/** Bytes of the largest table read. */
const LARGEST = 4 * 2 ** 20;
/** Diagnostics told at most of one table. */
const MOST = 50;

export interface Cell {
  readonly from: string;
  readonly to: string;
  readonly value: number;
}

export interface TableReader {
  /** The ends of the link by each name that may be written. */
  readonly ends: ReadonlyMap<string, readonly string[]>;
  /** The value of a cell's text; a sentence of what was expected where it is none. */
  value(text: string): number | string;
}

export interface Table {
  readonly cells: readonly Cell[];
  readonly problems: readonly Diagnostic[];
}

/** Why `path` is no file that a table can be read from; null when it is. */
export function unreadable(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile()) return `there is no file ${path}`;
  return found.size > LARGEST ? `${path} has more than 4 MiB` : null;
}

/**
 * Reads the table in `file` (comma-separated; also with semicolons or tabs): the first line names the ends that receive,
 * the first cell of each other line the one that sends. Empty cells and `-` say nothing; lines that begin with `#` are
 * comments.
 */
export function readTable(file: string, reader: TableReader): Table {
  return new TableParser(readFileSync(file, "utf8"), file, reader).parse();
}

interface Written {
  readonly text: string;
  readonly place: Landmark;
}

class TableParser {
  readonly #cells: Cell[] = [];
  readonly #problems: Diagnostic[] = [];
  readonly #text: string;
  readonly #file: string;
  readonly #reader: TableReader;
  #separator = ",";

  constructor(text: string, file: string, reader: TableReader) {
    this.#text = text;
    this.#file = file;
    this.#reader = reader;
  }

  parse(): Table {
    let columns: readonly (string | null)[] | null = null;
    const rows = new Map<string, number>();
    for (const [number, offset, line] of this.#lines()) {
      if (this.#problems.length >= MOST) break;
      if (columns === null) {
        this.#separator = [",", ";", "\t"].find((c) => line.includes(c)) ?? ",";
        const seen = new Map<string, number>();
        columns = this.#split(line, number, offset)
          .slice(1)
          .map((cell) => this.#end(cell, seen));
        continue;
      }
      const [first, ...cells] = this.#split(line, number, offset);
      const from = this.#end(first, rows);
      if (cells.length !== columns.length)
        this.#problem(
          first.place,
          `'${first.text}' has ${cells.length} cells: expected one for each of the ${columns.length} columns`,
        );
      else for (const [i, cell] of cells.entries()) this.#cell(from, columns[i], cell);
    }
    if (columns === null || (rows.size === 0 && this.#problems.length === 0))
      this.#problem(
        this.#place(1, 1, 0, 1),
        "it is empty: expected a line of names, and a line for each end that sends",
      );
    return { cells: this.#cells, problems: this.#problems.slice(0, MOST) };
  }

  /** Those that say something: number, offset, text. */
  *#lines(): Generator<readonly [number, number, string]> {
    let offset = this.#text.startsWith("\uFEFF") ? 1 : 0;
    for (const [i, raw] of this.#text.slice(offset).split("\n").entries()) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line.trim() !== "" && !line.trimStart().startsWith("#")) yield [i + 1, offset, line];
      offset += raw.length + 1;
    }
  }

  #split(line: string, number: number, offset: number): Written[] {
    let at = 0;
    return line.split(this.#separator).map((raw) => {
      const start = at + raw.length - raw.trimStart().length;
      at += raw.length + 1;
      const trimmed = raw.trim();
      const text = /^".*"$/.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
      return { text, place: this.#place(number, start + 1, offset + start, Math.max(1, trimmed.length)) };
    });
  }

  #place(line: number, column: number, offset: number, length: number): Landmark {
    return { file: this.#file, line, column, offset, length };
  }

  #problem(landmark: Landmark, message: string, hint?: string): void {
    this.#problems.push({
      severity: "error",
      code: "table",
      landmark,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** The end that a cell names; null where that is none. `seen`: the lines or columns of those named before. */
  #end({ text, place }: Written, seen: Map<string, number>): string | null {
    const end = oneEnd(text, this.#reader.ends);
    if ("problem" in end) {
      this.#problem(place, end.problem, end.hint);
      return null;
    }
    if (seen.has(end.name)) this.#problem(place, `'${text}' stands here twice`);
    seen.set(end.name, place.line);
    return end.name;
  }

  #cell(from: string | null, to: string | null, { text, place }: Written): void {
    if (text === "" || text === "-" || from === null || to === null) return;
    const value = this.#reader.value(text);
    if (typeof value === "string") this.#problem(place, `'${text}': expected ${value}`);
    else if (from !== to) this.#cells.push({ from, to, value });
    else if (value !== 0)
      this.#problem(place, `'${text}' is from an end to itself`, "leave it empty, or write 0");
  }
}

/** The end that `name` means; or what is wrong with it. */
export function oneEnd(
  name: string,
  ends: ReadonlyMap<string, readonly string[]>,
): { readonly name: string } | { readonly problem: string; readonly hint?: string } {
  const meant = ends.get(name);
  if (meant?.length === 1) return { name: meant[0] };
  if (meant !== undefined)
    return { problem: `'${name}' has several ends on the link`, hint: `write ${meant.join(" or ")}` };
  const known = [...ends.keys()];
  const near = nearest(name, known);
  const shown = known.filter((n) => !n.includes(":"));
  const all = `known are ${shown.slice(0, 20).join(", ") || "none"}${shown.length > 20 ? ", ..." : ""}`;
  return { problem: `the link has no end '${name}'`, hint: near === null ? all : `is it '${near}'?` };
}
