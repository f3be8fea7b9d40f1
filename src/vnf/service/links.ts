// The links of a service: laid between its functions, laid anew, impaired.

import type { ServiceDescriptor } from "../descriptor/model.js";
import type { LinkConditions } from "../link/conditions.js";
import type { EndChange, EndPlan, Fabric } from "../link/fabric.js";
import type { World } from "../world.js";
import type { ManagedFunction } from "./function.js";

export class Links {
  readonly #world: World;
  readonly #fabric: Fabric;
  readonly #functions: ReadonlyMap<string, ManagedFunction>;

  constructor(world: World, fabric: Fabric, functions: ReadonlyMap<string, ManagedFunction>) {
    this.#world = world;
    this.#fabric = fabric;
    this.#functions = functions;
  }

  #plans(link: string): EndPlan[] {
    return [...this.#functions.values()]
      .flatMap((f) => this.#fabric.plan(f.name, f.descriptor))
      .filter((p) => p.link === link);
  }

  /** Lays the links of `descriptor` that are named. */
  async lay({ links }: ServiceDescriptor, names: Iterable<string>): Promise<void> {
    for (const name of names) await this.#fabric.lay(links.get(name)!, this.#plans(name));
  }

  /** Plugs instances into links that are there already. */
  async plug(names: Iterable<string>, instances: readonly string[]): Promise<void> {
    for (const name of names) {
      const plans = this.#plans(name).filter((p) => instances.includes(p.instance));
      if (plans.length > 0) await this.#fabric.extend(name, plans);
    }
  }

  async remove(names: Iterable<string>): Promise<void> {
    for (const name of names) await this.#fabric.remove(name);
  }

  /** Changes what a link does to packets, wherever its ends are. */
  impair(link: string, conditions: LinkConditions): void {
    this.tell(this.#fabric.impair(link, conditions));
  }

  /** Tells ends in other threads what they are to do. */
  tell(changes: readonly EndChange[]): void {
    for (const { instance, ...request } of changes) {
      // One that does not run hears of it when it starts.
      const told = this.#functions.get(instance)?.request("impair", request);
      this.#world.hold(Promise.resolve(told).catch(() => {}));
    }
  }
}
