// The HTTP server of a running service: loopback only, with a token, and limits to everything a caller sends.

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Ajv, type ValidateFunction } from "ajv";
import { ConfigurationError } from "../../lang/diagnostics.js";
import { HandlerError } from "../../router/handler.js";
import { CodedError } from "../../sluice-error.js";
import { InstanceError } from "../instance/instance.js";
import { ServiceError } from "../service/error.js";
import type { Service } from "../service/service.js";
import { openApi } from "./openapi.js";
import type { Route } from "./route.js";
import { type Actions, routes } from "./routes.js";

/** Bytes of the largest request body, and of all headers. */
const LARGEST_BODY = 2 ** 20;
const LARGEST_HEADERS = 16384;
const CONNECTIONS = 256;
/** Milliseconds in which a request must have come whole. */
const REQUEST_MS = 10_000;
/** Milliseconds between two looks for callers who are too slow: Node's own 30 seconds would let them stay four times as long. */
const CHECK_MS = 1000;

export interface ApiOptions {
  readonly service: Service;
  readonly actions: Actions;
  /** What callers must show. */
  readonly token: string;
  /** TCP port of the loopback address; 0: any that is free. */
  readonly port: number;
}

/** A request that is refused; `status` is HTTP's. */
class Refusal extends CodedError {
  readonly status: number;
  readonly details: unknown;
  /** Methods that the path takes, where the request's was none of them. */
  readonly allow: string | null;

  constructor(status: number, code: string, message: string, details?: unknown, allow: string | null = null) {
    super(code, message);
    this.status = status;
    this.details = details;
    this.allow = allow;
  }
}

interface Matcher {
  readonly route: Route;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly validate: ValidateFunction | null;
}

export class ApiServer {
  readonly #options: ApiOptions;
  readonly #server: Server;
  readonly #matchers: readonly Matcher[];
  readonly #document: string;
  readonly #token: Buffer;

  private constructor(options: ApiOptions) {
    this.#options = options;
    this.#token = digest(options.token);
    const all = routes(options.actions);
    const ajv = new Ajv({ allErrors: true });
    this.#matchers = all.map((route) => ({
      route,
      pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "([^/]+)")}$`),
      names: [...route.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]),
      validate: route.body === undefined ? null : ajv.compile(route.body),
    }));
    this.#document = JSON.stringify(openApi(all), null, 2);
    this.#server = createServer(
      {
        maxHeaderSize: LARGEST_HEADERS,
        requestTimeout: REQUEST_MS,
        headersTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = CONNECTIONS;
  }

  /** Listens on the loopback address. Rejects with the system's error. */
  static async listen(options: ApiOptions): Promise<ApiServer> {
    const api = new ApiServer(options);
    await new Promise<void>((resolve, reject) => {
      api.#server.once("error", reject);
      api.#server.listen(options.port, "127.0.0.1", resolve);
    });
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#authorize(request);
      await this.#dispatch(request, response);
    } catch (e) {
      const refusal = refusalOf(e);
      if (response.headersSent) response.destroy();
      else {
        const { message, code, status, details } = refusal;
        // RFC 9110, sections 11.6.1 and 10.2.1: how to be let in, and what is allowed.
        if (status === 401) response.setHeader("www-authenticate", "Bearer");
        if (refusal.allow !== null) response.setHeader("allow", refusal.allow);
        // Of a connection that is closed while its caller still sends, the caller sees that and not our answer: what is
        // still to come is read and thrown away, for REQUEST_MS at the longest.
        request.resume();
        send(response, status, { error: { code, message, ...(details === undefined ? {} : { details }) } });
      }
    }
  }

  #authorize(request: IncomingMessage): void {
    const given = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), this.#token)) return;
    throw new Refusal(
      401,
      "UNAUTHORIZED",
      given === undefined ? "needs 'Authorization: Bearer TOKEN'" : "the token is not this service's",
    );
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = targetOf(request);
    if (url.pathname === "/openapi.json") {
      send(response, 200, this.#document, "application/json");
      return;
    }
    const found = this.#matchers.filter((m) => m.pattern.test(url.pathname));
    if (found.length === 0)
      throw new Refusal(404, "NOT_FOUND", `there is no ${url.pathname} here: see /openapi.json`);
    const matcher = found.find((m) => m.route.method === request.method);
    if (matcher === undefined) {
      const methods = found.map((m) => m.route.method).join(", ");
      const message = `${url.pathname} takes ${methods}, not ${request.method}`;
      throw new Refusal(405, "METHOD", message, undefined, methods);
    }
    const { route } = matcher;
    const values = matcher.pattern.exec(url.pathname)!.slice(1).map(decoded);
    const path = Object.fromEntries(matcher.names.map((name, i) => [name, values[i]]));
    const query = queryOf(url, route);
    const body = matcher.validate === null ? undefined : await bodyOf(request, matcher.validate);
    const { service } = this.#options;
    const reply = await route.run({ service, path, query, body, request, response });
    if (response.headersSent) return;
    if (route.reply === null) send(response, 204, undefined);
    else if (route.media !== undefined) send(response, 200, String(reply), route.media);
    else send(response, 200, reply);
  }
}

function targetOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? "/", "http://localhost");
  } catch {
    throw new Refusal(400, "BAD_REQUEST", "the request's path cannot be read");
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "BAD_REQUEST", `'${text.slice(0, 80)}' is not URL-encoded`);
  }
}

function queryOf(url: URL, route: Route): Record<string, string> {
  const known = route.query ?? {};
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (!Object.hasOwn(known, name)) {
      const takes = Object.keys(known).join(", ") || "none";
      throw new Refusal(
        400,
        "BAD_REQUEST",
        `no query parameter '${name.slice(0, 80)}' (there are: ${takes})`,
      );
    }
    const { type = "string" } = known[name];
    if (type === "integer" && !/^\d{1,15}$/.test(value))
      throw new Refusal(400, "BAD_REQUEST", `'${name}' must be a whole number`);
    if (type === "boolean" && value !== "true" && value !== "false")
      throw new Refusal(400, "BAD_REQUEST", `'${name}' must be true or false`);
    query[name] = value;
  }
  return query;
}

async function bodyOf(request: IncomingMessage, validate: ValidateFunction): Promise<unknown> {
  const tooLarge = new Refusal(413, "TOO_LARGE", `a body has at most ${LARGEST_BODY} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > LARGEST_BODY) throw tooLarge;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > LARGEST_BODY) throw tooLarge;
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Refusal(400, "BAD_REQUEST", "the body is no JSON");
  }
  if (validate(body)) return body;
  const wrong = (validate.errors ?? []).map((e) => `${e.instancePath || "the body"} ${e.message}`);
  throw new Refusal(400, "BAD_REQUEST", wrong.join("; "));
}

function refusalOf(e: unknown): Refusal {
  if (e instanceof Refusal) return e;
  if (e instanceof ConfigurationError) return new Refusal(422, e.code, e.message, e.diagnostics);
  if (e instanceof HandlerError) return new Refusal(e.code.startsWith("NO_") ? 404 : 400, e.code, e.message);
  if (e instanceof ServiceError) return new Refusal(e.code.startsWith("NO_") ? 404 : 409, e.code, e.message);
  if (e instanceof InstanceError)
    return new Refusal(e.code.startsWith("BAD_") ? 400 : 409, e.code, e.message);
  return new Refusal(500, "INTERNAL", e instanceof Error ? e.message : String(e));
}

function send(response: ServerResponse, status: number, value: unknown, media = "application/json"): void {
  if (value === undefined) {
    response.writeHead(status).end();
    return;
  }
  const text =
    media === "application/json" && typeof value !== "string" ? JSON.stringify(value) : String(value);
  response.writeHead(status, { "content-type": media, "content-length": Buffer.byteLength(text) }).end(text);
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
