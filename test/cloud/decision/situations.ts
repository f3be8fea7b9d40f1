// Situations for tests of policies: centres as `NAME KM [VMS]`, parts as `NAME DC`.

import type { Centre, Part, Situation } from "../../../src/cloud/decision/policy.js";

export function centre(name: string, distance: number | null, more: Partial<Centre> = {}): Centre {
  const free = { vms: Number.POSITIVE_INFINITY, memory: Number.POSITIVE_INFINITY };
  return { name, at: null, distance, drained: false, free, mtu: null, ...more };
}

export function part(vm: string, dc: string, more: Partial<Part> = {}): Part {
  return { vm, dc, going: null, memory: 2 ** 30, mtu: 1500, pinned: false, ...more };
}

export function situation(
  centres: readonly Centre[],
  parts: readonly Part[],
  more: Partial<Situation> & { readonly apart?: boolean; readonly moves?: number } = {},
): Situation {
  const { apart = false, moves = 1, ...rest } = more;
  return {
    reason: "moved",
    user: { name: "u", class: null, network: "n2", from: "n1", at: null, moves },
    service: { name: "s", type: null, task: null, priority: 0, apart, users: 1, located: 1 },
    parts,
    centres,
    now: 100,
    migrated: null,
    ...rest,
  };
}
