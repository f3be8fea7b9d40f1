// What a link does to packets at the moment: what its descriptor says, and the faults that last.

import type {
  EndPair,
  Impairments,
  LinkDescriptor,
  LinkFault,
  PathImpairments,
} from "../descriptor/model.js";

/** What happens to packets on the way from one end to another. */
export interface PathConditions extends PathImpairments {
  /** None arrives. */
  readonly cut: boolean;
}

export interface LinkConditions extends Impairments {
  readonly cut: boolean;
  /** Of the pairs that have something of their own, by `pairKey`. */
  readonly pairs: ReadonlyMap<string, PathConditions>;
}

/** `from to`; the names of ends have no spaces. */
export function pairKey({ from, to }: EndPair): string {
  return `${from} ${to}`;
}

/** `faults`: those that last, in the order in which they began. What befalls the whole link befalls every pair. */
export function conditionsOf(link: LinkDescriptor, faults: readonly LinkFault[] = []): LinkConditions {
  const { delay, jitter, loss, rate, queue } = link;
  let all: Impairments & { readonly cut: boolean } = { delay, jitter, loss, rate, queue, cut: false };
  const pairs = new Map<string, PathConditions>();
  for (const { from, to, ...own } of link.pairs)
    pairs.set(pairKey({ from, to }), { delay, jitter, loss, cut: false, ...own });
  for (const fault of faults) {
    const change = fault.kind === "link-down" ? { cut: true } : fault.change;
    if (fault.pairs === undefined) {
      all = { ...all, ...change };
      for (const [key, own] of pairs) pairs.set(key, changed(own, change));
    } else
      for (const pair of fault.pairs)
        pairs.set(pairKey(pair), changed(pathOf({ ...all, pairs }, pair), change));
  }
  return { ...all, pairs };
}

function changed(path: PathConditions, change: Partial<PathConditions>): PathConditions {
  const { delay = path.delay, jitter = path.jitter, loss = path.loss, cut = path.cut } = change;
  return { delay, jitter, loss, cut };
}

/** What happens to packets between two ends. */
export function pathOf({ delay, jitter, loss, cut, pairs }: LinkConditions, pair: EndPair): PathConditions {
  return pairs.get(pairKey(pair)) ?? { delay, jitter, loss, cut };
}

/** Whether both say the same. */
export function samePath(a: PathConditions, b: PathConditions): boolean {
  return a.delay === b.delay && a.jitter === b.jitter && a.loss === b.loss && a.cut === b.cut;
}
