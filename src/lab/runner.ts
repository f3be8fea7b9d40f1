// Runs the jobs of a plan in processes of their own, as many at a time as asked for. Rows go to the journal as they come.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nodeFlags } from "../system/processes.js";
import type { Found } from "./catalogue.js";
import { LabError, type WorldKind } from "./experiment.js";
import type { Journal } from "./journal.js";
import type { Job } from "./plan.js";
import type { FromWorker, ToWorker } from "./worker.js";

const MAIN = fileURLToPath(new URL("worker-main.js", import.meta.url));
/** Failures after which nothing more is tried. */
const FAILURES_MAX = 10;
/** Milliseconds that a run has to give back what it has made. */
const PATIENCE_MS = 20_000;
/** Characters kept of what a process says at its end. */
const LAST_WORDS = 2000;

export interface RunOptions {
  readonly found: Found;
  readonly world: WorldKind;
  readonly jobs: readonly Job[];
  /** Processes at a time. */
  readonly together: number;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Told after each run that is done or failed. */
  readonly progress: (done: number, failed: number) => void;
}

export interface Failure {
  readonly job: Job;
  readonly message: string;
}

/**
 * Runs what the journal does not have yet, until `signal`; resolves with what failed. Rejects with LabError when rows
 * cannot be kept.
 */
export async function runJobs(options: RunOptions): Promise<Failure[]> {
  const { jobs, together, journal, signal, progress } = options;
  const waiting = jobs.filter((job) => journal.rows(job.id) === undefined);
  const failures: Failure[] = [];
  const broken = new AbortController();
  const stop = AbortSignal.any([signal, broken.signal]);
  let done = 0;
  const work = async (): Promise<void> => {
    let worker: Worker | null = null;
    try {
      while (waiting.length > 0 && !stop.aborted && failures.length < FAILURES_MAX) {
        const job = waiting.shift()!;
        worker ??= new Worker(options);
        const reply = await worker.run(job, stop);
        if (stop.aborted) break;
        if (reply.type === "done") journal.add(job.id, reply.rows);
        else failures.push({ job, message: reply.message });
        if (worker.ended) worker = null;
        done++;
        progress(done, failures.length);
      }
    } catch (e) {
      broken.abort();
      throw e;
    } finally {
      await worker?.end();
    }
  };
  const all = Array.from({ length: Math.min(together, waiting.length) }, work);
  const results = await Promise.allSettled(all);
  for (const r of results) if (r.status === "rejected") throw r.reason;
  if (failures.length >= FAILURES_MAX && waiting.length > 0)
    throw new LabError(
      "ROWS",
      `${failures.length} runs failed, the rest was not tried; the last: ${failureText(failures.at(-1)!)}`,
    );
  return failures;
}

/** `rate=2 rtt=20, seed 3: what went wrong`. */
export function failureText({ job, message }: Failure): string {
  const cell = Object.entries(job.cell).map(([name, value]) => `${name}=${value}`);
  return `${cell.join(" ")}, seed ${job.seed}: ${message}`;
}

type Reply = Exclude<FromWorker, { readonly type: "ready" }>;

/** A process that runs one job after the other. */
class Worker {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  ended = false;
  #lastWords = "";
  #answer: ((reply: Reply) => void) | null = null;

  constructor({ found, world }: RunOptions) {
    const child = spawn(process.execPath, [...nodeFlags(), MAIN], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    child.on("message", (message: FromWorker) => {
      if (message.type !== "ready") this.#answer?.(message);
    });
    this.#gone = new Promise((resolve) => {
      const finish = (message: string): void => {
        this.ended = true;
        this.#answer?.({ type: "failed", message });
        resolve();
      };
      child.once("close", (code, signal) => finish(this.#epitaph(code, signal)));
      child.once("error", (e) => finish(`its process cannot be started: ${e.message}`));
    });
    this.#post({ type: "begin", file: found.file, world });
  }

  /** Resolves with what became of it; when `stop` comes first, at once. */
  async run(job: Job, stop: AbortSignal): Promise<Reply> {
    let given: () => void = () => {};
    const reply = await new Promise<Reply>((resolve) => {
      given = () => resolve({ type: "failed", message: "stopped" });
      this.#answer = resolve;
      stop.addEventListener("abort", given);
      if (this.ended) given();
      else this.#post({ type: "run", job });
    });
    this.#answer = null;
    stop.removeEventListener("abort", given);
    return reply;
  }

  /** Ends it in order; by force when it takes too long. */
  async end(): Promise<void> {
    this.#post({ type: "stop" });
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
    await this.#gone;
    clearTimeout(timer);
  }

  #post(message: ToWorker): void {
    // One that has just ended is noticed by its end.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #epitaph(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
    const words =
      this.#lastWords
        .trim()
        .split("\n")
        .find((line) => /error|fatal/i.test(line)) ?? "";
    return `its process ${how}${words === "" ? "" : `: ${words.trim()}`}`;
  }
}
