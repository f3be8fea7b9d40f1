// Which of its site's keys each xTR uses: while keys roll over, one that has not got the new key yet could not read
// what is authenticated with it.

import { LargeMap } from "../../collections/large-map.js";
import type { AuthenticationKey } from "../control/authentication.js";
import { idsOf, keyAlgorithm } from "../control/keys.js";
import type { Registrant } from "./entries.js";
import type { Site } from "./sites.js";

export class PeerKeys {
  readonly #max: number;
  /** Key ID and algorithm of those whose sites have several keys, or one by several IDs, the latest last. */
  readonly #used = new LargeMap<string, string>();

  /** `max`: most xTRs remembered. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#used.size;
  }

  /** An xTR has authenticated a Map-Register with `key`. */
  used(who: Registrant, site: Site, key: AuthenticationKey): void {
    const name = nameOf(who);
    this.#used.delete(name);
    if (site.keys.length < 2 && key.id === site.keys[0].id) return;
    this.#used.set(name, keyName(key));
    if (this.#used.size > this.#max) this.#used.delete(this.#used.first![0]);
  }

  /** The key that the xTR has used last; the site's first one where that is not known, or no key of the site any more. */
  of(who: Registrant, site: Site): AuthenticationKey {
    const used = this.#used.get(nameOf(who));
    for (const key of site.keys)
      for (const id of idsOf(key)) {
        const named = id === key.id ? key : { ...key, id };
        if (keyName(named) === used) return named;
      }
    return site.keys[0];
  }
}

function keyName(key: AuthenticationKey): string {
  return `${key.id}.${keyAlgorithm(key)}`;
}

function nameOf({ site, xtrId, siteId, source }: Registrant): string {
  const id =
    xtrId === null
      ? `@${Buffer.from(source).toString("hex")}`
      : `${Buffer.from(xtrId).toString("hex")}.${siteId}`;
  return `${site}/${id}`;
}
