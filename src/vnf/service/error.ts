// What a service answers to a request that it cannot do.

import { CodedError } from "../../sluice-error.js";

/** A request about something that the service does not have, or cannot do. */
export class ServiceError extends CodedError {
  /** `NO_FUNCTION`, `NO_LINK`, `NO_FILE`, `OUTSIDE`, `RUNS`, `LEFT`, `FOLDER`, `PORT`, `REFUSED`, `UNSUPPORTED`. */
  declare readonly code: string;
}
