// Where the parts of a service would be best: the nearest data centre that takes them.

import type { Centre, Part, Situation, Transfer } from "./policy.js";

export interface Plan {
  readonly transfers: readonly Transfer[];
  /** What stood in the way of something better, a clause each. */
  readonly notes: readonly string[];
  /** Kilometres, the mean over the parts that are not pinned: as they are placed, and as they would be; null: not known. */
  readonly present: number | null;
  readonly planned: number | null;
}

/**
 * All parts together in the nearest data centre that has room for those that are not there, or each for itself where
 * they may be apart. Those that are pinned stay. `of`: only these, the others stay.
 */
export function plan(situation: Situation, of: (part: Part) => boolean = () => true): Plan {
  const { parts, centres, service } = situation;
  const chosen = parts.filter(of);
  const notes = new Set<string>();
  for (const { vm } of chosen.filter((part) => part.pinned)) notes.add(`${vm} is pinned`);
  const movable = chosen.filter((part) => !part.pinned);
  // Where no distance is known nothing is better together; what has to leave a drained one does.
  const known = centres.some(({ distance }) => distance !== null);
  // The largest first: it finds room where others would have taken it.
  const groups =
    service.apart || !known
      ? [...movable].sort((a, b) => b.memory - a.memory).map((part) => [part])
      : movable.length === 0
        ? []
        : [movable];
  const room = new Map(centres.map(({ name, free }) => [name, { ...free }]));
  const transfers: Transfer[] = [];
  const places = new Map<string, string>();
  for (const group of groups) {
    const to = target(group, inOrder(group, centres), room, notes);
    for (const part of group) {
      places.set(part.vm, to?.name ?? placeOf(part));
      if (to !== null && to.name !== placeOf(part)) transfers.push({ vm: part.vm, to: to.name });
    }
    if (to !== null) take(group, to, room);
    else notes.add("no data centre takes it");
  }
  return {
    transfers,
    notes: [...notes],
    present: meanDistance(movable.map(placeOf), centres),
    planned: meanDistance(
      movable.map(({ vm }) => places.get(vm)!),
      centres,
    ),
  };
}

/** Where a part is, or will be. */
export function placeOf({ dc, going }: Part): string {
  return going ?? dc;
}

interface Room {
  vms: number;
  memory: number;
}

/** The nearest first; of those as near, where all of the group are already. */
function inOrder(group: readonly Part[], centres: readonly Centre[]): Centre[] {
  const far = ({ distance }: Centre): number => distance ?? Number.MAX_VALUE;
  const elsewhere = ({ name }: Centre): number => Number(group.some((part) => placeOf(part) !== name));
  return [...centres].sort((a, b) => far(a) - far(b) || elsewhere(a) - elsewhere(b));
}

function target(
  group: readonly Part[],
  centres: readonly Centre[],
  room: ReadonlyMap<string, Room>,
  notes: Set<string>,
): Centre | null {
  for (const centre of centres) {
    const why = obstacle(group, centre, room.get(centre.name)!);
    if (why === null) return centre;
    notes.add(`${centre.name} ${why}`);
  }
  return null;
}

/** What keeps parts from being at a data centre; null: nothing. */
export function obstacle(group: readonly Part[], centre: Centre, room: Readonly<Room>): string | null {
  if (centre.drained) return "is drained";
  const coming = group.filter((part) => !isCounted(part, centre.name));
  const small = coming.find(({ mtu }) => centre.mtu !== null && mtu > centre.mtu);
  if (small !== undefined) return `has an MTU of ${centre.mtu}, ${small.vm} needs ${small.mtu}`;
  const memory = coming.reduce((n, part) => n + part.memory, 0);
  return coming.length > room.vms || memory > room.memory ? "is full" : null;
}

/** Whether a data centre counts a part among what it has taken: it is there, or on its way there. */
function isCounted({ dc, going }: Part, centre: string): boolean {
  return dc === centre || going === centre;
}

function take(group: readonly Part[], { name }: Centre, room: ReadonlyMap<string, Room>): void {
  for (const part of group) {
    if (isCounted(part, name)) continue;
    room.get(name)!.vms--;
    room.get(name)!.memory -= part.memory;
  }
}

function meanDistance(places: readonly string[], centres: readonly Centre[]): number | null {
  let sum = 0;
  for (const place of places) {
    const distance = centres.find(({ name }) => name === place)?.distance ?? null;
    if (distance === null) return null;
    sum += distance;
  }
  return places.length === 0 ? null : sum / places.length;
}

/** `12 km`; `unknown`. */
export function distanceText(kilometres: number | null): string {
  return kilometres === null
    ? "an unknown distance"
    : `${kilometres < 10 ? kilometres.toFixed(1) : Math.round(kilometres)} km`;
}

/** What a plan is, for people: where to and what it gains, and what stood in the way. */
export function planText({ transfers, notes, present, planned }: Plan): string {
  const targets = [...new Set(transfers.map(({ to }) => to))].join(" and ");
  const what =
    transfers.length === 0
      ? `nothing nearer to the users than ${distanceText(present)}`
      : `${targets}: ${distanceText(planned)} to the users, not ${distanceText(present)}`;
  return notes.length === 0 ? what : `${what} (${notes.join(", ")})`;
}
