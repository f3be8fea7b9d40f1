// What an agent is to tell the tunnel routers of its site at the switch of a migration, and when it does.

import type { Announcement, HypervisorEvent } from "../hypervisor.js";

/** Tells the tunnel routers of a site. Addresses of 4 or 16 bytes. */
export interface SiteNews {
  /** A virtual machine with these addresses stands still here, and goes to the announced locators. */
  left(addresses: readonly Uint8Array[], announcement: Announcement): void;
  /** A virtual machine with these addresses runs here; it was at the announced locators. */
  arrived(addresses: readonly Uint8Array[], announcement: Announcement): void;
}

/** Migrations for which something is to be told; of more, the first are forgotten. */
const MOST = 256;

interface Announced {
  readonly addresses: readonly Uint8Array[];
  readonly announcement: Announcement;
  left: boolean;
}

export class Announcements {
  readonly #byMigration = new Map<string, Announced>();

  /** Returns whether it was news: of a migration the first announcement counts. */
  add(migration: string, addresses: readonly Uint8Array[], announcement: Announcement): boolean {
    if (this.#byMigration.has(migration)) return false;
    this.#byMigration.set(migration, { addresses, announcement, left: false });
    if (this.#byMigration.size > MOST) {
      const [first] = this.#byMigration.keys();
      this.#byMigration.delete(first);
    }
    return true;
  }

  /** The migration was refused. */
  forget(migration: string): void {
    this.#byMigration.delete(migration);
  }

  /** Tells what an event of the hypervisor means. One that has left, and runs here again as its migration failed, is back. */
  note({ kind, migration }: HypervisorEvent, news: SiteNews): void {
    const announced = this.#byMigration.get(migration);
    if (announced === undefined) return;
    const { addresses, announcement } = announced;
    if (kind === "stopped" && !announced.left) {
      announced.left = true;
      news.left(addresses, announcement);
    } else if (kind === "resumed") news.arrived(addresses, announcement);
    else if (kind === "failed" && announced.left)
      news.arrived(addresses, { iid: announcement.iid, locators: [] });
    if (kind === "resumed" || kind === "failed" || kind === "completed") this.#byMigration.delete(migration);
  }
}
