// What a controller knows of a migration while it runs: from answers, events and publications. None of it is kept; who
// takes over asks again.

import type { GuestStatus, HypervisorEvent, HypervisorStatus, Landing } from "../hypervisor.js";
import type { MigrationRecord, Refusal } from "./record.js";
import type { Side } from "./seams.js";
import type { Claim, Facts, Seen } from "./stages.js";

export class Knowledge implements Facts {
  source: Seen = "unknown";
  target: Seen = "unknown";
  landing: Landing | null = null;
  readonly status: { source: HypervisorStatus | null; target: HypervisorStatus | null } = {
    source: null,
    target: null,
  };
  refusal: Refusal | null = null;
  readonly done = new Set<string>();
  readonly tried = new Set<string>();
  readonly confirmed = new Set<string>();
  late = false;
  lost = false;
  /** Who claims each EID, by its place in the record. */
  readonly claims: Claim[] = [];
  /** Bytes sent, and rounds. */
  bytes = 0;
  rounds = 0;
  /** Events so far, by side: what was asked for before one does not count against it. */
  readonly #events = { source: 0, target: 0 };

  get claim(): Claim {
    if (this.claims.length === 0) return "unknown";
    return this.claims.every((claim) => claim === this.claims[0]) ? this.claims[0] : "nobody";
  }

  /** A state begins: what belongs to the last one is over. */
  enter(): void {
    this.done.clear();
    this.tried.clear();
    this.late = false;
    this.lost = false;
  }

  /** Once it runs at the target nothing older is believed. */
  saw(side: Side, seen: Seen): void {
    if (this[side] !== "running" || side === "source") this[side] = seen;
  }

  /** The first reason is the reason. */
  refuse(refusal: Refusal): void {
    this.refusal ??= refusal;
  }

  /** It may be asked now; the answer goes to what this returns. */
  asks(side: Side, record: MigrationRecord): (guest: GuestStatus | null) => void {
    const before = this.#events[side];
    return (guest) => {
      if (this.#events[side] === before) this.#looked(side, record, guest);
    };
  }

  #looked(side: Side, record: MigrationRecord, guest: GuestStatus | null): void {
    if (guest === null) {
      this.saw(side, "absent");
      return;
    }
    const ours = guest.migration === record.id;
    if (side === "target") {
      this.saw(side, guest.state);
      return;
    }
    // One that stands still for another reason has not left.
    this.saw(side, guest.state === "paused" && !ours ? "running" : guest.state);
    if (record.state === "running" && guest.state === "running" && !ours)
      this.refuse({
        code: "FAILED",
        from: `hypervisor ${record.from}`,
        reason: "it knows nothing of the migration any more",
      });
  }

  event(side: Side, event: HypervisorEvent, record: MigrationRecord): void {
    this.#events[side]++;
    switch (event.kind) {
      case "started":
      case "progress":
        this.saw("source", "running");
        this.done.add("migrate");
        this.bytes = event.bytes;
        this.rounds = event.rounds;
        break;
      case "stopped":
        this.saw("source", "paused");
        this.bytes = event.bytes;
        this.rounds = event.rounds;
        break;
      case "completed":
        this.saw("source", "absent");
        this.bytes = event.bytes;
        this.rounds = event.rounds;
        break;
      case "incoming":
        this.saw("target", "incoming");
        break;
      case "resumed":
        this.saw("target", "running");
        break;
      case "failed":
        this.saw(side, side === "source" ? "running" : "absent");
        this.refuse({
          code: "FAILED",
          from: `hypervisor ${side === "source" ? record.from : record.to}`,
          reason: event.reason,
        });
        break;
      case "lost":
        break;
    }
  }
}
