// An element's contract, as data: what a tool can know without running it.

import type { ArgSpecs } from "../lang/args/spec.js";

export interface HandlerSpec {
  /** What reading gives or writing does, with units. */
  readonly doc: string;
  readonly read?: boolean;
  readonly write?: boolean;
  /** Reading takes parameters. */
  readonly params?: boolean;
  /** The value is printed as it is, without a newline added. */
  readonly raw?: boolean;
  /** Reading is expensive: dashboards should not poll it. */
  readonly expensive?: boolean;
  /** Writing is a button (no value) or a check box. */
  readonly button?: boolean;
  readonly checkbox?: boolean;
  /** Reading does not change between writes. */
  readonly calm?: boolean;
  /** For the configuration alone: no socket, API or command serves or lists it. */
  readonly private?: boolean;
}

export interface ElementSpec {
  /** Click's port count: inputs/outputs, e.g. `1/1`, `1/1-2`, `-/-`, `1-/=`. */
  readonly ports: string;
  /** Click's processing code: `h` push, `l` pull, `a` agnostic a port; last letter repeats. Default `a/a`. */
  readonly processing?: string;
  /** Click's flow code: which inputs' packets may leave on which outputs. Default `x/x`. */
  readonly flow?: string;
  /** Click's flags; `S0`: generates no packets of its own and takes none. */
  readonly flags?: string;
  /** Configuration arguments, in positional order. */
  readonly args?: ArgSpecs;
  /** 64-bit counters at the start of the element's state, in this order. Each is a read handler. */
  readonly counters?: Readonly<Record<string, string>>;
  /** Reasons for which it drops or rejects packets (symbol: sentence): counters after `counters`, in this order. */
  readonly drops?: Readonly<Record<string, string>>;
  /** Bytes of further state in the router's memory, zeroed, after the counters. */
  readonly state?: number;
  readonly handlers?: Readonly<Record<string, HandlerSpec>>;
  /** When it is configured among the others. Default CONFIGURE_DEFAULT. */
  readonly configurePhase?: number;
  /** Its `config` handler may be written while it runs. */
  readonly live?: boolean;
}

export const CONFIGURE_FIRST = 0;
export const CONFIGURE_INFO = 20;
export const CONFIGURE_DEFAULT = 100;
