// What is wrong with a descriptor, a graph, or what the system has against a service, as people are told.

import { readFileSync } from "node:fs";
import { ConfigurationError, type Diagnostic } from "../lang/diagnostics.js";
import { DeviceError } from "../router/device.js";
import { systemError } from "../router/system-error.js";
import { InstanceError } from "../vnf/instance/instance.js";
import { ServiceError } from "../vnf/service/error.js";
import { StateError } from "../vnf/state/folder.js";
import { CommandError } from "./command.js";
import type { Input } from "./input.js";
import { shownWord } from "./own-words.js";
import { report, verdict } from "./report.js";

/** Prints what is wrong, where, and what to do; returns the exit status. Throws CommandError, and what is no fault of the user's. */
export function complain(e: unknown, input: Input): number {
  // What a graph or the system has against it is told in a sentence; all else is our fault.
  if ([ServiceError, StateError, DeviceError, InstanceError].some((kind) => e instanceof kind))
    throw new CommandError((e as Error).message);
  if (!(e instanceof ConfigurationError)) throw e;
  const text = process.stderr.isTTY
    ? report(e.diagnostics, "text", { ...input, kind: "descriptor" })
    : placed(e.diagnostics);
  process.stderr.write(text + verdict(e));
  return 1;
}

/** Diagnostics with file, line and column, and their hints. */
export function placed(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map((d) => {
      const { landmark, hint } = d;
      const at =
        landmark?.column === undefined ? null : `${landmark.file}:${landmark.line}:${landmark.column}`;
      const moved = at === null ? d : { ...d, landmark: { ...landmark!, file: at, line: 0 } };
      return report([moved], "text") + (hint === undefined ? "" : `    hint: ${hint}\n`);
    })
    .join("");
}

/** The text of a descriptor. Throws CommandError. */
export function readDescriptorText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (e) {
    throw new CommandError(`${shownWord(file)}: ${systemError(e)}`);
  }
}
