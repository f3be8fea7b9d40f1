import { Catalogue } from "../../src/cloud/catalogue/catalogue.js";
import { entryLabel, entryText, parseEntry } from "../../src/cloud/catalogue/entry-text.js";
import { ChangeKeeper } from "../../src/cloud/catalogue/keeper.js";
import { entryLines, entryObject, parseNamed } from "../../src/cloud/catalogue/listing.js";
import { type CatalogueChange, CatalogueError, type EntryKind } from "../../src/cloud/catalogue/model.js";
import type { CatalogueOffer } from "../../src/cloud/offers.js";
import { lockWhereLocksAre } from "../../src/device/file-lock.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { KeyError, wordsOf } from "../../src/lisp/control/keys.js";
import { IID_MAX } from "../../src/net/eid.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../src/router/handler.js";
import { listenersOf } from "../../src/router/listeners.js";
import type { Offers } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { StoreError } from "../../src/router/store.js";
import { openStore } from "../../src/store/open-store.js";
import { parseStore, type StoreAddress, sameStore } from "../../src/store/store-address.js";

/** Nanoseconds until what the store did not take is written again. */
const AGAIN = 1e9;
/** Of keys, in a cluster that other elements use as well. */
const PREFIX = "sluice-fmc/";

const args = {
  STORE: {
    type: "string",
    default: "memory",
    doc: "where changes at run time are kept: `memory`, `lmdb:FOLDER`, or `etcd:HOST:PORT,HOST:PORT...[,/PREFIX]`",
  },
  IID: {
    type: "unsigned",
    default: "0",
    max: IID_MAX,
    doc: "instance ID of EIDs that entries name without one",
  },
  CAPACITY: { type: "unsigned", default: "1000000", min: 1, doc: "most entries" },
  ENTRIES: {
    type: "any",
    secret: true,
    positional: true,
    rest: true,
    doc: "an entry each, `KIND NAME WORD...`, as the description has them",
  },
} as const;

/**
 * What a Follow-Me Cloud controller knows: data centres, networks of users, services, virtual machines, users.
 *
 * Each argument is an entry:
 *
 *   dc NAME [at LATITUDE LONGITUDE] [vms N] [memory SIZE] [mtu BYTES] rloc ADDRESS ... [router ADDRESS] ...
 *      [agent ADDRESS [port N] [key [ID:]SECRET [sha1|sha256|hkdf]]] [drained]
 *   access NAME [at LATITUDE LONGITUDE] rloc ADDRESS ...
 *   service NAME [type WORD] [task WORD] [priority N] [apart] [policy NAME [ARGUMENT VALUE] ...]
 *   vm NAME service NAME dc NAME [memory SIZE] [mtu BYTES] [iid N] eid ADDRESS ... [pinned]
 *   user NAME [class WORD] [iid N] eid EID-PREFIX ... [use SERVICE] ...
 *
 * A data centre has room for `vms` virtual machines that together have `memory` (`512M`, `8G`); what is registered with
 * one of its locators is there. Its tunnel routers take control messages at `router`, by default at the locators; the
 * agent of its hypervisor is at `agent`, UDP port 4344 by default, and shares the key. An access network is where users
 * are that are registered with one of its locators. Places are in degrees, north and east positive. A virtual machine is
 * a part of a service and has all the EIDs of its interfaces; `iid` counts for those behind it. Names are unique among
 * their kind, locators and EIDs among all.
 *
 * What is changed at run time stands over the configuration until `reset`, and a controller that starts again has it
 * where STORE is not `memory`: a write to a handler is done when the store has taken it. Secrets in what is added there
 * are kept as they are written; `file:` and `env:` keep them out of the store. Several controllers that name one etcd
 * cluster have the same changes.
 *
 * @example
 * FMCCatalogue(dc paris at 48.86 2.35 vms 20 memory 64G rloc 10.0.3.1 agent 10.0.3.9 key agentkey,
 *   dc lyon at 45.76 4.84 rloc 10.0.4.1, access north at 50.63 3.06 rloc 10.0.1.1,
 *   service video type video policy nearest, vm video1 service video dc paris memory 1G eid 192.168.3.10,
 *   user alice eid 192.168.1.10 eid fd01::10 use video)
 */
export class FMCCatalogue extends Element implements CatalogueOffer {
  static readonly spec = {
    ports: "0/0",
    flags: "S0",
    args,
    counters: {
      changes: "changes at run time",
      unreadable: "keys of the store that could not be read, or say what cannot be",
      store_failed: "times that the store did not take what was changed",
    },
    handlers: {
      entries: {
        read: true,
        params: true,
        expensive: true,
        doc: "the entries, one a line, without secrets: all, or `KIND`; with `KIND from NAME` from there on. After 4,096 a last line says `more: ` and how to go on",
      },
      entries_json: { read: true, params: true, expensive: true, doc: "the same, a JSON object a line" },
      changed: {
        read: true,
        expensive: true,
        doc: "what was changed at run time: kind and name, one a line",
      },
      size: { read: true, doc: "number of entries" },
      add: { write: true, doc: "adds an entry, in place of one with its kind and name" },
      remove: { write: true, doc: "takes an entry out: `KIND NAME`; not one that virtual machines need" },
      reset: { write: true, doc: "makes an entry what the configuration says: `KIND NAME`" },
      drain: {
        write: true,
        doc: "a data centre takes no more virtual machines, and is rid of those it has: `NAME`",
      },
      undrain: { write: true, doc: "the opposite" },
      pin: { write: true, doc: "a virtual machine stays where it is: `NAME`" },
      unpin: { write: true, doc: "the opposite" },
      place: {
        write: true,
        doc: "a virtual machine is in another data centre now, however it came there: `VM DC`",
      },
      store: { read: true, doc: "where changes are kept, and why they are not where the store fails" },
      store_skipped: {
        read: true,
        doc: "keys of the store that could not be read: their number, and the first hundred with the reason",
      },
    },
  } as const satisfies ElementSpec;

  readonly #listeners = listenersOf<[CatalogueChange]>(this, "the catalogue");
  readonly #retry = this.newTimer(() => void this.#keeper!.flush().catch(() => {}));
  #store: StoreAddress = { kind: "memory" };
  #catalogue: Catalogue | null = null;
  #keeper: ChangeKeeper | null = null;
  /** Whether the store is this element's to close: during a hot swap two have it. */
  #owner = false;

  override offers(): Partial<Offers> {
    return { FMCCatalogue: this };
  }

  get catalogue(): Catalogue {
    return this.#catalogue!;
  }

  onChange(listener: (change: CatalogueChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  async flush(): Promise<void> {
    await this.#keeper!.flush();
  }

  nextNumber(row: string): number {
    return this.#keeper!.next(row);
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    try {
      this.#store = parseStore(values.STORE);
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      errors.error(`STORE: ${e.message}`);
    }
    const catalogue = new Catalogue({
      capacity: values.CAPACITY,
      iid: values.IID,
      keep: (key, change) => this.#keeper!.keep(key, change),
      tell: (change) => {
        this.#count("changes");
        this.#listeners.tell(change);
      },
    });
    this.#catalogue = catalogue;
    const texts = values.ENTRIES.filter((text) => wordsOf(text).length > 0);
    for (const [i, text] of texts.entries()) {
      try {
        catalogue.configure(parseEntry(text, values.IID));
      } catch (e) {
        if (!(e instanceof CatalogueError || e instanceof KeyError)) throw e;
        errors.error(`${entryLabel(texts, i)}: ${e.message}`);
      }
    }
    for (const { entry, error } of catalogue.check())
      errors.error(`${entry.kind} '${entry.name}': ${error.message}`);
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    const former = this.hotswapElement;
    if (former instanceof FMCCatalogue && sameStore(former.#store, this.#store)) {
      // What was changed stays where it is kept.
      this.#keeper = former.#keeper;
      for (const { kind, name, change } of former.catalogue.changed()) this.#restore(kind, name, change);
      return;
    }
    try {
      const store = await openStore(this.#store, {
        stores: this.router.stores,
        prefix: PREFIX,
        // Two controllers in one folder would each overwrite what the other one has changed.
        lock: (file) => lockWhereLocksAre(file, (line) => this.#log(line)),
        news: (key, value) => this.#news(key, value),
      });
      this.#keeper = new ChangeKeeper(store, (reason) => this.#failed(reason));
      this.#owner = true;
      for (const { kind, name, change } of await this.#keeper.load()) this.#restore(kind, name, change!);
      const { unread } = this.#keeper;
      this.memory.add64(this.counterAddress("unreadable"), unread);
      if (unread > 0) this.#log(`${unread} keys of the store could not be read and stay as they are`);
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      errors.error(`STORE: ${e.message}`);
    }
  }

  override takeState(old: Element): void {
    if (!(old instanceof FMCCatalogue) || old.#keeper !== this.#keeper) return;
    old.#owner = false;
    this.#owner = true;
  }

  override cleanup(): void {
    if (this.#owner) this.#keeper?.close().catch((e) => this.#log(e.message));
    this.#owner = false;
  }

  /** Puts an earlier change over the configuration, which may be another one than it was made to. */
  #restore(kind: EntryKind, name: string, change: NonNullable<ReturnType<Catalogue["changeOf"]>>): void {
    try {
      this.catalogue.restore(kind, name, change);
    } catch (e) {
      if (!(e instanceof CatalogueError || e instanceof KeyError)) throw e;
      this.#keeper!.skip(`${kind}/${name}`, e.message);
    }
  }

  /** Another controller has changed something. */
  #news(key: Uint8Array, value: Uint8Array | null): void {
    const keeper = this.#keeper;
    const kept = keeper?.read(key, value) ?? null;
    if (kept === null) return;
    const { kind, name, change } = kept;
    try {
      for (const what of this.catalogue.follow(kind, name, change)) {
        this.#count("changes");
        this.#listeners.tell({ kind, name, what });
      }
    } catch (e) {
      if (!(e instanceof CatalogueError || e instanceof KeyError)) throw e;
      keeper!.skip(`${kind}/${name}`, e.message);
      this.#count("unreadable");
    }
  }

  #failed(reason: string): void {
    this.#count("store_failed");
    this.#log(`the store failed: ${reason}`);
    if (!this.router.closed) this.#retry.scheduleAfter(AGAIN);
  }

  #log(line: string): void {
    this.router.log(`${this.declaration}: ${line}`);
  }

  #count(name: keyof typeof FMCCatalogue.spec.counters): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers --------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const lines = (text: string, line: Parameters<typeof entryLines>[2]): string =>
      asHandlerError(() => entryLines(this.catalogue, text, line), CatalogueError);
    const named = (change: (name: string) => void): HandlerCode => ({
      write: (text) => this.#write(() => change(text.trim())),
    });
    return {
      entries: { read: (text) => lines(text, entryText) },
      entries_json: {
        read: (text) => lines(text, (entry) => JSON.stringify(entryObject(this.catalogue, entry))),
      },
      changed: {
        read: () => [...this.catalogue.changed()].map(({ kind, name }) => `${kind} ${name}\n`).join(""),
      },
      size: { read: () => this.catalogue.size },
      add: named((text) => void this.catalogue.add(text)),
      remove: named((text) => {
        const { kind, name } = parseNamed(text);
        this.catalogue.remove(kind, name);
      }),
      reset: named((text) => {
        const { kind, name } = parseNamed(text);
        this.catalogue.reset(kind, name);
      }),
      drain: named((name) => this.catalogue.drain(name, true)),
      undrain: named((name) => this.catalogue.drain(name, false)),
      pin: named((name) => this.catalogue.pin(name, true)),
      unpin: named((name) => this.catalogue.pin(name, false)),
      place: named((text) => {
        const [vm = "", dc = "", more] = splitSpaces(text);
        if (dc === "" || more !== undefined) throw new CatalogueError("UNKNOWN", "expected 'VM DC'");
        this.catalogue.place(vm, dc);
      }),
      store: { read: () => this.#storeText() },
      store_skipped: { read: () => this.#skippedText() },
    };
  }

  /** Done when the change is kept. */
  async #write(change: () => void): Promise<void> {
    asHandlerError(change, CatalogueError, KeyError);
    try {
      await this.flush();
    } catch (e) {
      throw new HandlerError("FAILED", `it is changed, but not kept yet: ${(e as Error).message}`);
    }
  }

  #storeText(): string {
    const { loss } = this.#keeper!;
    return `${this.#store.kind} ${loss === null ? "present" : `fails: ${loss}`}`;
  }

  #skippedText(): string {
    const { unread, firstUnread } = this.#keeper!;
    return [String(unread), ...firstUnread.map(({ key, reason }) => `${key} ${reason}`)]
      .map((line) => `${line}\n`)
      .join("");
  }
}
