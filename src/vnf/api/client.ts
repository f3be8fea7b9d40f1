// The API's caller: what the commands talk to a running service with.

import type { Diagnostic } from "../../lang/diagnostics.js";
import { CodedError } from "../../sluice-error.js";

/** What the API refused, in its words. */
export class ApiError extends CodedError {
  /** HTTP's; 0 when nobody answers. */
  readonly status: number;
  readonly diagnostics: readonly Diagnostic[];

  constructor(status: number, code: string, message: string, diagnostics: readonly Diagnostic[] = []) {
    super(code, message);
    this.status = status;
    this.diagnostics = diagnostics;
  }
}

/** Milliseconds in which a question is answered: a function has ten seconds. */
const GET_MS = 15_000;

export class ApiClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** The reply to a request: parsed JSON, text of other kinds, or null for none. Rejects with ApiError. */
  async call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    const response = await this.#fetch(method, path, body, signal);
    const text = await this.#text(response);
    if (text === "") return null;
    return response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : text;
  }

  get<T>(path: string): Promise<T> {
    return this.call("GET", path, undefined, AbortSignal.timeout(GET_MS)) as Promise<T>;
  }

  /** The lines of a reply that goes on, each parsed, until the service ends or `signal` says so. */
  async *lines<T>(path: string, signal?: AbortSignal): AsyncGenerator<T> {
    const response = await this.#fetch("GET", path, undefined, signal);
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of response.body ?? []) {
        rest += decoder.decode(chunk as Uint8Array, { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop()!;
        for (const line of lines) if (line !== "") yield JSON.parse(line) as T;
      }
    } catch (e) {
      // The service was terminated, or the caller had enough.
      if (!signal?.aborted && !(e instanceof TypeError)) throw e;
    }
  }

  async #fetch(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
    } catch (e) {
      throw this.#unreachable(e);
    }
    if (response.ok) return response;
    const text = await this.#text(response);
    try {
      const { code, message, details } = JSON.parse(text).error;
      throw new ApiError(response.status, code, message, details);
    } catch (e) {
      if (e instanceof ApiError) throw e;
      throw new ApiError(response.status, "HTTP", `${response.status} ${response.statusText}`);
    }
  }

  /** All of a reply's body: who answers may be killed before its end. */
  async #text(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (e) {
      throw this.#unreachable(e);
    }
  }

  #unreachable(e: unknown): ApiError {
    const late = (e as Error).name === "TimeoutError";
    const cause = late
      ? "too late"
      : ((e as { cause?: { code?: string } }).cause?.code ?? (e as Error).message);
    return new ApiError(0, "UNREACHABLE", `nobody answers at ${this.#url} (${cause})`);
  }
}
