// The migrations of a hypervisor, as its events told them: for people.

import type { HypervisorEvent } from "../hypervisor.js";

/** Migrations remembered; of more, those whose last event was longest ago are forgotten. */
const MOST = 64;

export class MigrationLog {
  readonly #last = new Map<string, HypervisorEvent>();

  note(event: HypervisorEvent): void {
    this.#last.delete(event.migration);
    this.#last.set(event.migration, event);
    if (this.#last.size <= MOST) return;
    const [first] = this.#last.keys();
    this.#last.delete(first);
  }

  /** A line for each: migration, virtual machine, last event, seconds since then, bytes and rounds sent, why it failed. */
  text(now: number): string {
    return [...this.#last.values()]
      .map(({ migration, guest, kind, at, bytes, rounds, reason }) => {
        const line = `${migration} ${guest} ${kind} ${((now - at) / 1e9).toFixed(3)} ${bytes} ${rounds}`;
        return reason === "" ? `${line}\n` : `${line} ${reason}\n`;
      })
      .join("");
  }
}
