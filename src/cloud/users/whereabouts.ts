// Where an EID is: what it is registered with, and which network that is.

import type { Locator } from "../../lisp/mapping.js";
import { addressText } from "../../net/address.js";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { Place } from "../geography.js";
import type { Registration } from "./registrations.js";

export interface Whereabouts {
  /** The best first; at least one. */
  readonly locators: readonly Locator[];
  /** Of the EID-prefix that is registered; that of an address where the EID is registered as a host of its own. */
  readonly length: number;
  /** The access network or data centre that the locators belong to; null: the catalogue has none with one of the best. */
  readonly network: { readonly kind: "access" | "dc"; readonly name: string } | null;
  readonly at: Place | null;
  /** Steady nanoseconds from which on the EID was there. */
  readonly since: number;
}

/** null: nothing is registered. */
export function whereabouts(
  registration: Registration | null,
  catalogue: Catalogue,
  since: number,
): Whereabouts | null {
  const locators = registration?.locators ?? [];
  if (registration === null || locators.length === 0) return null;
  for (const { rloc, priority } of locators) {
    if (priority !== locators[0].priority) break;
    const found = catalogue.network(rloc);
    if (found === null) continue;
    const { kind, name, at } = found;
    return { locators, length: registration.length, network: { kind, name }, at, since };
  }
  return { locators, length: registration.length, network: null, at: null, since };
}

/** The same for all that is in one place: of one network, or, where that is not known, with the same best locators. */
export function placeName(where: Whereabouts | null): string {
  if (where === null) return "-";
  if (where.network !== null) return `${where.network.kind} ${where.network.name}`;
  const best = where.locators.filter((l) => l.priority === where.locators[0].priority);
  return `rloc ${best
    .map((l) => addressText(l.rloc))
    .sort()
    .join(" ")}`;
}
