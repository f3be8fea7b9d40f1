// What a hypervisor has, as text for people: a simulated one says it at once, any other is asked and followed.

import { addressText } from "../../net/address.js";
import type { GuestStatus, Hypervisor, HypervisorStatus } from "../hypervisor.js";

/** A hypervisor that can say what it has without a promise. */
export interface OpenHypervisor {
  readonly statusNow: HypervisorStatus;
  readonly guestsNow: readonly GuestStatus[];
}

export class Holdings {
  readonly #hypervisor: Hypervisor;
  readonly #open: OpenHypervisor | null;
  readonly #unlisten: () => void;
  #status: HypervisorStatus | null = null;
  #guests: readonly GuestStatus[] = [];
  #asking = false;

  /** `log` gets a line where the hypervisor does not say what it has. */
  constructor(hypervisor: Hypervisor, log: (line: string) => void) {
    this.#hypervisor = hypervisor;
    this.#open = isOpen(hypervisor) ? hypervisor : null;
    const follow = (): void => {
      if (this.#asking || this.#open !== null) return;
      this.#asking = true;
      this.refresh()
        .catch((e: Error) => log(e.message))
        .then(() => {
          this.#asking = false;
        });
    };
    this.#unlisten = hypervisor.onEvent(follow);
    follow();
  }

  close(): void {
    this.#unlisten();
  }

  /** Asks the hypervisor. Rejects with HypervisorError. */
  async refresh(): Promise<void> {
    if (this.#open !== null) return;
    this.#status = await this.#hypervisor.status();
    this.#guests = await this.#hypervisor.guests();
  }

  /** A line: driver, bytes of memory and how many are free, virtual machines at most and now, migrations at once, MTU. */
  get statusText(): string {
    const status = this.#open?.statusNow ?? this.#status;
    if (status === null) return "";
    const { driver, memory, guests, migrations, mtu } = status;
    return `${driver} ${memory.total} ${memory.free} ${guests.most} ${guests.now} ${migrations} ${mtu}\n`;
  }

  /** A line for each virtual machine: name, state, bytes of memory, migration or -, addresses. */
  get guestsText(): string {
    return (this.#open?.guestsNow ?? this.#guests)
      .map(({ name, state, memory, migration, addresses }) =>
        [name, state, memory, migration ?? "-", ...addresses.map(addressText)].join(" "),
      )
      .map((line) => `${line}\n`)
      .join("");
  }
}

function isOpen(hypervisor: Hypervisor): hypervisor is Hypervisor & OpenHypervisor {
  return "statusNow" in hypervisor && "guestsNow" in hypervisor;
}
