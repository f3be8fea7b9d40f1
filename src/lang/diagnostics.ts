// Places in configuration text, and what is wrong there.

import { SluiceError } from "../sluice-error.js";

/** A place in a configuration: what Click calls a landmark. */
export interface Landmark {
  /** File name as Click prints it: a path, `config` for text given with -e, `<stdin>`. */
  readonly file: string;
  /** Line, from 1, after `#line` directives; 0 for what no line of a file says. */
  readonly line: number;
  /** Column in characters, from 1. */
  readonly column?: number;
  /** Offset in the source text, and the length of the piece meant, in UTF-16 units. */
  readonly offset?: number;
  readonly length?: number;
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** A stable code, lower-kebab (`undeclared-element`): for tools and tests. */
  readonly code: string;
  /** Null where the message belongs to the whole configuration. */
  readonly landmark: Landmark | null;
  /** Click's text, without the landmark. Further lines are indented by the sender. */
  readonly message: string;
  /** What to do about it, for people. */
  readonly hint?: string;
}

/** `file:line`, or only the file for line 0, as Click prints it. */
export function landmarkText(landmark: Landmark): string {
  return landmark.line === 0 ? landmark.file : `${landmark.file}:${landmark.line}`;
}

/** Click's form of a diagnostic: `file:line: message`, warnings marked; further lines stand as they are. */
export function diagnosticText(d: Diagnostic): string {
  // What is said of an element ("While configuring ...") marks its warnings line by line.
  const marked = d.severity === "warning" && !d.message.startsWith("While ");
  const text = marked ? `warning: ${d.message}` : d.message;
  return d.landmark === null ? text : `${landmarkText(d.landmark)}: ${text}`;
}

/** A configuration that cannot run; carries every diagnostic, not only the first. */
export class ConfigurationError extends SluiceError {
  readonly code = "CONFIGURATION";
  readonly diagnostics: readonly Diagnostic[];
  /** `parse`: the text is wrong; `initialize`: it reads well, but the router it describes cannot start. */
  readonly stage: "parse" | "initialize";

  constructor(diagnostics: readonly Diagnostic[], stage: "parse" | "initialize" = "parse") {
    super(diagnostics.map(diagnosticText).join("\n"));
    this.stage = stage;
    this.diagnostics = diagnostics;
  }
}
