// What is wrong with how a router is used, as opposed to what it is made of.

import { CodedError } from "../sluice-error.js";

export type RouterErrorCode =
  /** After `close`. */
  | "CLOSED"
  /** It has no graph yet. */
  | "NOT_STARTED"
  /** It has a graph already. */
  | "STARTED"
  /** It runs already. */
  | "RUNNING"
  /** The element has no such port. */
  | "NO_PORT"
  /** Its clock is not simulated. */
  | "NO_CLOCK";

/** A call that the router cannot answer in the state that it is in. */
export class RouterError extends CodedError<RouterErrorCode> {
  /** `what` is the call that came too late. */
  static closed(what: string): RouterError {
    return new RouterError("CLOSED", `${what}: the router is closed; make another one`);
  }
}
