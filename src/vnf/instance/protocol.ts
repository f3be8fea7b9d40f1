// What a running instance can be asked. Requests and replies are plain data: they cross threads and processes.

import type { PathReport } from "../../measure/path-table.js";
import type { TraceReply, TraceRequest } from "../../trace/traced.js";
import type { Impairments } from "../descriptor/model.js";
import type { PagesReply, PagesRequest } from "./pages.js";

export interface Protocol {
  /** Reads handler `path` (`element.handler`), as a control socket does. */
  read(request: { readonly path: string; readonly parameters?: string }): string;
  write(request: { readonly path: string; readonly value: string }): void;
  /** The handlers of an element, or the global ones. */
  handlers(request: { readonly element: string | null }): readonly HandlerInfo[];
  /** Hot swap to the graph in `text`. Gives the number of packets lost with queues that are no longer there. */
  swap(request: {
    readonly text: string;
    readonly file: string;
    readonly parameters: Readonly<Record<string, string>>;
  }): number;
  /** With `meter`: what passes the elements is counted and timed, from the first such request until some seconds after the last. */
  stats(request: { readonly meter?: boolean }): InstanceStats;
  /** What its elements have measured of paths, some at a time: those after `after`, what the reply before said; null: the first. */
  paths(request: { readonly after: string | null }): PathsReply;
  /** Changes what the sending side of a device does to packets; `cut` true: it carries nothing. */
  impair(request: {
    readonly device: string;
    readonly impairments: Impairments;
    readonly cut: boolean;
  }): void;
  /** Moves the wall clock by so many seconds. */
  jump(request: { readonly seconds: number }): void;
  /**
   * The router stands still from now on, as a virtual machine that is paused: no packet leaves it. Gives how many that
   * left it before wait for their time and are not on a link yet; may be asked again.
   */
  pause(request: Record<never, never>): number;
  resume(request: Record<never, never>): void;
  /** Pages of its memory, for a migration. */
  pages(request: PagesRequest): PagesReply;
  /** Begins to follow packets on their way through the elements; one trace at a time. Gives its number. */
  trace(request: TraceRequest): number;
  /** What is through since the last time; a trace that nobody asks for ends, and so does one with `stop`. */
  traced(request: { readonly id: number; readonly stop?: boolean }): TraceReply;
}

export type RequestKind = keyof Protocol;
export type Request<K extends RequestKind> = Parameters<Protocol[K]>[0];
export type Reply<K extends RequestKind> = ReturnType<Protocol[K]>;

export interface HandlerInfo {
  readonly name: string;
  readonly read: boolean;
  readonly write: boolean;
  readonly doc: string;
}

export interface InstanceStats {
  /** Steady nanoseconds of the function's clock: rates are differences of counters over differences of this. */
  readonly at: number;
  /** Packets in use, and all. */
  readonly slotsUsed: number;
  readonly slots: number;
  /** Bytes of tables and queues in the function's memory. */
  readonly heapUsed: number;
  readonly elements: readonly ElementStats[];
  /** Counters of its devices, by the graph's names. */
  readonly devices: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface PathsReply {
  readonly paths: readonly (PathReport & { readonly element: string })[];
  /** Null: these were the last. */
  readonly next: string | null;
}

export interface ElementStats {
  readonly name: string;
  readonly className: string;
  readonly counters: Readonly<Record<string, number>>;
  /** Packets dropped, by reason; reasons that never occurred are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** What its `problem` handler says is wrong now, a line each; empty for nothing, and where it has none. */
  readonly problem: string;
  /** Since metering began; null without. */
  readonly load: LoadStats | null;
}

export interface LoadStats {
  /** Batches that it was given or has pulled, and runs of its own tasks and timers. */
  readonly calls: number;
  /** Batches with packets: given or pulled; for a source, those it gave. */
  readonly batches: number;
  readonly packets: number;
  /** Of its own: without what it called. */
  readonly nanoseconds: number;
}
