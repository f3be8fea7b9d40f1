// The JSON file of measured paths: its schema, and a reader that refuses what is not of it. docs/paths.md describes it
// for programs of others.

import { findAddress } from "../net/address.js";
import type { PathReport, PathState } from "./path-table.js";

export const PATH_FORMAT = "sluice-paths";
/** Raised when something changes that readers must know of; members that are added do not count. */
export const PATH_VERSION = 1;

/** What stands in the file before its paths. */
export interface PathHeader {
  readonly format: typeof PATH_FORMAT;
  readonly version: typeof PATH_VERSION;
  /** ISO 8601, UTC: when the file was begun. */
  readonly written: string;
  /** The element that measures. */
  readonly element: string;
  /** Seconds between two files. */
  readonly interval: number;
  /** Seconds that the figures of a path look back. */
  readonly window: number;
  /** Seconds after which a probe without an answer is lost. */
  readonly timeout: number;
}

export interface PathDocument extends PathHeader {
  readonly paths: readonly PathReport[];
}

/** A text that is no file of measured paths. The message has the place, and what was expected there. */
export class PathDocumentError extends Error {
  readonly code = "PATH_DOCUMENT";
}

/** The document of a file's text, its members checked; what else is in it is passed over. Throws PathDocumentError. */
export function parsePathDocument(text: string): PathDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    throw new PathDocumentError(`no JSON: ${(e as Error).message}`);
  }
  const top = new Place("the file", json).record();
  const format = top.at("format");
  if (format.value !== PATH_FORMAT) format.fail(`"${PATH_FORMAT}"`);
  const version = top.at("version");
  if (version.value !== PATH_VERSION) version.fail(`${PATH_VERSION}, the version that this program knows`);
  const written = top.at("written");
  if (Number.isNaN(Date.parse(written.text()))) written.fail("a time as ISO 8601 has it");
  return {
    format: PATH_FORMAT,
    version: PATH_VERSION,
    written: written.text(),
    element: top.at("element").text(),
    interval: top.at("interval").number(),
    window: top.at("window").number(),
    timeout: top.at("timeout").number(),
    paths: top.at("paths").list().map(pathOf),
  };
}

function pathOf(place: Place): PathReport {
  place.record();
  const sent = place.at("sent").count();
  const answered = place.at("answered").count();
  if (answered > sent) place.at("answered").fail("no more than were sent");
  const availability = place.at("availability").orNull((p) => p.number(1));
  const state = place.at("state");
  if (!STATES.includes(state.value as PathState)) state.fail(`one of ${STATES.join(", ")}`);
  return {
    source: place.at("source").address(),
    destination: place.at("destination").address(),
    state: state.value as PathState,
    sent,
    answered,
    availability,
    rtt: place
      .at("rtt")
      .orNull((p) => p.numbers(["last", "mean", "min", "p50", "p95", "p99", "max", "ewma"])),
    jitter: place.at("jitter").orNull((p) => p.numbers(["mean", "smoothed"])),
    age: place.at("age").orNull((p) => p.number()),
  };
}

const STATES: readonly PathState[] = ["up", "down", "unknown"];

/** A value in the document, and where it stands. */
class Place {
  readonly name: string;
  readonly value: unknown;

  constructor(name: string, value: unknown) {
    this.name = name;
    this.value = value;
  }

  fail(expected: string): never {
    const found = this.value === undefined ? "nothing" : JSON.stringify(this.value).slice(0, 40);
    throw new PathDocumentError(`${this.name} is ${found}, not ${expected}`);
  }

  record(): this {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value))
      this.fail("an object");
    return this;
  }

  /** A member of an object. */
  at(member: string): Place {
    const { value } = this.record();
    const found = Object.hasOwn(value as object, member)
      ? (value as Record<string, unknown>)[member]
      : undefined;
    return new Place(this.name === "the file" ? member : `${this.name}.${member}`, found);
  }

  list(): Place[] {
    if (!Array.isArray(this.value)) this.fail("a list");
    return (this.value as unknown[]).map((item, i) => new Place(`${this.name}[${i}]`, item));
  }

  text(): string {
    return typeof this.value === "string" ? this.value : this.fail("a string");
  }

  address(): string {
    return findAddress(this.text()) === null ? this.fail("an IP address") : this.text();
  }

  /** Not negative. */
  number(most = Number.MAX_VALUE): number {
    const { value } = this;
    if (typeof value === "number" && value >= 0 && value <= most) return value;
    return this.fail(most === Number.MAX_VALUE ? "a number from 0 on" : `a number from 0 to ${most}`);
  }

  count(): number {
    return Number.isSafeInteger(this.value) && (this.value as number) >= 0
      ? (this.value as number)
      : this.fail("a whole number from 0 on");
  }

  orNull<T>(read: (place: Place) => T): T | null {
    return this.value === null ? null : read(this);
  }

  numbers<N extends string>(names: readonly N[]): Record<N, number> {
    return Object.fromEntries(names.map((name) => [name, this.at(name).number()])) as Record<N, number>;
  }
}
