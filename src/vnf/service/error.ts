// What a service answers to a request that it cannot do.

/** A request about something that the service does not have, or cannot do. */
export class ServiceError extends Error {
  /** `NO_FUNCTION`, `NO_LINK`, `NO_FILE`, `OUTSIDE`, `RUNS`, `LEFT`, `FOLDER`, `PORT`, `REFUSED`, `UNSUPPORTED`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
  }
}
