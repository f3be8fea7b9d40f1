// The links of a service: laid once for all functions, changed while they run.

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type LinkDevice, makeLink } from "../../device/link.js";
import { makeSharedLink, markGone, type SharedEnd, SharedLinkDevice } from "../../device/shared-link.js";
import type { Loader } from "../../loader.js";
import { endName } from "../descriptor/ends.js";
import {
  type FunctionDescriptor,
  type Impairments,
  ISOLATIONS,
  type Isolation,
  type IsolationKind,
  type LinkDescriptor,
} from "../descriptor/model.js";
import type { World } from "../world.js";
import type { Attached, KernelAttached, LinkEnd } from "./attached.js";
import { conditionsOf, type LinkConditions, pathOf } from "./conditions.js";
import type { KernelPair, PairEnd, Pairs, ResourceBook } from "./pairs.js";
import type { PlainAttached } from "./plain.js";
import { type PairView, Segment } from "./segment.js";
import { UnixPairs } from "./unix.js";
import { Veths } from "./veth.js";
import { FLIGHT, linkOptions } from "./wire.js";

/** A device of an instance that is to be an end of a link. */
export interface EndPlan {
  readonly instance: string;
  readonly isolation: Isolation;
  readonly device: string;
  readonly link: string;
  readonly mac: Uint8Array;
  /** Bytes of its largest IP packet; null: what the link carries. */
  readonly mtu: number | null;
}

/** What the sending side of an instance's device is to do from now on. */
export interface EndChange {
  readonly instance: string;
  readonly device: string;
  readonly impairments: Impairments;
  readonly cut: boolean;
}

interface LaidEnd {
  /** Null: this end of a wire is nobody's. */
  plan: EndPlan | null;
  /** The device, once somebody in this thread has it. */
  end: LinkEnd | null;
  /** Where the other end may be in another thread. */
  readonly shared: SharedEnd | null;
  /** Where one of the ends is in another process: the device of the kernel, as SystemProvider knows it. */
  readonly device: string | null;
  /** The pair of the kernel's that joins it to a switch. */
  readonly pair: KernelPair | null;
}

interface LaidLink {
  readonly link: LinkDescriptor;
  conditions: LinkConditions;
  readonly ends: LaidEnd[];
  readonly segment: Segment | null;
  /** Pairs of devices of the kernel that belong to the link. */
  readonly pairs: KernelPair[];
}

/** An end that is on no link at the moment, and the switch's side of its wire; null where that is a device of the kernel. */
interface LooseEnd {
  readonly from: LaidLink;
  readonly laidEnd: LaidEnd;
  readonly port: LinkDevice | null;
}

export class Fabric {
  readonly #service: string;
  readonly #world: World;
  readonly #loader: Loader;
  readonly #pairs: Pairs;
  readonly #laid = new Map<string, LaidLink>();
  /** By instance. */
  readonly #loose = new Map<string, LooseEnd[]>();

  /** `namespaces`: processes have one each, joined by virtual Ethernet; else they are joined by Unix sockets. */
  constructor(service: string, world: World, loader: Loader, book: ResourceBook, namespaces: boolean) {
    this.#service = service;
    this.#world = world;
    this.#loader = loader;
    this.#pairs = namespaces ? new Veths(service, book) : new UnixPairs(book);
  }

  /** The ends of links that an instance of `f` has. */
  plan(instance: string, f: FunctionDescriptor): EndPlan[] {
    // Simulated time is one thread's.
    const isolation = this.#world.simulation === null ? f.isolation : "inline";
    const plans: EndPlan[] = [];
    for (const d of f.devices) {
      if (!("link" in d)) continue;
      const mac = d.mac ?? hardwareAddress(this.#service, instance, d.name);
      plans.push({ instance, isolation, device: d.name, link: d.link, mac, mtu: f.vm?.mtu ?? null });
    }
    return plans;
  }

  /** Lays `link` between its ends: a wire for two, or fewer, a switch with wires for more. */
  async lay(link: LinkDescriptor, plans: readonly EndPlan[]): Promise<void> {
    const segment = plans.length <= 2 && !link.shared ? null : new Segment(link, this.#world, this.#loader);
    const laid: LaidLink = { link, conditions: conditionsOf(link), ends: [], segment, pairs: [] };
    this.#laid.set(link.name, laid);
    if (segment === null) laid.ends.push(...(await this.#wire(laid, plans)));
    for (const plan of plans) await this.#plug(laid, plan);
  }

  /** The two ends of a wire that carries packets between what `plans` say. */
  async #wire({ link, pairs }: LaidLink, plans: readonly EndPlan[]): Promise<LaidEnd[]> {
    const names = [`${link.name} a`, `${link.name} b`] as const;
    const none = { plan: null, end: null, shared: null, device: null, pair: null };
    if (plans.some((p) => reach(p) === "kernel")) {
      const pair = await this.#pairs.lay(
        [pairEnd(link.name, plans, 0), pairEnd(link.name, plans, 1)],
        link.mtu,
      );
      pairs.push(pair);
      return pair.map(({ device }) => ({ ...none, device }));
    }
    if (plans.every((p) => reach(p) === "process")) {
      const ends = makeLink({ ...linkOptions(link, link, this.#world), names });
      return ends.map((end) => ({ ...none, end }));
    }
    const macs = [0, 1].map((i) => plans[i]?.mac ?? Uint8Array.of(2, 0, 0, 0, 0, i));
    const ends = makeSharedLink({ mtu: link.mtu, flight: FLIGHT, names, macs: [macs[0], macs[1]] });
    return ends.map((shared) => ({ ...none, shared }));
  }

  async #plug(laid: LaidLink, plan: EndPlan): Promise<void> {
    const { segment } = laid;
    const none = { plan, end: null, shared: null, device: null, pair: null };
    const mtu = plan.mtu ?? laid.link.mtu;
    if (segment === null) {
      const i = laid.ends.findIndex((e) => e.plan === null);
      const { shared, end, device } = laid.ends[i];
      if (end !== null) end.mac = plan.mac;
      laid.ends[i] = { ...none, end, device, shared: shared === null ? null : { ...shared, mac: plan.mac } };
      // What one end sends may depend on who is at the other.
      for (const { plan: other, end } of laid.ends)
        if (other !== null) end?.impair(...this.#sending(laid, other));
    } else if (reach(plan) === "process") {
      const end = await segment.plug(portName(plan), plan.mac, mtu);
      end.impair(segment.sending, laid.conditions.cut);
      laid.ends.push({ ...none, end });
    } else if (reach(plan) === "shared") {
      const shared = await segment.plugShared(portName(plan), plan.mac, mtu);
      laid.ends.push({ ...none, shared });
    } else {
      // Our side has an address of its own, which nobody uses.
      const mac = hardwareAddress(this.#service, plan.instance, `${plan.device} port`);
      const pair = await this.#pairs.lay(
        [
          { ...plan, process: true },
          { ...plan, process: false, mac },
        ],
        mtu,
      );
      laid.pairs.push(pair);
      await segment.plugKernel(portName(plan), pair[1], mtu);
      laid.ends.push({ ...none, device: pair[0].device, pair });
    }
  }

  /**
   * Whether `name`, as it is laid, can have these ends: a wire has two, one inside a thread stays there, and one between
   * processes is made for those that have it.
   */
  carries(name: string, plans: readonly EndPlan[]): boolean {
    const { segment, ends } = this.#laid.get(name)!;
    if (segment !== null) return true;
    const who = (p: readonly (EndPlan | null)[]): string[] =>
      p.map((e) => `${e?.instance} ${e?.isolation} ${e?.device}`).sort();
    if (ends[0].device !== null) return who(plans).join() === who(ends.map((e) => e.plan)).join();
    if (plans.length > 2 || plans.some((p) => reach(p) === "kernel")) return false;
    return ends[0].shared !== null || plans.every((p) => reach(p) === "process");
  }

  /** Adds ends to a link that carries them. */
  async extend(name: string, plans: readonly EndPlan[]): Promise<void> {
    const laid = this.#laid.get(name)!;
    for (const plan of plans) await this.#plug(laid, plan);
  }

  /** Takes the ends of `instance` out of links that run. */
  async withdraw(instance: string): Promise<void> {
    for (const { from, laidEnd, port } of this.#loose.get(instance) ?? []) {
      laidEnd.end?.close();
      port?.close();
      await this.#removePair(from, laidEnd.pair);
    }
    this.#loose.delete(instance);
    for (const laid of this.#laid.values()) {
      for (const [i, laidEnd] of [...laid.ends.entries()].reverse()) {
        const { plan, end } = laidEnd;
        if (plan?.instance !== instance) continue;
        if (laid.segment === null) {
          laidEnd.plan = null;
          if (laidEnd.shared !== null && end !== null) {
            // The end may go to another thread, which has the ring alone then.
            end.close();
            laidEnd.end = null;
            markGone(laidEnd.shared);
          }
          continue;
        }
        laid.ends.splice(i, 1);
        await laid.segment.unplug(portName(plan));
        end?.close();
        await this.#removePair(laid, laidEnd.pair);
      }
    }
  }

  async #removePair({ pairs }: LaidLink, pair: KernelPair | null): Promise<void> {
    if (pair === null) return;
    pairs.splice(pairs.indexOf(pair), 1);
    await this.#pairs.remove(pair);
  }

  /** Takes the ends of `instance`, which stands still, off their links, all of which are switches; it keeps them. */
  async loosen(instance: string): Promise<void> {
    for (const laid of this.#laid.values())
      for (const laidEnd of laid.ends.filter((e) => e.plan?.instance === instance)) {
        const port = await laid.segment!.release(portName(laidEnd.plan!));
        const i = laid.ends.indexOf(laidEnd);
        if (i < 0) continue;
        laid.ends.splice(i, 1);
        const loose = this.#loose.get(instance) ?? [];
        this.#loose.set(instance, loose);
        loose.push({ from: laid, laidEnd, port });
      }
  }

  /** Plugs the loose ends of `instance` into the links of `plans`; returns what ends in other threads are still to be told. */
  async fasten(instance: string, plans: readonly EndPlan[]): Promise<EndChange[]> {
    const far: EndChange[] = [];
    const loose = this.#loose.get(instance) ?? [];
    for (const plan of plans) {
      const i = loose.findIndex((l) => l.laidEnd.plan!.device === plan.device);
      if (i < 0) continue;
      const [{ from, laidEnd, port }] = loose.splice(i, 1);
      const laid = this.#laid.get(plan.link)!;
      const { pair } = laidEnd;
      if (pair !== null) {
        from.pairs.splice(from.pairs.indexOf(pair), 1);
        laid.pairs.push(pair);
      }
      if (port !== null) await laid.segment!.adopt(portName(plan), port);
      else await laid.segment!.plugKernel(portName(plan), pair![1], plan.mtu ?? laid.link.mtu);
      laidEnd.plan = plan;
      laid.ends.push(laidEnd);
      const [impairments, cut] = this.#sending(laid, plan);
      if (laidEnd.end !== null) laidEnd.end.impair(impairments, cut);
      else far.push({ instance, device: plan.device, impairments, cut });
    }
    if (loose.length === 0) this.#loose.delete(instance);
    return far;
  }

  /** Takes away what belonged to an instance that will not come back. */
  removeNamespace(instance: string): Promise<void> {
    return this.#pairs.removeNamespace(instance);
  }

  /** The namespace of an instance that is a process; null: ours. */
  namespace(instance: string): Promise<string | null> {
    return this.#pairs.namespace(instance);
  }

  /** The devices of an instance of `f` in this thread. */
  attached(instance: string, f: FunctionDescriptor): Attached[] {
    return f.devices.map((d) => {
      if ("interface" in d) return d;
      const laid = this.#laid.get(d.link)!;
      const laidEnd = this.#end(laid, instance, d.name);
      if (laidEnd.device !== null) return this.#kernelAttached(laid, laidEnd.plan!, laidEnd.device);
      if (laidEnd.end === null) {
        const [impairments, cut] = this.#sending(laid, laidEnd.plan!);
        laidEnd.end = new SharedLinkDevice(laidEnd.shared!, impairments);
        laidEnd.end.impair(impairments, cut);
      }
      return { name: d.name, end: laidEnd.end };
    });
  }

  /** The devices of an instance of `f` in another thread. */
  plainAttached(instance: string, f: FunctionDescriptor): PlainAttached[] {
    return f.devices.map((d) => {
      if ("interface" in d) return d;
      const laid = this.#laid.get(d.link)!;
      const { shared, device, plan } = this.#end(laid, instance, d.name);
      if (device !== null) return this.#kernelAttached(laid, plan!, device);
      const [impairments, cut] = this.#sending(laid, plan!);
      return { name: d.name, shared: shared!, impairments, cut };
    });
  }

  #kernelAttached(laid: LaidLink, plan: EndPlan, device: string): KernelAttached {
    const [impairments, cut] = this.#sending(laid, plan);
    const mtu = plan.mtu ?? laid.link.mtu;
    return { name: plan.device, device, mac: plan.mac, mtu, impairments, cut };
  }

  #end(laid: LaidLink, instance: string, device: string): LaidEnd {
    const loose = this.#loose.get(instance)?.map(({ laidEnd }) => laidEnd) ?? [];
    return [...laid.ends, ...loose].find((e) => e.plan?.instance === instance && e.plan.device === device)!;
  }

  /** What happens to packets that an end sends before they are at a switch, or at the other end. */
  #sending({ conditions, segment, ends }: LaidLink, plan: EndPlan): readonly [Impairments, boolean] {
    if (segment !== null) return [segment.sending, conditions.cut];
    const other = ends.find((e) => e.plan !== null && e.plan !== plan)?.plan ?? null;
    const { rate, queue } = conditions;
    const pair = { from: portName(plan), to: other === null ? "" : portName(other) };
    const { cut, ...path } = pathOf(conditions, pair);
    return [{ ...path, rate, queue }, cut];
  }

  /** The thread of an instance ended: what is sent to it is lost. */
  gone(instance: string): void {
    const loose = this.#loose.get(instance)?.map(({ laidEnd }) => laidEnd) ?? [];
    for (const ends of [loose, ...[...this.#laid.values()].map((laid) => laid.ends)])
      for (const { plan, shared } of ends)
        if (plan?.instance === instance && shared !== null) markGone(shared);
  }

  /** Changes what the link does to packets; returns what ends in other threads are still to be told. */
  impair(name: string, conditions: LinkConditions): EndChange[] {
    const laid = this.#laid.get(name)!;
    const plans = laid.ends.flatMap((e) => (e.plan === null ? [] : [e.plan]));
    const before = plans.map((plan) => this.#sending(laid, plan));
    laid.conditions = conditions;
    laid.segment?.impair(conditions);
    const far: EndChange[] = [];
    for (const { plan, end } of laid.ends) {
      if (plan === null) continue;
      const [impairments, cut] = this.#sending(laid, plan);
      // Where only a line of the switch changed there is nothing to tell.
      if (isDeepStrictEqual([impairments, cut], before[plans.indexOf(plan)])) continue;
      if (end !== null) end.impair(impairments, cut);
      else far.push({ instance: plan.instance, device: plan.device, impairments, cut });
    }
    return far;
  }

  /** What a link does to packets now. */
  conditions(name: string): LinkConditions | null {
    return this.#laid.get(name)?.conditions ?? null;
  }

  /** The lines of a link's switch, those from one end, or from one to another; null for a wire. */
  pairs(name: string, from: string | null, to: string | null): PairView[] | null {
    return this.#laid.get(name)?.segment?.pairs(from, to) ?? null;
  }

  /** Packets that the switch of a link has lost; 0 for a wire, whose devices are its functions'. */
  lost(name: string): number {
    return this.#laid.get(name)?.segment?.lost ?? 0;
  }

  /** Takes a link away. Its ends must be nobody's by now. */
  async remove(name: string): Promise<void> {
    const laid = this.#laid.get(name);
    if (laid === undefined) return;
    this.#laid.delete(name);
    for (const { end } of laid.ends) end?.close();
    await laid.segment?.close();
    for (const pair of laid.pairs) await this.#pairs.remove(pair);
  }

  async close(): Promise<void> {
    for (const instance of [...this.#loose.keys()]) await this.withdraw(instance);
    for (const name of [...this.#laid.keys()]) await this.remove(name);
    await this.#pairs.close();
  }
}

/** An end of a wire as a pair of the kernel's is made for it; nobody's where there is no plan for it. */
function pairEnd(link: string, plans: readonly EndPlan[], i: number): PairEnd {
  const plan = plans[i];
  if (plan !== undefined) return { ...plan, process: reach(plan) === "kernel" };
  return { instance: "", device: `${link}${i}`, mac: Uint8Array.of(2, 0, 0, 0, 0, i), process: false };
}

function reach(plan: EndPlan): IsolationKind["reach"] {
  return ISOLATIONS[plan.isolation].reach;
}

function portName(plan: EndPlan): string {
  return endName(plan.instance, plan.device);
}

/** A locally administered hardware address, the same in every run. */
function hardwareAddress(service: string, instance: string, device: string): Uint8Array {
  const hash = createHash("sha256").update(`${service}/${instance}/${device}`).digest();
  return Uint8Array.of(2, ...hash.subarray(0, 5));
}
