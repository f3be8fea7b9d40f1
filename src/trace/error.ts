/** A trace that cannot begin, or is over. */
export class TraceError extends Error {
  /** `BAD_FILTER`, `BAD_REQUEST`, `BUSY`, `ENDED`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "TraceError";
    this.code = code;
  }
}
