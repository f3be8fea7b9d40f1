// What migrations ask of the catalogue.

import type { Catalogue } from "../catalogue/catalogue.js";
import { CatalogueError } from "../catalogue/model.js";
import type { Directory, Machine, Site } from "./seams.js";

export class CatalogueDirectory implements Directory {
  readonly #catalogue: () => Catalogue;
  readonly #placed: () => void;

  /** `catalogue`: the present one, after hot swaps as well. `placed`: a virtual machine is in another data centre. */
  constructor(catalogue: () => Catalogue, placed: () => void) {
    this.#catalogue = catalogue;
    this.#placed = placed;
  }

  site(name: string): Site | null {
    return this.#catalogue().get("dc", name);
  }

  machine(name: string): Machine | null {
    return this.#catalogue().get("vm", name);
  }

  place(vm: string, dc: string): void {
    try {
      this.#catalogue().place(vm, dc);
    } catch (e) {
      // Either was taken out meanwhile.
      if (e instanceof CatalogueError) return;
      throw e;
    }
    this.#placed();
  }
}
