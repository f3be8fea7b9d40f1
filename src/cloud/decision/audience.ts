// How many users of each service are in which network, kept as they move: what a decision needs of all users without
// looking at each.

import { LargeMap } from "../../collections/large-map.js";
import type { Catalogue } from "../catalogue/catalogue.js";
import { distance, type Place } from "../geography.js";

/** Users by network: `access NAME` or `dc NAME`. */
type Counts = Map<string, number>;

interface Known {
  readonly network: string;
  readonly uses: readonly string[];
}

export class Audience {
  readonly #catalogue: Catalogue;
  readonly #services = new LargeMap<string, Counts>();
  readonly #users = new LargeMap<string, Known>();
  /** Kilometres from networks to data centres that were worked out; null: not known. */
  readonly #distances = new Map<string, Map<string, number | null>>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** A user is in another network, or uses other services; null: it is in none that is known. */
  set(user: string, network: { readonly kind: "access" | "dc"; readonly name: string } | null): void {
    const former = this.#users.get(user);
    for (const service of former?.uses ?? []) this.#add(service, former!.network, -1);
    const entry = this.#catalogue.get("user", user);
    if (network === null || entry === null) {
      this.#users.delete(user);
      return;
    }
    const known = { network: `${network.kind} ${network.name}`, uses: entry.uses };
    this.#users.set(user, known);
    for (const service of known.uses) this.#add(service, known.network, 1);
  }

  #add(service: string, network: string, n: number): void {
    const counts = this.#services.get(service) ?? new Map<string, number>();
    this.#services.set(service, counts);
    const count = (counts.get(network) ?? 0) + n;
    if (count > 0) counts.set(network, count);
    else counts.delete(network);
    if (counts.size === 0) this.#services.delete(service);
  }

  /** Networks or data centres are elsewhere now. */
  moved(): void {
    this.#distances.clear();
  }

  /** Kilometres from a data centre to the users of a service whose place is known, their mean; and how many these are. */
  reach(service: string, dc: string): { readonly distance: number | null; readonly located: number } {
    let sum = 0;
    let located = 0;
    let known = true;
    for (const [network, count] of this.#services.get(service) ?? []) {
      if (this.#placeOf(network) === null) continue;
      located += count;
      const kilometres = this.#distance(network, dc);
      if (kilometres === null) known = false;
      else sum += kilometres * count;
    }
    return { distance: known && located > 0 ? sum / located : null, located };
  }

  #distance(network: string, dc: string): number | null {
    const row = this.#distances.get(network) ?? new Map<string, number | null>();
    this.#distances.set(network, row);
    const found = row.get(dc);
    if (found !== undefined) return found;
    const [a, b] = [this.#placeOf(network), this.#catalogue.get("dc", dc)?.at ?? null];
    const kilometres = a === null || b === null ? null : distance(a, b);
    row.set(dc, kilometres);
    return kilometres;
  }

  #placeOf(network: string): Place | null {
    const [kind, name] = network.split(" ");
    return this.#catalogue.get(kind as "access" | "dc", name)?.at ?? null;
  }
}
