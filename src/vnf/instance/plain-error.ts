// Errors that cross threads and processes, as plain data.

import { ConfigurationError, type Diagnostic } from "../../lang/diagnostics.js";
import { HandlerError } from "../../router/handler.js";
import { InstanceError } from "./instance.js";

/** An error as plain data. */
export interface PlainError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly diagnostics?: readonly Diagnostic[];
  readonly stage?: "parse" | "initialize";
}

export function plainError(e: unknown): PlainError {
  if (e instanceof ConfigurationError)
    return { name: e.name, code: e.code, message: e.message, diagnostics: e.diagnostics, stage: e.stage };
  const { name = "Error", code = "", message = String(e) } = e as Partial<PlainError>;
  return { name, code: String(code), message };
}

/** The error again, as one of those that requests and starts reject with. */
export function revivedError(e: PlainError): Error {
  if (e.name === "ConfigurationError") return new ConfigurationError(e.diagnostics ?? [], e.stage);
  if (e.name === "HandlerError") return new HandlerError(e.code, e.message);
  return new InstanceError(e.code || "FAILED", e.message);
}
