// Where the users of each service are, and how far from each data centre, kept as they move: what a decision needs of all
// users without looking at each.

import { LargeMap } from "../../collections/large-map.js";
import type { Catalogue } from "../catalogue/catalogue.js";
import { distance, type Place } from "../geography.js";

/** A network: `access NAME` or `dc NAME`. */
type Network = string;

/** The users of a service. */
interface Reach {
  /** By network. */
  readonly counts: Map<Network, number>;
  /** Those whose network has a place; and kilometres to each data centre that has one, summed over them. */
  located: number;
  readonly sums: Map<string, number>;
  /** What the last two were worked out for, the networks and data centres as they were then; another one: they are not good. */
  era: number;
}

interface Known {
  readonly network: Network;
  readonly uses: readonly string[];
}

export class Audience {
  readonly #catalogue: Catalogue;
  readonly #services = new LargeMap<string, Reach>();
  readonly #users = new LargeMap<string, Known>();
  /** Kilometres from networks to each data centre that has a place; null: the network has none. */
  readonly #distances = new Map<Network, ReadonlyMap<string, number> | null>();
  #era = 0;

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

  #add(service: string, network: Network, n: 1 | -1): void {
    const reach = this.#services.get(service) ?? {
      counts: new Map(),
      located: 0,
      sums: new Map(),
      era: this.#era,
    };
    const count = (reach.counts.get(network) ?? 0) + n;
    if (count > 0) reach.counts.set(network, count);
    else reach.counts.delete(network);
    if (reach.counts.size === 0) {
      this.#services.delete(service);
      return;
    }
    this.#services.set(service, reach);
    if (reach.era === this.#era) this.#weigh(reach, network, n);
  }

  #weigh(reach: Reach, network: Network, n: number): void {
    const distances = this.#distancesOf(network);
    if (distances === null) return;
    reach.located += n;
    // Begun anew with nobody, rounding does not add up for ever.
    if (reach.located === 0) reach.sums.clear();
    else
      for (const [dc, kilometres] of distances)
        reach.sums.set(dc, (reach.sums.get(dc) ?? 0) + n * kilometres);
  }

  /** Networks or data centres have come, gone, or are elsewhere. */
  moved(): void {
    this.#distances.clear();
    this.#era++;
  }

  /**
   * Users of a service whose place is known, and kilometres from a data centre to them, the mean by its name: not there
   * where its own place is not known.
   */
  reach(service: string): { readonly located: number; readonly distance: (dc: string) => number | null } {
    const reach = this.#services.get(service);
    if (reach === undefined) return { located: 0, distance: () => null };
    if (reach.era !== this.#era) {
      reach.era = this.#era;
      reach.located = 0;
      reach.sums.clear();
      for (const [network, count] of reach.counts) this.#weigh(reach, network, count);
    }
    const { located, sums } = reach;
    return {
      located,
      distance: (dc) => {
        const sum = sums.get(dc);
        return sum === undefined || located === 0 ? null : Math.max(0, sum / located);
      },
    };
  }

  #distancesOf(network: Network): ReadonlyMap<string, number> | null {
    const known = this.#distances.get(network);
    if (known !== undefined) return known;
    const from = this.#placeOf(network);
    let found: Map<string, number> | null = null;
    if (from !== null) {
      found = new Map();
      for (const { name, at } of this.#catalogue.all("dc"))
        if (at !== null) found.set(name, distance(from, at));
    }
    this.#distances.set(network, found);
    return found;
  }

  #placeOf(network: Network): Place | null {
    const [kind, name] = network.split(" ");
    return this.#catalogue.get(kind as "access" | "dc", name)?.at ?? null;
  }
}
