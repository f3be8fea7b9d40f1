// What a route of the API is.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Service } from "../service/service.js";
import type { Schema } from "./schemas.js";

/** A request that was understood: what of the path and the query is variable, and the body. */
export interface Call {
  readonly service: Service;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** As its schema lets it be; undefined for routes without one. */
  readonly body: unknown;
  readonly request: IncomingMessage;
  /** For routes that answer bit by bit. */
  readonly response: ServerResponse;
}

export interface Route {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** With `{name}` for what is variable. */
  readonly path: string;
  readonly summary: string;
  /** Query parameters: what they mean, and `integer` where it is one. */
  readonly query?: Readonly<
    Record<string, { readonly doc: string; readonly type?: "string" | "integer" | "boolean" }>
  >;
  readonly body?: Schema;
  readonly reply: Schema | null;
  /** Media type of the reply, when that is not JSON. */
  readonly media?: string;
  /** Gives the reply, to be sent as JSON (or as text of `media`); or answers by itself and gives nothing. */
  run(call: Call): unknown;
}
