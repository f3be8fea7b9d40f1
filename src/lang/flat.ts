// What remains of a configuration when every compound, group, variable and
// anonymous name is resolved: elements and connections.

import type { Landmark } from "./diagnostics.js";

export interface FlatElement {
  /** Full name, with its compounds: `outer/inner`. */
  readonly name: string;
  readonly className: string;
  /** The configuration string after variable expansion, still quoted; empty when none was given. */
  readonly config: string;
  readonly landmark: Landmark;
}

export interface FlatConnection {
  /** Index of the element the packets come from, and its output port. */
  readonly from: number;
  readonly fromPort: number;
  /** Index of the element they go to, and its input port. */
  readonly to: number;
  readonly toPort: number;
  readonly landmark: Landmark;
}

export interface FlatRequirement {
  readonly kind: "package" | "library" | "compact_config";
  /** Package name or library file; empty for compact_config. */
  readonly value: string;
  readonly landmark: Landmark;
}

export interface FlatGraph {
  readonly elements: readonly FlatElement[];
  readonly connections: readonly FlatConnection[];
  readonly requirements: readonly FlatRequirement[];
}
