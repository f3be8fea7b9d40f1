// Users, and EIDs of virtual machines, as handlers show them: a line each, or a JSON object each.

import { addressText } from "../../net/address.js";
import { type EidPrefix, eidText } from "../../net/eid.js";
import { linesOf } from "../../router/lines.js";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { User, VirtualMachine } from "../catalogue/model.js";
import type { Tracker } from "./tracker.js";
import type { Whereabouts } from "./whereabouts.js";

/** What the tables show beside the tracker: the catalogue, and the steady nanosecond it is. */
export interface Shown {
  readonly tracker: Tracker;
  readonly catalogue: Catalogue;
  readonly now: number;
}

/** Locators with priority and weight: `10.0.1.1/1/100,10.0.1.2/2/100`. */
function locatorsText({ locators }: Whereabouts): string {
  return locators.map((l) => `${addressText(l.rloc)}/${l.priority}/${l.weight}`).join(",");
}

/** `access:north 10.0.1.1/1/100 12.345`: network, locators, seconds since; `- - -` where it is nowhere. */
function whereText(where: Whereabouts | null, now: number): string {
  if (where === null) return "- - -";
  const { network, since } = where;
  const name = network === null ? "-" : `${network.kind}:${network.name}`;
  return `${name} ${locatorsText(where)} ${((now - since) / 1e9).toFixed(3)}`;
}

function whereObject(where: Whereabouts | null, now: number): Record<string, unknown> | null {
  if (where === null) return null;
  const { network, at, since, length } = where;
  const locators = where.locators.map((l) => ({
    rloc: addressText(l.rloc),
    priority: l.priority,
    weight: l.weight,
  }));
  return { network, at, locators, registeredLength: length, seconds: (now - since) / 1e9 };
}

/** Users from one on (`[NAME]`), in parts (`linesOf`). */
export function userLines(shown: Shown, from: string, line: (shown: Shown, user: User) => string): string {
  const users = shown.catalogue.all("user", from === "" ? undefined : from);
  return linesOf(
    users,
    (user) => `${line(shown, user)}\n`,
    ({ name }) => name,
  );
}

/** `alice access:north 10.0.1.1/1/100 12.345 2 192.168.1.10/32`: where, how often it moved, the EID that moved last. */
export function userLine({ tracker, now }: Shown, { name }: User): string {
  const state = tracker.user(name);
  if (state === null) return `${name} - - - 0 -`;
  return `${name} ${whereText(state.where, now)} ${state.moves} ${eidText(state.eid)}`;
}

export function userJson({ tracker, now }: Shown, { name, class: userClass, eids, uses }: User): string {
  const state = tracker.user(name);
  return JSON.stringify({
    ...{ name, class: userClass, uses },
    where: whereObject(state?.where ?? null, now),
    moves: state?.moves ?? 0,
    eids: eids.map((eid) => eidObject(tracker, eid, now)),
  });
}

/** Virtual machines from one on (`[NAME]`), in parts (`linesOf`). */
export function vmLines(
  shown: Shown,
  from: string,
  line: (shown: Shown, vm: VirtualMachine) => string,
): string {
  const vms = shown.catalogue.all("vm", from === "" ? undefined : from);
  return linesOf(
    vms,
    (vm) => line(shown, vm),
    ({ name }) => name,
  );
}

/** A line an EID: `video1 192.168.3.10/32 dc:paris 10.0.3.1/1/100 12.345 32`; last the length that is registered. */
export function vmLine({ tracker, now }: Shown, { name }: VirtualMachine): string {
  return tracker
    .owned("vm", name)
    .map((eid) => {
      const where = tracker.where(eid);
      return `${name} ${eidText(eid)} ${whereText(where, now)} ${where?.length ?? "-"}\n`;
    })
    .join("");
}

export function vmJson({ tracker, now }: Shown, { name, dc }: VirtualMachine): string {
  const eids = tracker.owned("vm", name).map((eid) => eidObject(tracker, eid, now));
  return `${JSON.stringify({ name, dc, eids })}\n`;
}

function eidObject(tracker: Tracker, eid: EidPrefix, now: number): Record<string, unknown> {
  return { eid: eidText(eid), where: whereObject(tracker.where(eid), now) };
}
