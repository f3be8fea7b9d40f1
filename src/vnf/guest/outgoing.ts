// A migration at its source: pre-copy. Rounds of memory are sent while the machine runs, each what has changed during the
// one before, until what is left takes no longer than the machine may stand still; then it stands still, leaves its
// links, and the rest follows.

import {
  HypervisorError,
  type HypervisorEvent,
  type Landing,
  type MigrationOptions,
} from "../../cloud/hypervisor.js";
import type { PagesReply } from "../instance/pages.js";
import { PAGE_BYTES } from "../instance/pages.js";
import { sleep, turn } from "../world.js";
import { encodePages, encodeRecord } from "./records.js";
import type { Site } from "./site.js";
import { type GuestStream, StreamEnded, type Streams } from "./streams.js";

/** Seconds between two questions what has become of it, and until one counts as unanswered. */
const ASK = 1;
/** Seconds, beyond what its machine may stand still, in which the destination says on the same stream that it runs. */
const ANSWER = 2;
/** Seconds for which a machine that stands still stays on its links at least. */
const LINGER = 0.002;
/** Seconds from one round to the next at least, and between two events that only tell of progress. */
const ROUND = 0.01;
const TOLD = 0.1;
/** Bytes sent at once where there is a limit to the rate. */
const PIECE = 16_384;
/** Seconds between looks whether something is so by now. */
const LOOK = 0.05;
/** Seconds in which `cancel` has an answer, or none. */
const CANCEL = 2;

export interface Progress {
  readonly bytes: number;
  readonly rounds: number;
}

export type TellOutgoing = (kind: HypervisorEvent["kind"], progress: Progress, reason?: string) => void;

/** It was given up here, for the reason that the message says. */
class GivenUp extends Error {}

export class Outgoing {
  readonly guest: string;
  readonly #migration: string;
  readonly #to: Landing;
  readonly #options: MigrationOptions;
  readonly #site: Site;
  readonly #streams: Streams;
  readonly #tell: TellOutgoing;
  readonly #cancelDeadline: () => void;
  readonly #instance: object | null;
  #stream: GuestStream | null = null;
  /** Why it is given up; null: it is not. */
  #giveUp: string | null = null;
  /** Who asked for its end vouches that the machine does not run at the destination. */
  #gone = false;
  #bytes = 0;
  #rounds = 0;
  /** When progress was told of last. */
  #told = Number.NEGATIVE_INFINITY;
  /** Bits a second of the fastest round. */
  #rate = 0;
  /** Steady seconds when more may be sent. */
  #due = 0;
  /** `committed`: the destination has all, or may have it: only it can say what has become of the machine. */
  #state: "running" | "stopped" | "committed" | "completed" | "failed" = "running";

  constructor(
    migration: string,
    guest: string,
    to: Landing,
    options: MigrationOptions,
    site: Site,
    streams: Streams,
    tell: TellOutgoing,
  ) {
    this.#migration = migration;
    this.guest = guest;
    this.#to = to;
    this.#options = options;
    this.#site = site;
    this.#streams = streams;
    this.#tell = tell;
    this.#instance = site.instance(guest);
    this.#due = site.world.now();
    const { deadline } = options;
    this.#cancelDeadline = Number.isFinite(deadline)
      ? site.world.after(deadline, () => {
          if (this.#state === "running") this.#abandon(`it did not come to its stop in ${deadline} s`);
        })
      : () => {};
  }

  get state(): "running" | "stopped" | "committed" | "completed" | "failed" {
    return this.#state;
  }

  async run(): Promise<void> {
    this.#say("started");
    try {
      const stream = this.#streams.open(this.#to.address, this.#to.port);
      if (stream === null) throw new GivenUp("nothing carries its stream");
      this.#stream = stream;
      const { secret } = this.#to;
      await stream.send(encodeRecord({ type: "begin", migration: this.#migration, secret }));
      while (!(await this.#round(stream)));
      await this.#stop(stream);
    } catch (e) {
      if (this.#state === "committed") return this.#find();
      const said = this.#stream?.said() ?? null;
      const theirs = said?.type === "failed" ? said.reason : null;
      await this.#fail(this.#giveUp ?? theirs ?? (e as Error).message);
      return;
    }
    const stream = this.#stream!;
    const late = ANSWER + this.#options.downtimeLimit;
    const cancel = this.#site.world.after(late, () => stream.abort("no answer"));
    await this.#answer(stream)
      .catch(() => this.#find())
      .finally(cancel);
  }

  /**
   * Ends it here; `gone`: the machine will not run at the destination, which need not be asked. Rejects with
   * HypervisorError `TOO_LATE` or `UNREACHABLE`.
   */
  async cancel(gone: boolean): Promise<void> {
    const { world } = this.#site;
    if (this.#state === "committed" && gone) {
      this.#gone = true;
      this.#stream?.abort("cancelled");
    }
    if (this.#state === "running" || this.#state === "stopped") this.#abandon("cancelled");
    const end = world.now() + CANCEL;
    while (this.state !== "completed" && this.state !== "failed" && world.now() < end)
      await sleep(world, 0.001);
    if (this.state === "completed")
      throw new HypervisorError("TOO_LATE", `'${this.guest}' runs at the destination`);
    if (this.state !== "failed")
      throw new HypervisorError(
        "UNREACHABLE",
        `the destination does not say whether '${this.guest}' runs there: it stands still until it does`,
      );
  }

  /** What waits for the stream, or between two pieces, hears of it. */
  #abandon(reason: string): void {
    this.#giveUp ??= reason;
    this.#stream?.abort(reason);
  }

  #say(kind: HypervisorEvent["kind"], reason = ""): void {
    this.#tell(kind, { bytes: this.#bytes, rounds: this.#rounds }, reason);
  }

  #progress(now: number): void {
    if (now - this.#told < TOLD) return;
    this.#told = now;
    this.#say("progress");
  }

  #check(): void {
    if (this.#giveUp !== null) throw new GivenUp(this.#giveUp);
    if (this.#site.instance(this.guest) !== this.#instance)
      throw new GivenUp(`'${this.guest}' has ended meanwhile`);
  }

  /** Memory as it is, `what` of it, piece by piece. */
  async #walk(
    what: "count" | "copy" | "last",
    each: (reply: PagesReply) => Promise<void>,
  ): Promise<PagesReply> {
    for (let from = 0; ; ) {
      const reply = await this.#site.pages(this.guest, { session: this.#migration, from, what });
      this.#check();
      await each(reply);
      if (reply.next === null) return reply;
      from = reply.next;
      // Others have their turn.
      await turn(this.#site.world);
      this.#check();
    }
  }

  async #send(stream: GuestStream, { numbers, bytes }: PagesReply): Promise<void> {
    if (numbers.length === 0) return;
    const { bandwidth } = this.#options;
    const { world } = this.#site;
    const records = encodePages(numbers, bytes);
    const piece = bandwidth > 0 ? PIECE : records.length;
    for (let at = 0; at < records.length; at += piece) {
      const part = records.subarray(at, at + piece);
      if (bandwidth > 0) {
        const now = world.now();
        if (this.#due > now) await sleep(world, this.#due - now);
        this.#check();
        this.#due = Math.max(this.#due, now) + (part.length * 8) / bandwidth;
      }
      this.#bytes += part.length;
      await stream.send(part);
    }
  }

  /** Sends what has changed since the last round; true when the rest takes no longer than the machine may stand still. */
  async #round(stream: GuestStream): Promise<boolean> {
    const { world } = this.#site;
    const before = this.#bytes;
    const begun = world.now();
    await this.#walk("copy", (reply) => this.#send(stream, reply));
    await stream.delivered();
    this.#rounds++;
    const seconds = world.now() - begun;
    const bits = (this.#bytes - before) * 8;
    if (seconds > 0) this.#rate = Math.max(this.#rate, bits / seconds);
    this.#progress(world.now());
    let left = 0;
    await this.#walk("count", async (reply) => {
      left += reply.changed * PAGE_BYTES;
    });
    if (left > 0 && (this.#rate === 0 || (left * 8) / this.#rate > this.#options.downtimeLimit)) {
      const next = begun + ROUND;
      if (next > world.now()) await sleep(world, next - world.now());
      this.#check();
      return false;
    }
    return true;
  }

  async #stop(stream: GuestStream): Promise<void> {
    const { world } = this.#site;
    await this.#site.pause(this.guest);
    const lingers = world.now() + LINGER;
    this.#state = "stopped";
    this.#cancelDeadline();
    this.#say("stopped");
    const late = ANSWER + this.#options.downtimeLimit;
    const cancel = world.after(late, () => {
      if (this.#state === "stopped") this.#abandon("the rest does not get through");
    });
    let pages = 0;
    const { digest } = await this.#walk("last", async (reply) => {
      pages += reply.looked;
      await this.#send(stream, reply);
    });
    // Frames that are on their way to it across the site still come: it takes them along.
    if (lingers > world.now()) await sleep(world, lingers - world.now());
    await this.#site.detach(this.guest);
    this.#check();
    this.#rounds++;
    this.#state = "committed";
    cancel();
    await stream.send(encodeRecord({ type: "last", pages, digest: digest! }));
  }

  /** Waits for what the destination says. */
  async #answer(stream: GuestStream): Promise<void> {
    const record = await stream.next();
    if (record.type === "resumed") {
      this.#state = "completed";
      this.#forget();
      this.#say("completed");
      stream.finish();
    } else {
      stream.finish();
      await this.#fail(record.type === "failed" ? record.reason : "the destination says what it may not");
    }
  }

  /** Asks until it is known what has become of the machine. */
  async #find(): Promise<void> {
    const { world } = this.#site;
    const { address, port, secret } = this.#to;
    this.#site.report(this.guest, "stands still: its migration's destination is asked whether it runs there");
    while (this.#state === "committed") {
      if (this.#gone) return this.#fail("cancelled");
      const stream = this.#streams.open(address, port);
      this.#stream = stream;
      const cancel = world.after(ASK, () => stream?.abort("no answer"));
      try {
        if (stream === null) throw new StreamEnded("nothing carries it");
        await stream.send(encodeRecord({ type: "ask", migration: this.#migration, secret }));
        await this.#answer(stream);
      } catch (e) {
        if (!(e instanceof StreamEnded)) throw e;
        for (let t = 0; t < ASK && !this.#gone; t += LOOK) await sleep(world, LOOK);
      } finally {
        cancel();
      }
    }
  }

  /** What its machine has noted of it is forgotten. */
  #forget(): void {
    const request = { session: this.#migration, from: 0, what: "end" } as const;
    void this.#site.pages(this.guest, request).catch(() => {});
  }

  /** It runs here as before. */
  async #fail(reason: string): Promise<void> {
    this.#cancelDeadline();
    this.#stream?.abort(reason);
    const stopped = this.#state !== "running";
    this.#forget();
    try {
      if (this.#site.guests().find((g) => g.name === this.guest)?.at === null)
        await this.#site.attach(this.guest);
      if (stopped) await this.#site.resume(this.guest);
    } catch (e) {
      // One that has ended is started anew by its manager.
      this.#site.report(this.guest, `is not resumed: ${(e as Error).message}`);
    }
    this.#state = "failed";
    this.#say("failed", reason);
  }
}
