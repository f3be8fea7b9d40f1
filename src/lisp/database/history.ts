// What changed, in order, for those who watch. Only durable changes are told:
// nobody acts on what a restart would not know.

import type { EidPrefix } from "../../net/eid.js";
import { failedListener } from "../../router/listeners.js";
import { SluiceError } from "../../sluice-error.js";
import { decodeEntry } from "./codec.js";
import type { Entry } from "./registration.js";

/** A change of what an EID-prefix maps to. A refresh (new expiry and nonce, all else as it was) is none. */
export interface Change extends EidPrefix {
  /** Of the transaction. */
  readonly revision: number;
  readonly kind: "put" | "delete" | "expire";
  /** Another Map-Server's, which shares the store. */
  readonly remote?: boolean;
  /** null: there was none. */
  readonly before: Entry | null;
  /** null: there is none any more. */
  readonly after: Entry | null;
}

/** A change as it is kept: entries as bytes, objects only for those who watch. */
export interface KeptChange extends EidPrefix {
  readonly revision: number;
  readonly kind: Change["kind"];
  readonly remote?: boolean;
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

/** What it throws is logged, and it goes on with the next change. */
export interface Watcher {
  /** For the log. */
  readonly name: string;
  /** Called for each durable change, in order. */
  change(change: Change): void;
  /**
   * Changes came faster than they became durable and the oldest were forgotten: those up to `revision` are
   * not told. List what there is, then go on.
   */
  compacted(revision: number): void;
}

export interface Watch {
  close(): void;
}

/** The changes asked for are not known any more (or not yet): list what there is and watch from its revision. */
export class CompactedError extends SluiceError {
  readonly code = "COMPACTED";
}

interface Watching {
  readonly watcher: Watcher;
  /** Told up to here. */
  told: number;
  /** It threw before, and that was logged. */
  failed: boolean;
}

export class ChangeHistory {
  readonly #capacity: number;
  #changes: KeptChange[] = [];
  /** First of `#changes` that counts. */
  #start = 0;
  /** Changes up to this revision may be missing. */
  #compacted: number;
  #durable: number;
  readonly #watching = new Set<Watching>();
  readonly #report: (line: string) => void;

  /** `revision`: what there is before the first change. `report`: for watchers that fail. */
  constructor(capacity: number, revision: number, report: (line: string) => void) {
    this.#capacity = capacity;
    this.#report = report;
    this.#compacted = revision;
    this.#durable = revision;
  }

  /** The revision up to which changes are durable. */
  get durable(): number {
    return this.#durable;
  }

  /** There is a past up to `revision` now, and nothing is known of it. */
  begin(revision: number): void {
    this.#compacted = revision;
    this.#durable = revision;
  }

  add(change: KeptChange): void {
    this.#changes.push(change);
    if (this.#changes.length - this.#start <= this.#capacity) return;
    this.#compacted = this.#changes[this.#start++].revision;
    if (this.#start > this.#capacity) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Tells all watchers what has become durable. */
  setDurable(revision: number): void {
    if (revision <= this.#durable) return;
    this.#durable = revision;
    for (const w of [...this.#watching]) this.#tell(w);
  }

  /** Tells `watcher` of all durable changes after revision `from`: those known at once, later ones as they come. Throws CompactedError. */
  watch(from: number, watcher: Watcher, present: number): Watch {
    if (from < this.#compacted)
      throw new CompactedError(`changes after revision ${from} are forgotten up to ${this.#compacted}`);
    if (from > present) throw new CompactedError(`revision ${from} has not been: it is ${present}`);
    const watching = { watcher, told: from, failed: false };
    this.#watching.add(watching);
    this.#tell(watching);
    return { close: () => void this.#watching.delete(watching) };
  }

  close(): void {
    this.#watching.clear();
  }

  #tell(w: Watching): void {
    for (;;) {
      if (w.told < this.#compacted) {
        w.told = this.#compacted;
        this.#call(w, (watcher) => watcher.compacted(this.#compacted));
      }
      // Found anew by revision: a watcher may bring about changes, and so move the array.
      const next = this.#after(w.told);
      if (next === null) break;
      for (const change of next) {
        if (!this.#watching.has(w)) return;
        w.told = change.revision;
        this.#call(w, (watcher) => watcher.change(unpacked(change)));
      }
    }
    w.told = Math.max(w.told, this.#durable);
  }

  /** It is its own fault if it throws: neither the other watchers' nor that of those who wait for the commit. */
  #call(w: Watching, call: (watcher: Watcher) => void): void {
    try {
      call(w.watcher);
    } catch (error) {
      if (!w.failed) this.#report(failedListener("the mapping database", w.watcher.name, error));
      w.failed = true;
    }
  }

  /** The durable changes of the first transaction after `revision` that has any. */
  #after(revision: number): readonly KeptChange[] | null {
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle].revision <= revision) low = middle + 1;
      else high = middle;
    }
    if (low === this.#changes.length || this.#changes[low].revision > this.#durable) return null;
    let end = low;
    while (end < this.#changes.length && this.#changes[end].revision === this.#changes[low].revision) end++;
    return this.#changes.slice(low, end);
  }
}

function unpacked({ iid, eid, revision, kind, remote = false, before, after }: KeptChange): Change {
  const entry = (bytes: Uint8Array | null): Entry | null =>
    bytes === null ? null : decodeEntry({ iid, eid }, bytes);
  return { revision, kind, remote, iid, eid, before: entry(before), after: entry(after) };
}
