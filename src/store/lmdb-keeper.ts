// The process that has an LMDB store open, seen from the router: it may end at any time, and is asked one thing at once.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StoreOperation } from "../router/store.js";
import { nodeFlags } from "../system/processes.js";
import { pack, unpack } from "./packed.js";

/** Operations and entries are packed: as objects they would cost the router's thread several times as much. */
export type ToKeeper =
  | { readonly kind: "load" }
  | { readonly kind: "commit"; readonly operations: Uint8Array }
  | { readonly kind: "close" };

export type FromKeeper =
  | { readonly kind: "open" | "done"; readonly keys: number }
  /** Part of what was asked to be loaded. */
  | { readonly kind: "some"; readonly entries: Uint8Array }
  /** `missing`: the package lmdb is. */
  | { readonly kind: "failed" | "missing"; readonly why: string };

/** What was asked for was not done. `gone`: the process has ended. */
export class KeeperError extends Error {
  readonly kind: "failed" | "missing" | "gone";

  constructor(kind: KeeperError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

type Each = (key: Uint8Array, value: Uint8Array) => void;

const MAIN = fileURLToPath(new URL("lmdb-main.js", import.meta.url));
/** Milliseconds without a word after which it hangs: in a loop of damaged pages, or on a disk that does not answer. */
const SILENCE_MS = 60_000;

export class Keeper {
  /** Keys in the store when it was last told. */
  keys = 0;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #end: string | null = null;
  #asked: { resolve: () => void; reject: (error: Error) => void; each: Each | null } | null = null;
  #silence: NodeJS.Timeout | undefined;

  /** Opens the store in `folder`; `lock` is a descriptor that the process is to hold, too. Rejects with KeeperError. */
  static async start(folder: string, lock: number | undefined): Promise<Keeper> {
    const keeper = new Keeper(folder, lock);
    await keeper.#answer(null);
    return keeper;
  }

  private constructor(folder: string, lock: number | undefined) {
    const child = spawn(process.execPath, [...nodeFlags(), MAIN, folder], {
      stdio: ["ignore", "ignore", "ignore", "ipc", ...(lock === undefined ? [] : [lock])],
      serialization: "advanced",
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (why: string): void => {
        this.#end ??= why;
        this.#settle((asked) => asked.reject(new KeeperError("gone", this.#end!)));
        resolve();
      };
      child.once("exit", (code, signal) =>
        end(signal === null ? `its process ended with ${code}` : `its process was ended by ${signal}`),
      );
      child.once("error", (e) => end(`its process cannot be started: ${e.message}`));
    });
    child.on("message", (message: FromKeeper) => this.#hear(message));
  }

  /** Whether it can be asked. */
  get alive(): boolean {
    return this.#end === null && this.#child.connected;
  }

  /** Rejects with KeeperError. */
  commit(operations: readonly StoreOperation[]): Promise<void> {
    return this.#ask({ kind: "commit", operations: pack(operations) });
  }

  /** Tells `each` of every key and value. Rejects with KeeperError, or with what `each` throws. */
  load(each: Each): Promise<void> {
    return this.#ask({ kind: "load" }, each);
  }

  /** Resolves when the process has ended. */
  async close(): Promise<void> {
    if (this.alive) await this.#ask({ kind: "close" }).catch(() => {});
    this.#child.ref();
    await this.#ended;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #ask(message: ToKeeper, each: Each | null = null): Promise<void> {
    const answer = this.#answer(each);
    // One that has just ended is noticed by its end.
    if (this.#child.connected) this.#child.send(message, () => {});
    return answer;
  }

  /** The router's process stays while something is asked, and does not only because the store is open. */
  #answer(each: Each | null): Promise<void> {
    this.#child.ref();
    this.#child.channel?.ref();
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject, each };
      if (this.#end !== null) this.#settle(() => reject(new KeeperError("gone", this.#end!)));
      else this.#listen();
    });
  }

  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#end ??= `its process gave no answer in ${SILENCE_MS / 1000} s`;
      this.#child.kill("SIGKILL");
      this.#settle((asked) => asked.reject(new KeeperError("gone", this.#end!)));
    }, SILENCE_MS);
  }

  #hear(message: FromKeeper): void {
    if (this.#asked === null) return;
    if (message.kind === "some") {
      this.#listen();
      this.#take(message.entries);
      return;
    }
    if ("why" in message) {
      this.#settle((asked) => asked.reject(new KeeperError(message.kind, message.why)));
      return;
    }
    this.keys = message.keys;
    this.#settle((asked) => asked.resolve());
  }

  #take(entries: Uint8Array): void {
    try {
      for (const { key, value } of unpack(entries)) this.#asked?.each?.(key, value!);
    } catch (e) {
      this.#settle((asked) => asked.reject(e as Error));
    }
  }

  #settle(how: (asked: { resolve: () => void; reject: (error: Error) => void }) => void): void {
    const asked = this.#asked;
    if (asked === null) return;
    this.#asked = null;
    clearTimeout(this.#silence);
    this.#child.unref();
    this.#child.channel?.unref();
    how(asked);
  }
}
