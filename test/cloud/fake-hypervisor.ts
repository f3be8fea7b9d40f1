// A hypervisor that notes what it is asked, for tests of agents.

import {
  type GuestSpec,
  type GuestStatus,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "../../src/index.js";

export class FakeHypervisor implements Hypervisor {
  /** `cancel NAME` and the like, in order. */
  readonly calls: string[] = [];
  readonly orders: { readonly options?: MigrationOptions; readonly landing?: Landing }[] = [];
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  list: GuestStatus[] = [];
  closed = 0;
  /** What calls wait for. */
  wait: Promise<void> = Promise.resolve();
  #events = 0;

  async #note(call: string): Promise<void> {
    this.calls.push(call);
    await this.wait;
  }

  async status(): Promise<HypervisorStatus> {
    await this.#note("status");
    return {
      driver: "fake",
      memory: { total: 4, free: 1 },
      guests: { most: 2, now: this.list.length },
      migrations: 1,
      mtu: 1500,
    };
  }

  async guests(): Promise<readonly GuestStatus[]> {
    await this.#note("guests");
    return this.list;
  }

  async prepareIncoming(migration: string, { name }: GuestSpec, patience: number): Promise<Landing> {
    await this.#note(`prepare ${migration} ${name} ${patience}`);
    if (name === "big") throw new HypervisorError("FULL", "no room");
    if (name === "odd") throw new Error("something else");
    return { address: Uint8Array.of(10, 0, 0, 7), port: 99, secret: new Uint8Array(16).fill(7) };
  }

  async migrate(
    migration: string,
    guest: string,
    landing: Landing,
    options: MigrationOptions,
  ): Promise<void> {
    this.orders.push({ options, landing });
    await this.#note(`migrate ${migration} ${guest}`);
  }

  cancel(migration: string): Promise<void> {
    return this.#note(`cancel ${migration}`);
  }

  onEvent(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.closed++;
  }

  /** Has its listeners hear of an event; by default the next of a row, whose `bytes` count. */
  tell(event: Partial<HypervisorEvent> = {}): void {
    const all = {
      kind: "progress",
      guest: "web",
      migration: "m1",
      at: 0,
      bytes: ++this.#events,
      rounds: 0,
      reason: "",
      ...event,
    } as const;
    for (const listener of this.#listeners) listener(all);
  }
}
