// What is wrong with how a router is used, as opposed to what it is made of.

/** A call that the router cannot answer in the state that it is in. */
export class RouterError extends Error {
  /**
   * Stable: `CLOSED` (after `close`), `NOT_STARTED` (it has no graph yet), `STARTED` (it has one already), `RUNNING`
   * (it runs already), `NO_PORT` (the element has no such port), `NO_CLOCK` (its clock is not simulated).
   */
  readonly code: "CLOSED" | "NOT_STARTED" | "STARTED" | "RUNNING" | "NO_PORT" | "NO_CLOCK";

  constructor(code: RouterError["code"], message: string) {
    super(message);
    this.name = "RouterError";
    this.code = code;
  }

  /** `what` is the call that came too late. */
  static closed(what: string): RouterError {
    return new RouterError("CLOSED", `${what}: the router is closed; make another one`);
  }
}
