// The mapping database in etcd: each record under its key behind a common prefix,
// read at one revision at the start, then followed by a watch; written in
// transactions that hold only for keys that nobody has put since.

import { randomBytes } from "node:crypto";
import { StoreError } from "../router/store.js";
import { EtcdClient, EtcdError, type EtcdHost, hostText, NOT_FOUND, OUT_OF_RANGE } from "./etcd-client.js";
import { EtcdLeases } from "./etcd-leases.js";
import { EtcdReplies, MARK, type RangeReply } from "./etcd-replies.js";
import { EtcdRequests } from "./etcd-requests.js";
import type { SharedListener, SharedResult, SharedStore, SharedTransaction } from "./shared-store.js";

export interface EtcdOptions {
  readonly hosts: readonly EtcdHost[];
  /** Before each key. Default `sluice/`. */
  readonly prefix?: string;
  /** Seconds in which the cluster must be reached at the start. Default 10. */
  readonly patience?: number;
}

/** Keys of one answer, fewer where their values are large: the gateway passes 4 MiB on. */
const PAGE = 2000;
/** Milliseconds between questions whether the member that is watched is there, and between attempts to find another. */
const HEARTBEAT = 1000;
const RETRY = 100;
/** How often it may not answer in a row. */
const MISSES_MAX = 2;
/** Milliseconds in which a watch begins. */
const BEGIN_MAX = 3000;
/** Milliseconds without any member after which the store counts as lost. */
const LOST_AFTER = 1000;

/** All changes up to a revision of a cluster are told. */
interface Told {
  revision: number;
  readonly cluster: string;
}

export class EtcdStore implements SharedStore {
  readonly #client: EtcdClient;
  readonly #leases: EtcdLeases;
  readonly #requests: EtcdRequests;
  /** Nobody else's. */
  readonly #writer = randomBytes(8);
  /** By which a transaction is known again when its answer was lost: two Map-Servers may put the same. */
  readonly #marks = new WeakMap<SharedTransaction, Buffer>();
  #marked = 0;
  readonly #replies: EtcdReplies;
  readonly #patience: number;
  /** null: all is to be loaded. */
  #told: Told | null = null;
  #closed = false;
  readonly #pauses = new Set<() => void>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: EtcdOptions) {
    this.#client = new EtcdClient(options.hosts);
    this.#leases = new EtcdLeases(this.#client);
    const prefix = Buffer.from(options.prefix ?? "sluice/");
    this.#requests = new EtcdRequests(prefix);
    this.#replies = new EtcdReplies(prefix.length, this.#writer);
    this.#patience = (options.patience ?? 10) * 1000;
  }

  /** Leases that registrations share. */
  get leases(): number {
    return this.#leases.size;
  }

  follow(listener: SharedListener): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#follow(listener, resolve, reject);
    });
  }

  async commit(transactions: readonly SharedTransaction[]): Promise<readonly SharedResult[]> {
    try {
      return await this.#commit(transactions);
    } catch (error) {
      if (!(error instanceof EtcdError) || error.status !== NOT_FOUND) throw error;
      // A lease that ended before its time: the cluster was restored, or somebody has revoked it.
      this.#leases.forget();
      return this.#commit(transactions);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const over of this.#pauses) over();
    await this.#running;
    this.#client.close();
  }

  // ---- Writing -------------------------------------------------------------------

  async #commit(transactions: readonly SharedTransaction[]): Promise<readonly SharedResult[]> {
    // Leases are few: most of these promises are the same one.
    const asked = transactions.flatMap(({ operations }) =>
      operations.flatMap((o) => (o.value === null ? [] : [this.#leases.find(o.lifetime)])),
    );
    const known = new Map<Promise<string>, string>();
    for (const lease of new Set(asked)) known.set(lease, await lease);
    const leases = asked.map((lease) => known.get(lease)!);
    const again = transactions.some((t) => this.#marks.has(t));
    const marks = transactions.map((t) => this.#mark(t));
    const ask = (again: boolean): object => this.#requests.transactions(transactions, marks, leases, again);
    const host = this.#client.current;
    try {
      const answer = await this.#client.ask(host, "/v3/kv/txn", ask(again));
      return this.#replies.results(answer, transactions, marks);
    } catch (error) {
      if (!(error instanceof EtcdError && error.passing)) throw error;
      // It may have been done all the same.
      this.#client.leave(host);
      return this.#replies.results(await this.#client.call("/v3/kv/txn", ask(true)), transactions, marks);
    }
  }

  #mark(transaction: SharedTransaction): Buffer {
    let mark = this.#marks.get(transaction);
    if (mark === undefined) {
      mark = Buffer.alloc(MARK);
      mark.set(this.#writer);
      mark.writeUInt32BE(this.#marked++ >>> 0, this.#writer.length);
      this.#marks.set(transaction, mark);
    }
    return mark;
  }

  // ---- Following -----------------------------------------------------------------

  async #follow(
    listener: SharedListener,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): Promise<void> {
    const deadline = performance.now() + this.#patience;
    let begun = false;
    let missed: NodeJS.Timeout | null = null;
    while (!this.#closed) {
      const host = this.#client.current;
      const found = (): void => {
        if (missed !== null) clearTimeout(missed);
        missed = null;
        begun = true;
        listener.connected();
        resolve();
      };
      const error = await this.#session(host, listener, found).catch((e: Error) => e);
      if (this.#closed) break;
      if (!begun && (!(error instanceof StoreError && error.passing) || performance.now() >= deadline)) {
        reject(error instanceof EtcdError ? new StoreError(`cannot reach etcd: ${error.message}`) : error);
        return;
      }
      // Not when another member takes over at once.
      if (begun) missed ??= setTimeout(() => listener.lost(error), LOST_AFTER);
      this.#client.leave(host);
      await this.#pause(RETRY);
    }
    if (missed !== null) clearTimeout(missed);
    if (!begun) reject(new StoreError("the mapping store was closed"));
  }

  /** Loads what is to be loaded, then watches until that ends; resolves or rejects with why. */
  async #session(host: EtcdHost, listener: SharedListener, found: () => void): Promise<Error> {
    if (this.#told !== null && !(await this.#keeps(host, this.#told.revision))) this.#told = null;
    const told = this.#told ?? (await this.#load(host, listener));
    let begin: () => void = () => {};
    const begun = new Promise<null>((done) => {
      begin = () => done(null);
    });
    const stream = await this.#client.stream(
      host,
      "/v3/watch",
      this.#requests.watch(told.revision),
      (message) => {
        const said = this.#replies.watch(message);
        if (said.cluster !== told.cluster || (said.begun && said.revision < told.revision)) {
          // Another cluster, or one that has forgotten: what was told is to be compared with what there is.
          this.#told = null;
          throw new StoreError(`${hostText(host)} has another history than before`);
        }
        if (said.ended !== null) {
          if (said.compacted) this.#told = null;
          throw new StoreError(`${hostText(host)} ended the watch: ${said.ended}`);
        }
        if (said.begun) begin();
        if (said.changes.length === 0) return;
        listener.changed(said.changes);
        told.revision = said.changes.at(-1)!.revision;
      },
    );
    try {
      const late = this.#pause(BEGIN_MAX).then(() => new StoreError(`${hostText(host)} begins no watch`));
      const failed = await Promise.race([begun, stream.ended, late]);
      if (failed !== null) return failed;
      found();
      return await Promise.race([stream.ended, this.#heartbeat(host, stream.ended)]);
    } finally {
      stream.close();
    }
  }

  /** Resolves when the member does not answer any more, with why; a connection to a machine that is gone does not end. */
  async #heartbeat(host: EtcdHost, ended: Promise<Error>): Promise<Error> {
    let over = false;
    void ended.then(() => {
      over = true;
    });
    // Not at the first miss: while a leader is chosen nobody answers.
    for (let misses = 0; ; ) {
      await this.#pause(HEARTBEAT);
      if (over || this.#closed) return new StoreError("the mapping store was closed");
      try {
        await this.#client.ask(host, "/v3/kv/range", this.#requests.heartbeat());
        misses = 0;
      } catch (error) {
        if (++misses === MISSES_MAX) return error as Error;
      }
    }
  }

  /** Whether the changes after a revision can be told: asked before, as a watch begins before it finds out. */
  async #keeps(host: EtcdHost, revision: number): Promise<boolean> {
    try {
      await this.#client.ask(host, "/v3/kv/range", this.#requests.page(null, 1, revision));
      return true;
    } catch (error) {
      if (error instanceof EtcdError && error.status === OUT_OF_RANGE) return false;
      throw error;
    }
  }

  async #load(host: EtcdHost, listener: SharedListener): Promise<Told> {
    let at: Told | null = null;
    let after: Uint8Array | null = null;
    for (let limit = PAGE, more = true; more; ) {
      let page: RangeReply;
      try {
        const body = this.#requests.page(after, limit, at?.revision ?? 0);
        page = this.#replies.range(await this.#client.ask(host, "/v3/kv/range", body));
      } catch (error) {
        // More than the gateway passes on.
        if (!(error instanceof EtcdError) || !/larger than max/.test(error.message) || limit === 1)
          throw error;
        limit = Math.ceil(limit / 8);
        continue;
      }
      if (at === null) {
        at = { revision: page.revision, cluster: page.cluster };
        listener.loading(at.revision);
      }
      for (const { key, value } of page.records) listener.value(key, value);
      after = page.records.at(-1)?.key ?? null;
      more = page.more;
    }
    listener.loaded();
    this.#told = at!;
    return at!;
  }

  /** Waits, but not beyond the end. */
  #pause(milliseconds: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((done) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#pauses.delete(over);
        done();
      };
      const timer = setTimeout(over, milliseconds);
      this.#pauses.add(over);
    });
  }
}
