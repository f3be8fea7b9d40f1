// What a router is made with.

import type { FlatElement } from "../lang/flat.js";
import { ARRAY, FLAG, FUNCTION, having, type Kind, OPTIONS, real, TEXT, TEXTS } from "../options.js";
import type { MemoryOptions } from "../packet/memory.js";
import type { Blueprints } from "./blueprints.js";
import type { Clock } from "./clock.js";
import type { DeviceProvider } from "./device.js";
import type { ElementClass } from "./element.js";
import type { FacilityProvider } from "./facility.js";
import type { Signals } from "./signals.js";
import type { StoreProvider } from "./store.js";

/** Finds element classes by name, and packages of them. */
export interface ElementLoader {
  /** Whether `className` can be loaded now. */
  has(className: string): boolean;
  /** The class; a promise of it where something has to be read first. */
  load(className: string): ElementClass | Promise<ElementClass>;
  /** Makes the elements of package `name` known; `from` is the configuration file that asks. Throws with Click's text. */
  require(name: string, from: string): Promise<void>;
  /** Every class name known, and every package required so far. */
  classes(): readonly string[];
  packages(): readonly string[];
  /**
   * What the packages required so far bring beside elements, by kind: what the file of one exports under its name, null
   * where there is none, and all names. A loader without these has no such parts.
   */
  part?(kind: string, name: string): Promise<unknown> | null;
  parts?(kind: string): readonly string[];
}

/** An element that the program adds; in a hot swap `whenSwapped` is added to its configuration. */
export interface ExtraElement extends FlatElement {
  readonly whenSwapped?: string;
}

export interface RouterOptions {
  readonly loader: ElementLoader;
  readonly memory?: MemoryOptions;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Seed of the random numbers under a simulated clock (default 0); real time draws from the system. */
  readonly seed?: number;
  readonly devices?: DeviceProvider;
  /** Where elements keep what outlives the router. Default: they open what is real by themselves. */
  readonly stores?: StoreProvider;
  /** What else its world has by name: orchestrators. Default: nothing. */
  readonly facilities?: FacilityProvider;
  /** `VAR=VALUE` overrides of the configuration's global `define`s. */
  readonly variables?: Readonly<Record<string, string>>;
  /** File name for landmarks. Default `config`. */
  readonly file?: string;
  /** Reads a file for `require(library FILE)`. */
  readonly readLibrary?: (file: string, from: string) => { file: string; text: string } | null;
  /** Where elements' messages go, a line at a time without the newline. Default: standard error. */
  readonly log?: (line: string) => void;
  /** Where elements' output goes, as it is. Default: standard output. */
  readonly print?: (text: string) => void;
  /** Told when output of an element (a file, a capture) could not be written, beside the line on the log. */
  readonly unwritten?: (error: unknown) => void;
  /** Count and time what passes each port. */
  readonly metered?: boolean;
  /** Print warnings. Default true. */
  readonly warnings?: boolean;
  /** Elements without connections that the program adds to every configuration (control sockets). */
  readonly extra?: readonly ExtraElement[];
  /** Signals of the operating system, for elements that wait for them. Default: the process's. */
  readonly signals?: Signals;
  /** What is shared with other routers of the same loader, which therefore start faster. */
  readonly blueprints?: Blueprints;
  /** Allow the `hotconfig` handler. */
  readonly hotSwap?: boolean;
}

/** What each of them may be. */
export const OPTION_KINDS: Readonly<Record<keyof RouterOptions, Kind>> = {
  loader: having("an element loader", "has", "load", "require", "classes", "packages"),
  memory: OPTIONS,
  clock: having("a clock", "now", "delay"),
  seed: real(-Number.MAX_VALUE),
  devices: having("a provider of devices", "open", "close"),
  stores: OPTIONS,
  facilities: having("a provider of facilities", "open"),
  variables: TEXTS,
  file: TEXT,
  readLibrary: FUNCTION,
  log: FUNCTION,
  print: FUNCTION,
  unwritten: FUNCTION,
  metered: FLAG,
  warnings: FLAG,
  extra: ARRAY,
  signals: having("signals", "send", "number", "catch"),
  blueprints: OPTIONS,
  hotSwap: FLAG,
};
