// A migration at its destination: memory comes in, is compared with what the source says it is, and the machine runs.

import { createHash } from "node:crypto";
import type { GuestSpec, HypervisorEvent, Landing } from "../../cloud/hypervisor.js";
import { PAGE_BYTES } from "../instance/pages.js";
import { sleep, turn } from "../world.js";
import { encodeRecord, type StreamRecord } from "./records.js";
import type { Site } from "./site.js";
import type { GuestStream } from "./streams.js";

/** Pages whose digest is computed in one go: some 0.3 ms. */
const AT_ONCE = 32;

/** Seconds without a byte after which a stream counts as broken; once or twice as long. */
const SILENCE = 10;

/** Seconds between looks whether a machine runs by now. */
const LOOK = 0.001;

export type Tell = (kind: HypervisorEvent["kind"], reason?: string) => void;

export class Incoming {
  readonly guest: GuestSpec;
  readonly landing: Landing;
  readonly #site: Site;
  readonly #tell: Tell;
  readonly #image = new Map<number, Uint8Array>();
  #stream: GuestStream | null = null;
  #cancelPatience: () => void;
  #outcome: "resumed" | "failed" | null = null;
  /** From here on it is too late to fail. */
  #resuming = false;
  #reason = "";

  constructor(guest: GuestSpec, landing: Landing, patience: number, site: Site, tell: Tell) {
    this.guest = guest;
    this.landing = landing;
    this.#site = site;
    this.#tell = tell;
    this.#cancelPatience = site.world.after(patience, () => this.fail(`no stream came in ${patience} s`));
  }

  /** What has become of it; null: nothing yet. */
  get outcome(): "resumed" | "failed" | null {
    return this.#outcome;
  }
  get resuming(): boolean {
    return this.#resuming;
  }
  get reason(): string {
    return this.#reason;
  }

  /** Its stream has come. */
  async take(stream: GuestStream): Promise<void> {
    if (this.#stream !== null || this.#outcome !== null) {
      stream.abort();
      return;
    }
    this.#stream = stream;
    this.#cancelPatience();
    this.#watch(stream, -1);
    this.#tell("incoming");
    try {
      for (;;) {
        const record = await stream.next();
        if (record.type === "page") this.#page(record.page, record.bytes);
        else if (record.type === "last") return await this.#last(stream, record);
        else return this.fail("a record out of turn");
      }
    } catch (e) {
      this.fail((e as Error).message);
    }
  }

  /** A source that is no more need not have said so. */
  #watch(stream: GuestStream, heard: number): void {
    this.#cancelPatience = this.#site.world.after(SILENCE, () => {
      if (this.#outcome !== null || this.#resuming) return;
      if (stream.heard === heard) this.fail(`nothing came for ${SILENCE} s`);
      else this.#watch(stream, stream.heard);
    });
  }

  #page(page: number, bytes: Uint8Array): void {
    if (page >= this.guest.memory / PAGE_BYTES) throw new Error(`page ${page} of a smaller memory`);
    this.#image.set(page, bytes);
  }

  async #last(stream: GuestStream, last: StreamRecord & { type: "last" }): Promise<void> {
    const { name } = this.guest;
    const digest = await this.#digest();
    if (this.#outcome !== null) return;
    if (this.#image.size !== last.pages || Buffer.compare(digest, last.digest) !== 0)
      return this.fail("the memory that came is not the one that was sent");
    if (this.#site.instance(name) === null) return this.fail(`'${name}' does not run any more`);
    this.#resuming = true;
    try {
      await this.#site.attach(name);
    } catch (e) {
      this.#resuming = false;
      return this.fail((e as Error).message);
    }
    // One that has failed since is started anew here.
    await this.#site.resume(name).catch((e) => this.#site.report(name, `is not resumed: ${e.message}`));
    this.#outcome = "resumed";
    this.#cancelPatience();
    this.#image.clear();
    this.#tell("resumed");
    await this.answer(stream);
  }

  async #digest(): Promise<Buffer> {
    const hash = createHash("sha256");
    const number = Buffer.alloc(4);
    for (const [i, page] of [...this.#image.keys()].sort((a, b) => a - b).entries()) {
      number.writeUInt32LE(page);
      hash.update(number).update(this.#image.get(page)!);
      if (i % AT_ONCE === AT_ONCE - 1) await turn(this.#site.world);
    }
    return hash.digest();
  }

  /** Says what has become of it; one that is asked about before that fails. */
  async answer(stream: GuestStream): Promise<void> {
    while (this.#resuming && this.#outcome === null) await sleep(this.#site.world, LOOK);
    if (this.#outcome === null) this.fail("the source has lost its stream");
    const answer: StreamRecord =
      this.#outcome === "failed" ? { type: "failed", reason: this.#reason } : { type: "resumed" };
    await stream.send(encodeRecord(answer)).catch(() => {});
    stream.finish();
  }

  /** Nothing of it is left here; it cannot come any more. */
  fail(reason: string): void {
    if (this.#outcome !== null || this.#resuming) return;
    this.#outcome = "failed";
    this.#reason = reason;
    this.#cancelPatience();
    this.#image.clear();
    this.#tell("failed", reason);
    if (this.#stream !== null && !this.#stream.ended) void this.answer(this.#stream);
  }
}
