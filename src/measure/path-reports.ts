// What elements that measure paths have in common: how long they look back, and their handlers and file.

import type { ArgValues } from "../lang/args/spec.js";
import type { Element, ErrorSink } from "../router/element.js";
import type { HandlerCode } from "../router/handler.js";
import { listenersOf } from "../router/listeners.js";
import { PathFile } from "./path-file.js";
import { PathTable } from "./path-table.js";
import { PATH_COLUMNS, pathLine, pathLines } from "./path-text.js";

export const PATH_ARGS = {
  WINDOW: {
    type: "seconds",
    default: "300",
    doc: "time that the figures of a path look back, as far as SAMPLES reach",
  },
  SAMPLES: {
    type: "unsigned",
    default: "64",
    min: 2,
    max: 65536,
    doc: "probes that are kept of a path; each takes 17 bytes",
  },
  FILE: {
    type: "string",
    doc: "JSON file to which what is known of all paths is written (docs/paths.md); empty: none",
  },
  FILE_INTERVAL: { type: "seconds", default: "10", doc: "time between two writings of FILE" },
} as const;

export const PATH_HANDLERS = {
  paths: {
    read: true,
    params: true,
    expensive: true,
    doc: `every path: ${PATH_COLUMNS}. Some at a time: after a last line 'more: PATH' it is to be read with PATH for the rest`,
  },
  paths_json: {
    read: true,
    params: true,
    expensive: true,
    doc: "the same as a JSON object a line, as in FILE",
  },
  problem: { read: true, doc: "what is wrong with FILE; empty: nothing" },
} as const;

export class PathReports {
  readonly table: PathTable;
  readonly #element: Element;
  readonly #values: ArgValues<typeof PATH_ARGS>;
  #file: PathFile | null = null;

  constructor(element: Element, values: ArgValues<typeof PATH_ARGS>, errors: ErrorSink) {
    for (const name of ["WINDOW", "FILE_INTERVAL"] as const)
      if (values[name] <= 0) errors.error(`${name} is 0: a time is expected`);
    this.#element = element;
    this.#values = values;
    this.table = new PathTable({
      clock: element.router.clock,
      samples: values.SAMPLES,
      window: Math.round(values.WINDOW * 1e9),
      listeners: listenersOf(element, "its measurements"),
    });
  }

  /** Begins to write the file, if there is to be one. `timeout`: seconds after which a probe is lost. */
  start(timeout: number): void {
    const { FILE = "", FILE_INTERVAL, WINDOW } = this.#values;
    if (FILE === "") return;
    const { router, name, declaration } = this.#element;
    this.#file = new PathFile({
      file: FILE,
      table: this.table,
      clock: router.clock,
      header: { element: name, interval: FILE_INTERVAL, window: WINDOW, timeout },
      timer: (fire) => this.#element.newTimer(fire),
      log: (line) => router.log(`${declaration}: ${line}`),
    });
    this.#file.start();
  }

  close(): void {
    this.#file?.close();
    this.table.close();
  }

  handlers(): Record<keyof typeof PATH_HANDLERS, HandlerCode> {
    return {
      paths: { read: (from) => pathLines(this.table, from, pathLine) },
      paths_json: { read: (from) => pathLines(this.table, from, JSON.stringify) },
      problem: { read: () => this.#file?.problem ?? "" },
    };
  }
}
