// What must be done to make one descriptor's service another's.

import { isDeepStrictEqual } from "node:util";
import type { FunctionDescriptor, LinkDescriptor, ServiceDescriptor } from "../descriptor/model.js";
import { type Places, replicas } from "../descriptor/replicas.js";

export interface Changes {
  /** Instances by name. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** They are stopped and started with what is new. */
  readonly remade: readonly string[];
  /** Another graph, another text in its file, or other parameters: swapped while they run. */
  readonly updated: readonly string[];
  /** Only how they are watched and restarted differs. */
  readonly watched: readonly string[];
  readonly links: {
    readonly removed: readonly string[];
    /** Laid anew: they are new, or need a switch instead of a wire. */
    readonly relaid: readonly string[];
    readonly changed: readonly string[];
  };
}

/** What is known of the service as it runs. */
export interface Running {
  /** Whether a link, as it is laid now, can have the ends that the new descriptor gives it. */
  carries(link: string): boolean;
  /** Whether the file of an instance's graph has another text than the one that runs. */
  edited(name: string): boolean;
  /** Where virtual machines are. */
  readonly places: Places;
}

export function changes(
  from: ServiceDescriptor,
  to: ServiceDescriptor,
  { carries, edited, places }: Running,
): Changes {
  const before = replicas(from, places);
  const after = replicas(to, places);
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const added = [...after.keys()].filter((name) => !before.has(name));
  const relaid = new Set(
    [...to.links.values()]
      .filter((l) => mustLay(from.links.get(l.name), l, () => carries(l.name)))
      .map((l) => l.name),
  );
  const remade: string[] = [];
  const updated: string[] = [];
  const watched: string[] = [];
  for (const [name, f] of after) {
    const old = before.get(name);
    if (old === undefined) continue;
    if (mustRemake(old, f) || f.devices.some((d) => "link" in d && relaid.has(d.link))) remade.push(name);
    else if (old.graph !== f.graph || !isDeepStrictEqual(old.parameters, f.parameters) || edited(name))
      updated.push(name);
    if (!remade.includes(name) && !isDeepStrictEqual([old.restart, old.health], [f.restart, f.health]))
      watched.push(name);
  }
  return {
    removed,
    added,
    remade,
    updated,
    watched,
    links: {
      removed: [...from.links.keys()].filter((name) => !to.links.has(name)),
      relaid: [...relaid],
      changed: [...to.links.values()]
        .filter(
          (l) =>
            !relaid.has(l.name) && !isDeepStrictEqual(impairments(l), impairments(from.links.get(l.name)!)),
        )
        .map((l) => l.name),
    },
  };
}

/** Whether a running instance cannot become the other by a hot swap. */
function mustRemake(old: FunctionDescriptor, f: FunctionDescriptor): boolean {
  const fixed = (d: FunctionDescriptor): unknown[] => [
    d.devices,
    d.isolation,
    d.memory,
    d.orchestrates,
    d.vm?.mtu,
  ];
  return !isDeepStrictEqual(fixed(old), fixed(f));
}

function mustLay(old: LinkDescriptor | undefined, link: LinkDescriptor, carries: () => boolean): boolean {
  return old === undefined || old.mtu !== link.mtu || old.shared !== link.shared || !carries();
}

/** What a link does to packets. */
function impairments({ delay, jitter, loss, rate, queue, pairs }: LinkDescriptor): unknown {
  // The order in which pairs are written does not matter.
  return [delay, jitter, loss, rate, queue, new Map(pairs.map((pair) => [`${pair.from} ${pair.to}`, pair]))];
}
