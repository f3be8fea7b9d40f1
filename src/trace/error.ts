import { CodedError } from "../sluice-error.js";

/** A trace that cannot begin, or is over. */
export class TraceError extends CodedError {
  /** `BAD_FILTER`, `BAD_REQUEST`, `BUSY`, `ENDED`. */
  declare readonly code: string;
}
