// A hypervisor and its agent for tests: the contract of src/cloud/hypervisor.ts over messages that may be lost.

import {
  type Announcement,
  type GuestSpec,
  type GuestState,
  type GuestStatus,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "../../../src/cloud/hypervisor.js";
import type { FakeRouter } from "./fake-router.js";
import type { Network, Place } from "./network.js";

interface Guest {
  readonly name: string;
  readonly memory: number;
  readonly mtu: number;
  readonly addresses: readonly Uint8Array[];
  state: GuestState;
  migration: string | null;
}

interface Incoming {
  readonly kind: "incoming";
  readonly guest: Guest;
  readonly announce: Announcement | undefined;
  state: "waits" | "runs" | "gone";
}

interface Outgoing {
  readonly kind: "outgoing";
  readonly guest: Guest;
  readonly announce: Announcement | undefined;
  readonly options: MigrationOptions;
  /** `sent`: the target may let it run: only that one knows. */
  state: "copies" | "stopped" | "sent" | "done" | "gone";
}

/** Seconds of copying, and of the last round. */
export const COPYING = 1;
const LAST_ROUND = 0.05;

export class FakeHypervisor {
  readonly place: Place;
  readonly #network: Network;
  readonly #router: FakeRouter;
  readonly guests = new Map<string, Guest>();
  readonly migrations = new Map<string, Incoming | Outgoing | "gone">();
  peer: FakeHypervisor | null = null;
  readonly room: { memory: number; guests: number; mtu: number };
  /** Until when it does nothing and answers nobody, seconds. */
  stalledUntil = 0;
  /** Until when it keeps no events, seconds, and says afterwards only that some were lost. */
  forgetsUntil = 0;
  /** What it refuses next. */
  readonly refuses = new Set<"prepareIncoming" | "migrate" | "resume">();
  /** Whether guests send packets by themselves. */
  speaks = false;
  /** Events that the controller has not acknowledged. */
  readonly events: { readonly number: number; readonly event: HypervisorEvent }[] = [];
  #number = 0;
  #waits = false;
  #forgot = false;
  /** Where events go. */
  listener: ((dc: Place, number: number, event: HypervisorEvent) => void) | null = null;

  constructor(place: Place, network: Network, router: FakeRouter, room: FakeHypervisor["room"]) {
    this.place = place;
    this.#network = network;
    this.#router = router;
    this.room = room;
  }

  get stalled(): boolean {
    return this.#network.now < this.stalledUntil;
  }

  // ---- The contract, at its place --------------------------------------------------------

  status(): HypervisorStatus {
    const used = [...this.guests.values()].reduce((n, { memory }) => n + memory, 0);
    return {
      driver: "fake",
      memory: { total: this.room.memory, free: this.room.memory - used },
      guests: { most: this.room.guests, now: this.guests.size },
      migrations: 8,
      mtu: this.room.mtu,
    };
  }

  list(): readonly GuestStatus[] {
    return [...this.guests.values()].map((guest) => ({ ...guest }));
  }

  prepareIncoming(id: string, spec: GuestSpec, announce: Announcement | undefined): Landing {
    if (this.refuses.delete("prepareIncoming")) throw new HypervisorError("FAILED", "no");
    const known = this.migrations.get(id);
    if (known === "gone" || known?.state === "gone") throw new HypervisorError("FAILED", "it was cancelled");
    if (known === undefined) {
      const { memory, guests, mtu } = this.status();
      if (spec.mtu > mtu) throw new HypervisorError("UNSUITED", "mtu");
      if (guests.now >= guests.most || memory.free < spec.memory) throw new HypervisorError("FULL", "full");
      if (this.guests.has(spec.name)) throw new HypervisorError("BUSY", "it is here");
      const guest: Guest = { ...spec, state: "incoming", migration: id };
      this.guests.set(spec.name, guest);
      this.migrations.set(id, { kind: "incoming", guest, announce, state: "waits" });
    }
    return { address: Uint8Array.of(10, 0, 0, 1), port: 1, secret: new Uint8Array(16) };
  }

  migrate(id: string, name: string, options: MigrationOptions): void {
    if (this.refuses.delete("migrate")) throw new HypervisorError("FAILED", "no");
    const known = this.migrations.get(id);
    if (known === "gone" || known?.state === "gone") throw new HypervisorError("FAILED", "it was cancelled");
    if (known !== undefined) return;
    const guest = this.guests.get(name);
    if (guest === undefined) throw new HypervisorError("NO_GUEST", "it is not here");
    if (guest.migration !== null) throw new HypervisorError("BUSY", "it migrates");
    guest.migration = id;
    const outgoing: Outgoing = {
      kind: "outgoing",
      guest,
      announce: options.announce,
      options,
      state: "copies",
    };
    this.migrations.set(id, outgoing);
    this.#tell(id, guest, "started");
    this.#later(COPYING, () => this.#stop(id, outgoing));
    this.#network.after(options.deadline, () => {
      if (outgoing.state === "copies" || outgoing.state === "stopped") this.#back(id, outgoing, "too late");
    });
  }

  cancel(id: string): Promise<void> {
    const known = this.migrations.get(id);
    if (known === undefined || known === "gone") {
      this.migrations.set(id, "gone");
      return Promise.resolve();
    }
    if (known.kind === "incoming") {
      if (known.state === "runs") return Promise.reject(new HypervisorError("TOO_LATE", "it runs here"));
      this.#drop(known);
      return Promise.resolve();
    }
    if (known.state === "done") return Promise.reject(new HypervisorError("TOO_LATE", "it has left"));
    if (known.state === "sent")
      return Promise.reject(new HypervisorError("UNREACHABLE", "the target has not said whether it runs"));
    if (known.state !== "gone") this.#back(id, known, "cancelled");
    return Promise.resolve();
  }

  // ---- The way of a guest ----------------------------------------------------------------

  #stop(id: string, out: Outgoing): void {
    if (out.state !== "copies") return;
    out.state = "stopped";
    out.guest.state = "paused";
    this.#tell(id, out.guest, "stopped");
    if (out.announce !== undefined)
      this.#router.announce(
        "left",
        out.announce.locators.map(({ rloc }) => rloc),
        out.guest.addresses,
      );
    this.#later(LAST_ROUND, () => {
      if (out.state !== "stopped") return;
      out.state = "sent";
      this.#go(id, out);
    });
  }

  /** Everything is at the target; it says whether it runs there. */
  #go(id: string, out: Outgoing): void {
    if (out.state !== "sent") return;
    this.#network.send(this.place, this.peer!.place, "go", () => {
      if (this.peer!.stalled) return;
      const runs = this.peer!.resume(id);
      this.#network.send(this.peer!.place, this.place, "gone", () => {
        if (out.state !== "sent") return;
        if (!runs) {
          this.#back(id, out, "the target does not take it");
          return;
        }
        out.state = "done";
        this.guests.delete(out.guest.name);
        this.#tell(id, out.guest, "completed");
      });
    });
    this.#later(0.1, () => this.#go(id, out));
  }

  resume(id: string): boolean {
    const known = this.migrations.get(id);
    if (known === undefined || known === "gone" || known.kind !== "incoming" || known.state === "gone")
      return false;
    if (known.state === "runs") return true;
    if (this.refuses.delete("resume")) {
      this.#drop(known);
      this.#tell(id, known.guest, "failed", "it does not come up");
      return false;
    }
    known.state = "runs";
    known.guest.state = "running";
    known.guest.migration = null;
    this.#tell(id, known.guest, "resumed");
    if (known.announce !== undefined)
      this.#router.announce(
        "arrived",
        known.announce.locators.map(({ rloc }) => rloc),
        known.guest.addresses,
      );
    if (this.speaks) this.speak();
    return true;
  }

  speak(): void {
    for (const guest of this.guests.values())
      if (guest.state === "running") this.#router.detect(guest.addresses);
  }

  #drop(incoming: Incoming): void {
    incoming.state = "gone";
    this.guests.delete(incoming.guest.name);
  }

  #back(id: string, out: Outgoing, reason: string): void {
    const stopped = out.state !== "copies";
    out.state = "gone";
    out.guest.state = "running";
    out.guest.migration = null;
    // What it has said at STOP does not hold any more, however late it comes.
    if (stopped && out.announce !== undefined) this.#router.announce("arrived", [], out.guest.addresses);
    this.#tell(id, out.guest, "failed", reason);
  }

  #later(seconds: number, run: () => void): void {
    this.#network.after(seconds, () => {
      const stalled = this.stalledUntil - this.#network.now;
      if (stalled > 1e-6) this.#later(stalled, run);
      else run();
    });
  }

  // ---- Events ----------------------------------------------------------------------------

  #tell(migration: string, guest: Guest, kind: HypervisorEvent["kind"], reason = ""): void {
    const at = this.#network.clock.now();
    const forgets = this.forgetsUntil - this.#network.now;
    if (forgets > 0) {
      if (!this.#forgot) this.#network.after(forgets + 0.001, () => this.#tellLost());
      this.#forgot = true;
      return;
    }
    const event = { kind, guest: guest.name, migration, at, bytes: 1, rounds: 1, reason };
    this.events.push({ number: ++this.#number, event });
    this.#send(this.#number, event);
    this.#again();
  }

  #tellLost(): void {
    this.#forgot = false;
    const at = this.#network.clock.now();
    const event = { kind: "lost", guest: "", migration: "", at, bytes: 0, rounds: 0, reason: "" } as const;
    this.events.push({ number: ++this.#number, event });
    this.#send(this.#number, event);
    this.#again();
  }

  /** The number of the first event that a controller which begins now hears of. */
  get firstEvent(): number {
    return this.events[0]?.number ?? this.#number + 1;
  }

  acknowledged(number: number): void {
    while (this.events.length > 0 && this.events[0].number <= number) this.events.shift();
  }

  #send(number: number, event: HypervisorEvent): void {
    if (!this.stalled)
      this.#network.send(this.place, "ctl", event.kind, () => this.listener?.(this.place, number, event));
  }

  #again(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#network.after(0.2, () => {
      this.#waits = false;
      if (this.events.length === 0) return;
      for (const { number, event } of this.events) this.#send(number, event);
      this.#again();
    });
  }
}
