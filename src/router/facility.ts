// What a router asks its world for by name, beside devices and stores: whoever makes the router decides what is behind
// a name.

import { nearest } from "../lang/nearest.js";
import { CodedError } from "../sluice-error.js";

/**
 * A kind of thing that a world may have, and the key by which its makers and its users find each other: each room
 * declares the kinds whose contracts it has.
 */
export class Facility<T> {
  /** With its article: `an orchestrator`. */
  readonly what: string;
  /** Of type T: only for the compiler. */
  declare readonly contract: T;

  constructor(what: string) {
    this.what = what;
  }
}

/** A world that has not what a router asks for; `message` says what is known, or what is missing. */
export class FacilityError extends CodedError {
  /** `NO_SUCH_KIND`, `NO_SUCH_NAME`, `REFUSED`. */
  declare readonly code: string;
}

/** How a router finds what its world has. */
export interface FacilityProvider {
  /** What the configuration calls `name` (`KIND` or `KIND:PLACE`). Rejects with FacilityError. */
  open<T>(facility: Facility<T>, name: string): Promise<T>;
}

/** Makes a thing from what stands behind the colon of its name; `""` where there is none. */
export type FacilityMaker<T> = (place: string) => T | Promise<T>;

/** A registry: makers of things by kind and name. */
export class Facilities implements FacilityProvider {
  readonly #makers = new Map<Facility<unknown>, Map<string, FacilityMaker<unknown>>>();

  /** Adds makers by name, in place of those that have the same names. */
  add<T>(facility: Facility<T>, makers: Readonly<Record<string, FacilityMaker<T>>>): this {
    const known = this.#makers.get(facility) ?? new Map();
    this.#makers.set(facility, known);
    for (const [name, make] of Object.entries(makers)) known.set(name, make);
    return this;
  }

  async open<T>(facility: Facility<T>, name: string): Promise<T> {
    const makers = this.#makers.get(facility);
    if (makers === undefined)
      throw new FacilityError(
        "NO_SUCH_KIND",
        `'${name}' is not there: this router's world has nothing that could be ${facility.what}`,
      );
    const [kind, ...places] = name.split(":");
    const make = makers.get(kind);
    if (make === undefined) {
      const near = nearest(kind, [...makers.keys()]);
      const hint = near === null ? `known are ${[...makers.keys()].join(", ")}` : `is it '${near}'?`;
      throw new FacilityError("NO_SUCH_NAME", `'${name}' is not ${facility.what} (${hint})`);
    }
    return (await make(places.join(":"))) as T;
  }
}
