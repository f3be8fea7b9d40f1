// The links of a service: laid once for all functions, changed while they run.

import { createHash } from "node:crypto";
import { makeLink } from "../../device/link.js";
import type { Loader } from "../../loader.js";
import type { FunctionDescriptor, Impairments, LinkDescriptor } from "../descriptor/model.js";
import type { World } from "../service/world.js";
import type { Attached, LinkEnd } from "./attached.js";
import { halved, Segment } from "./segment.js";
import { linkOptions } from "./wire.js";

/** A device of an instance that is to be an end of a link. */
export interface EndPlan {
  readonly instance: string;
  readonly device: string;
  readonly link: string;
  readonly mac: Uint8Array;
}

interface LaidEnd {
  /** Null: this end of a wire is nobody's. */
  readonly plan: EndPlan | null;
  readonly end: LinkEnd;
}

interface LaidLink {
  readonly link: LinkDescriptor;
  impairments: Impairments;
  cut: boolean;
  readonly ends: LaidEnd[];
  readonly segment: Segment | null;
}

export class Fabric {
  readonly #service: string;
  readonly #world: World;
  readonly #loader: Loader;
  readonly #laid = new Map<string, LaidLink>();

  constructor(service: string, world: World, loader: Loader) {
    this.#service = service;
    this.#world = world;
    this.#loader = loader;
  }

  /** The ends of links that an instance of `f` has. */
  plan(instance: string, f: FunctionDescriptor): EndPlan[] {
    const plans: EndPlan[] = [];
    for (const d of f.devices) {
      if (!("link" in d)) continue;
      const mac = d.mac ?? hardwareAddress(this.#service, instance, d.name);
      plans.push({ instance, device: d.name, link: d.link, mac });
    }
    return plans;
  }

  /** Lays `link` between its ends: a wire for two, or fewer, a switch with wires for more. */
  async lay(link: LinkDescriptor, plans: readonly EndPlan[]): Promise<void> {
    const laid: LaidLink = {
      link,
      impairments: link,
      cut: false,
      ends: [],
      segment: plans.length <= 2 ? null : new Segment(link, this.#world, this.#loader),
    };
    this.#laid.set(link.name, laid);
    if (laid.segment === null) {
      const ends = makeLink({
        ...linkOptions(link, link.mtu, this.#world),
        names: [`${link.name} a`, `${link.name} b`],
      });
      laid.ends.push(...ends.map((end) => ({ plan: null, end })));
    }
    for (const plan of plans) await this.#plug(laid, plan);
  }

  async #plug(laid: LaidLink, plan: EndPlan): Promise<void> {
    if (laid.segment === null) {
      const free = laid.ends.findIndex((e) => e.plan === null);
      const { end } = laid.ends[free];
      end.mac = plan.mac;
      laid.ends[free] = { plan, end };
      return;
    }
    const end = await laid.segment.plug(portName(plan), plan.mac, laid.impairments);
    if (laid.cut) end.impair(halved(laid.impairments), true);
    laid.ends.push({ plan, end });
  }

  /** Whether `name`, as it is laid, can have so many ends: a wire has two. */
  carries(name: string, ends: number): boolean {
    return ends <= 2 || this.#laid.get(name)!.segment !== null;
  }

  /** Adds ends to a link that carries them. */
  async extend(name: string, plans: readonly EndPlan[]): Promise<void> {
    const laid = this.#laid.get(name)!;
    for (const plan of plans) await this.#plug(laid, plan);
  }

  /** Takes the ends of `instance` out of links that run. */
  async withdraw(instance: string): Promise<void> {
    for (const laid of this.#laid.values()) {
      for (const [i, { plan, end }] of [...laid.ends.entries()].reverse()) {
        if (plan?.instance !== instance) continue;
        if (laid.segment === null) {
          laid.ends[i] = { plan: null, end };
          continue;
        }
        laid.ends.splice(i, 1);
        await laid.segment.unplug(portName(plan));
        end.close();
      }
    }
  }

  /** The devices of an instance of `f`. */
  attached(instance: string, f: FunctionDescriptor): Attached[] {
    return f.devices.map((d) => {
      if ("interface" in d) return d;
      const laid = this.#laid.get(d.link)!;
      const { end } = laid.ends.find((e) => e.plan?.instance === instance && e.plan.device === d.name)!;
      return { name: d.name, end };
    });
  }

  /** What the link does to packets now. */
  state(name: string): { readonly impairments: Impairments; readonly cut: boolean } {
    return this.#laid.get(name)!;
  }

  /** Changes what the link does to packets. */
  impair(name: string, change: Partial<Impairments>, cut: boolean): void {
    const laid = this.#laid.get(name)!;
    laid.impairments = { ...laid.impairments, ...change };
    laid.cut = cut;
    const each = laid.segment === null ? laid.impairments : halved(laid.impairments);
    for (const { end } of laid.ends) end.impair(each, cut);
    laid.segment?.impair(laid.impairments, cut);
  }

  /** Takes a link away. Its ends must be nobody's by now. */
  async remove(name: string): Promise<void> {
    const laid = this.#laid.get(name);
    if (laid === undefined) return;
    this.#laid.delete(name);
    for (const { end } of laid.ends) end.close();
    await laid.segment?.close();
  }

  async close(): Promise<void> {
    for (const name of [...this.#laid.keys()]) await this.remove(name);
  }
}

function portName(plan: EndPlan): string {
  return `${plan.instance}-${plan.device}`;
}

/** A locally administered hardware address, the same in every run. */
function hardwareAddress(service: string, instance: string, device: string): Uint8Array {
  const hash = createHash("sha256").update(`${service}/${instance}/${device}`).digest();
  return Uint8Array.of(2, ...hash.subarray(0, 5));
}
