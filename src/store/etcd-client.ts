// etcd over its JSON gateway, which every member has on its client port: HTTP with
// JSON whose bytes are in base64 (etcd 3.4, "gRPC gateway"). Needs nothing but Node.

import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { StoreError } from "../router/store.js";

/** A member of the cluster. */
export interface EtcdHost {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What a member answered in place of what it was asked for, or that it did not answer. */
export class EtcdError extends StoreError {
  /** gRPC's status code; null where the member did not get as far. */
  readonly status: number | null;

  constructor(message: string, status: number | null, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }

  override get passing(): boolean {
    return this.status === null || PASSING.has(this.status);
  }
}

/** gRPC's codes: cancelled, unknown, deadline exceeded, resource exhausted, aborted, out of range, internal, unavailable. */
const PASSING: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 11, 13, 14]);
export const NOT_FOUND = 5;
export const OUT_OF_RANGE = 11;

/**
 * Milliseconds for one answer, and bytes of a question for which it has one more: a full transaction that a slow member
 * never answered in time would be asked for again and again.
 */
const TIMEOUT = 2000;
const BYTES_PER_MS = 200;
/** Bytes of an answer, and of one message of a watch. */
const ANSWER_MAX = 64 << 20;

/** A watch's stream: closed by the caller, or ended by the member or the network. */
export interface EtcdStream {
  /** Resolves when it ended, with what is known of why. */
  readonly ended: Promise<Error>;
  close(): void;
}

export class EtcdClient {
  readonly #hosts: readonly EtcdHost[];
  // More connections than requests at the same time there are not.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  #current = 0;

  /** `hosts`: at least one; the first one is asked as long as it answers. */
  constructor(hosts: readonly EtcdHost[]) {
    this.#hosts = hosts;
  }

  /** The member that is asked. */
  get current(): EtcdHost {
    return this.#hosts[this.#current];
  }

  /** Others are asked instead of this one. */
  leave(host: EtcdHost): void {
    if (this.current === host) this.#current = (this.#current + 1) % this.#hosts.length;
  }

  /**
   * Asks one member after another until one answers. `body` must be such that it does no harm when it takes effect
   * twice. Rejects with EtcdError.
   */
  async call(path: string, body: unknown): Promise<unknown> {
    for (let left = this.#hosts.length; ; left--) {
      const host = this.current;
      try {
        return await this.ask(host, path, body);
      } catch (error) {
        if (!(error instanceof EtcdError) || !error.passing) throw error;
        this.leave(host);
        if (left === 1) throw error;
      }
    }
  }

  /** Asks this member. Rejects with EtcdError. */
  async ask(host: EtcdHost, path: string, body: unknown): Promise<unknown> {
    const [response, stop] = await this.#post(host, path, body, {});
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > ANSWER_MAX) throw new Error(`an answer of more than ${ANSWER_MAX} bytes`);
      }
    } catch (error) {
      response.destroy();
      throw unanswered(host, error);
    } finally {
      stop();
    }
    const text = Buffer.concat(chunks).toString("utf8");
    const answer = parseJson(host, text) as { readonly error?: unknown; readonly code?: unknown };
    if (response.statusCode === 200) return answer;
    throw refused(host, answer, response.statusCode ?? 0);
  }

  /** Opens a stream of messages, each of which is told; what `told` throws ends it. Rejects with EtcdError when it does not begin in time. */
  async stream(
    host: EtcdHost,
    path: string,
    body: unknown,
    told: (message: unknown) => void,
  ): Promise<EtcdStream> {
    // Ends when the member has no leader any more: it would tell of nothing.
    const [response, stop] = await this.#post(host, path, body, { "Grpc-Metadata-hasleader": "true" });
    stop();
    response.socket.setKeepAlive(true, 5000);
    let closed = false;
    const run = async (): Promise<Error> => {
      let parts: Buffer[] = [];
      let size = 0;
      try {
        for await (const chunk of response as AsyncIterable<Buffer>) {
          let from = 0;
          for (let end = chunk.indexOf(10); end >= 0 && !closed; end = chunk.indexOf(10, from)) {
            parts.push(chunk.subarray(from, end));
            const text = Buffer.concat(parts).toString("utf8");
            parts = [];
            size = 0;
            from = end + 1;
            if (text.trim() === "") continue;
            const message = parseJson(host, text) as { readonly result?: unknown; readonly error?: unknown };
            if (message.result === undefined) throw refused(host, message.error ?? message, 200);
            told(message.result);
          }
          if (closed) break;
          parts.push(chunk.subarray(from));
          size += chunk.length - from;
          if (size > ANSWER_MAX) throw new Error(`a message of more than ${ANSWER_MAX} bytes`);
        }
        return new EtcdError(`${hostText(host)} ended the watch`, null);
      } catch (error) {
        return error instanceof StoreError ? error : unanswered(host, error);
      } finally {
        response.destroy();
      }
    };
    return {
      ended: run(),
      close: () => {
        closed = true;
        response.destroy();
      },
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The answer's beginning, and what stops the clock that runs until its end. */
  #post(
    host: EtcdHost,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<[IncomingMessage, () => void]> {
    const bytes = Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: host.host,
        port: host.port,
        path,
        method: "POST",
        agent: this.#agent,
        headers: { "Content-Type": "application/json", "Content-Length": bytes.length, ...headers },
      });
      const time = TIMEOUT + Math.floor(bytes.length / BYTES_PER_MS);
      const late = setTimeout(() => request.destroy(new Error(`no answer within ${time} ms`)), time);
      const stop = (): void => clearTimeout(late);
      request.on("response", (response) => resolve([response, stop]));
      request.on("error", (error) => {
        stop();
        reject(unanswered(host, error));
      });
      request.end(bytes);
    });
  }
}

export function hostText({ host, port }: EtcdHost): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function unanswered(host: EtcdHost, error: unknown): EtcdError {
  const { message, code = "" } = error as Error & { readonly code?: string };
  return new EtcdError(`${hostText(host)}: ${message || code}`, null, { cause: error });
}

function refused(host: EtcdHost, answer: unknown, status: number): EtcdError {
  const { error, message, code, grpc_code } = answer as Record<string, unknown>;
  const text = [message, error].find((t) => typeof t === "string") ?? `HTTP status ${status}`;
  const number = [code, grpc_code].find((c) => typeof c === "number") as number | undefined;
  return new EtcdError(`${hostText(host)}: ${text}`, number ?? null);
}

function parseJson(host: EtcdHost, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // As below.
  }
  throw new EtcdError(`${hostText(host)} does not speak as etcd does: ${text.slice(0, 60)}`, null);
}
