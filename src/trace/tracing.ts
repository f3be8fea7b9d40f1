// The traces of one function, one after the other.

import type { Router } from "../router/router.js";
import { TraceError } from "./error.js";
import { TRACE_PACKETS, TRACE_SECONDS, type TraceReply, type TraceRequest } from "./traced.js";
import { Tracer } from "./tracer.js";

/** Milliseconds without a question after which a trace ends. */
const FORGOTTEN_MS = 5000;

export class Tracing {
  readonly #router: Router;
  #tracer: Tracer | null = null;
  #id = 0;
  #mark = 0;
  #forgotten: NodeJS.Timeout | undefined;

  constructor(router: Router) {
    this.#router = router;
  }

  /** Begins a trace and returns its number. Throws TraceError `BAD_FILTER`, `BAD_REQUEST`, `BUSY`. */
  begin(request: TraceRequest): number {
    const { count, seconds } = request;
    if (!Number.isInteger(count) || count < 1 || count > TRACE_PACKETS)
      throw new TraceError("BAD_REQUEST", `a trace is of 1 to ${TRACE_PACKETS} packets, not ${count}`);
    if (!(seconds > 0 && seconds <= TRACE_SECONDS))
      throw new TraceError("BAD_REQUEST", `a trace takes at most ${TRACE_SECONDS} seconds`);
    if (this.#tracer !== null)
      throw new TraceError("BUSY", "the function is being traced already: one trace at a time");
    this.#tracer = new Tracer(this.#router, request, this.#mark);
    this.#listen();
    return ++this.#id;
  }

  /** What is through of trace `id` since the last time; `stop`: it is to end. Throws TraceError `ENDED`. */
  take(id: number, stop: boolean): TraceReply {
    const tracer = this.#tracer;
    if (tracer === null || id !== this.#id) throw new TraceError("ENDED", "that trace is over");
    if (stop) tracer.stop();
    this.#listen();
    const reply = tracer.take();
    if (reply.end !== null) this.end();
    return reply;
  }

  /** Ends what there is. */
  end(): void {
    clearTimeout(this.#forgotten);
    if (this.#tracer === null) return;
    this.#tracer.stop();
    this.#mark = this.#tracer.lastMark;
    this.#tracer = null;
  }

  #listen(): void {
    clearTimeout(this.#forgotten);
    this.#forgotten = setTimeout(() => this.end(), FORGOTTEN_MS);
    this.#forgotten.unref();
  }
}
