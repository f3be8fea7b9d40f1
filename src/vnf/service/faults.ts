// What goes wrong in a service on purpose: faults begin, may overlap, and end.

import type { Fault, FaultDescriptor, LinkFault, StoreFailure } from "../descriptor/model.js";
import type { World } from "../world.js";

/** What faults happen to. */
export interface FaultTarget {
  readonly world: World;
  /** Throws ServiceError when there is no such link, or function. */
  checkLink(link: string): void;
  checkFunction(name: string): void;
  /** Lets a link do what its descriptor says, but for the faults that last, in the order in which they began. Nothing where there is none. */
  impair(link: string, lasting: readonly LinkFault[]): void;
  crash(name: string): Promise<unknown>;
  jump(name: string, seconds: number): Promise<unknown>;
  /** Throws ServiceError where stores are real. */
  failStore(name: string, failure: StoreFailure | null): void;
  tell(about: string, message: string): void;
}

export class Faults {
  readonly #target: FaultTarget;
  /** What takes back what is to begin or to end. */
  readonly #scheduled = new Set<() => void>();
  /** Those that last, in the order in which they began. */
  readonly #links = new Map<string, Set<LinkFault>>();
  readonly #stores = new Map<string, Set<{ readonly failure: StoreFailure }>>();

  constructor(target: FaultTarget) {
    this.#target = target;
  }

  /** Lets `fault` happen `at` seconds from now, and what can end does after its duration; not when it is cancelled before. */
  schedule(fault: FaultDescriptor): () => void {
    return this.#after(fault.at, () => {
      try {
        this.inject(fault, fault.duration);
      } catch (e) {
        // What it is about may be gone by then.
        this.#target.tell("service", (e as Error).message);
      }
    });
  }

  /** Lets `fault` happen now, for `duration` seconds. Throws ServiceError. */
  inject(fault: Fault, duration: number): void {
    const undo = this.#befall(fault);
    if (undo !== null && duration !== Number.POSITIVE_INFINITY) this.#after(duration, undo);
  }

  /** Nothing more begins or ends. */
  cancel(): void {
    for (const cancel of this.#scheduled) cancel();
    this.#scheduled.clear();
  }

  /** The link is told anew what it is to do: its descriptor changed. */
  renew(link: string): void {
    this.#target.impair(link, [...(this.#links.get(link) ?? [])]);
  }

  #after(seconds: number, run: () => void): () => void {
    const cancel = this.#target.world.after(seconds, () => {
      this.#scheduled.delete(cancel);
      run();
    });
    this.#scheduled.add(cancel);
    return () => {
      this.#scheduled.delete(cancel);
      cancel();
    };
  }

  /** Returns what undoes it; null where nothing can. */
  #befall(fault: Fault): (() => void) | null {
    const target = this.#target;
    if (fault.kind === "link-down" || fault.kind === "link-change") return this.#befallLink(fault);
    const name = fault.function;
    target.checkFunction(name);
    const quietly = (work: Promise<unknown>): void =>
      target.world.hold(work.catch((e: Error) => target.tell(name, e.message)));
    switch (fault.kind) {
      case "crash":
        target.tell(name, "crash");
        quietly(target.crash(name));
        return null;
      case "clock":
        target.tell(name, `clock jumps by ${fault.seconds} s`);
        quietly(target.jump(name, fault.seconds));
        return null;
      case "store":
        return this.#befallStore(name, fault.failure);
    }
  }

  #befallLink(fault: LinkFault): () => void {
    const { link } = fault;
    this.#target.checkLink(link);
    const lasting = this.#links.get(link) ?? new Set();
    this.#links.set(link, lasting);
    // One that comes twice is two.
    const own = { ...fault };
    lasting.add(own);
    this.renew(link);
    const where = (fault.pairs ?? []).map(({ from, to }) => `${from} to ${to}: `).join("");
    this.#target.tell(link, where + (fault.kind === "link-down" ? "down" : JSON.stringify(fault.change)));
    return () => {
      lasting.delete(own);
      this.renew(link);
      this.#target.tell(link, `${where}over`);
    };
  }

  #befallStore(name: string, failure: StoreFailure): () => void {
    this.#target.failStore(name, failure);
    const lasting = this.#stores.get(name) ?? new Set();
    this.#stores.set(name, lasting);
    const own = { failure };
    lasting.add(own);
    this.#target.tell(name, `store: ${failure}`);
    return () => {
      lasting.delete(own);
      this.#target.failStore(name, [...lasting].at(-1)?.failure ?? null);
      this.#target.tell(name, "store: over");
    };
  }
}
