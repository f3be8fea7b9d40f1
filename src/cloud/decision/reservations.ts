// Virtual machines on their way by decisions that are not carried out yet: what they will take where they go.

import { LargeMap } from "../../collections/large-map.js";

export interface Reservation {
  readonly vm: string;
  readonly to: string;
  /** Bytes. */
  readonly memory: number;
  /** Of the decision. */
  readonly decision: number;
  /** Steady nanoseconds at which it counts no more. */
  readonly until: number;
}

export class Reservations {
  readonly #byVm = new LargeMap<string, Reservation>();
  readonly #taken = new LargeMap<string, { vms: number; memory: number }>();

  get size(): number {
    return this.#byVm.size;
  }

  get(vm: string): Reservation | null {
    return this.#byVm.get(vm) ?? null;
  }

  /** Virtual machines, and their bytes, on their way to a data centre. */
  taken(dc: string): { readonly vms: number; readonly memory: number } {
    return this.#taken.get(dc) ?? { vms: 0, memory: 0 };
  }

  /** In place of one for the same virtual machine; behind all others. */
  set(reservation: Reservation): void {
    this.delete(reservation.vm);
    this.#byVm.set(reservation.vm, reservation);
    this.#weigh(reservation, 1);
  }

  delete(vm: string): Reservation | null {
    const found = this.#byVm.get(vm);
    if (found === undefined) return null;
    this.#byVm.delete(vm);
    this.#weigh(found, -1);
    return found;
  }

  #weigh({ to, memory }: Reservation, sign: number): void {
    const now = this.taken(to);
    const next = { vms: now.vms + sign, memory: now.memory + sign * memory };
    if (next.vms === 0) this.#taken.delete(to);
    else this.#taken.set(to, next);
  }

  /** The one that was made first. */
  get first(): Reservation | null {
    return this.#byVm.first?.[1] ?? null;
  }

  all(): IterableIterator<Reservation> {
    return this.#byVm.values();
  }
}
