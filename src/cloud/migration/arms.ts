// The ways to redirect packets to where a virtual machine has gone (F19, and ours), as data: what the controller tells
// the tunnel routers of which data centre at which step, and what the agents tell those of their own.

import type { Side, SignalEvent } from "./seams.js";

export const ARM_NAMES = ["a", "b", "c1", "c2", "d", "e"] as const;
export type ArmName = (typeof ARM_NAMES)[number];

/** One thing that the controller says to the tunnel routers of a data centre. */
export interface Told {
  readonly to: Side;
  readonly event: SignalEvent;
  /** The data centre whose RLOCs it names; null: none. */
  readonly names: Side | null;
}

/** What an agent says to the tunnel routers of its own site at the switch: with RLOCs of that data centre, or none. */
interface Announced {
  readonly names: Side | null;
}

export interface Arm {
  /** Before the copying begins, once the target has reserved room. */
  readonly armed: readonly Told[];
  /** By the source's agent at STOP, by the target's at RESUME; null: nothing. */
  readonly stop: Announced | null;
  readonly resume: Announced | null;
  /** By the controller as soon as it hears of RESUME. */
  readonly resumed: readonly Told[];
}

const ARRIVED: Told = { to: "target", event: "arrived", names: null };
const LEFT: Told = { to: "source", event: "left", names: "target" };

export const ARMS: Readonly<Record<ArmName, Arm>> = {
  // The target's tunnel router finds out from the virtual machine's first packet.
  a: { armed: [], stop: null, resume: null, resumed: [] },
  // The target's agent tells its tunnel router, which tells the former one.
  b: { armed: [], stop: null, resume: { names: "source" }, resumed: [] },
  // The controller tells both (III-B, Fig. 3); the source's tunnel router tells the peers.
  c1: { armed: [], stop: null, resume: null, resumed: [ARRIVED, LEFT] },
  // The controller tells the target's, which tells the former one and the peers (III-A).
  c2: { armed: [], stop: null, resume: null, resumed: [{ ...ARRIVED, names: "source" }] },
  // As c1; the tunnel routers are configured to tell peers by SMR.
  d: { armed: [], stop: null, resume: null, resumed: [ARRIVED, LEFT] },
  // Make-before-break: the target's holds packets, and the source's sends them there from STOP on.
  e: {
    armed: [
      { to: "target", event: "expect", names: null },
      { to: "source", event: "leaving", names: "target" },
    ],
    stop: { names: "target" },
    resume: { names: null },
    resumed: [ARRIVED, LEFT],
  },
};

/** What both sides must have heard in the end, whoever was to tell them: who has, is not told again. */
export const CONFIRMED: readonly Told[] = [ARRIVED, LEFT];

/** On the way back, the source first: what the target held comes back to one that delivers it. */
export function backOf(arm: Arm): readonly (readonly Told[])[] {
  const disarm: readonly Told[] = [
    { to: "target", event: "cancel", names: null },
    { to: "source", event: "cancel", names: null },
  ];
  // Only where the source may have let go of it: a virtual machine that never left leaves no trace.
  return arm.stop === null ? [disarm] : [[{ to: "source", event: "arrived", names: null }], disarm];
}
