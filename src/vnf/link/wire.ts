// What a descriptor says of a link, as makeLink takes it.

import type { LinkOptions } from "../../device/link.js";
import type { Impairments } from "../descriptor/model.js";
import type { World } from "../world.js";

/** Packets and bytes that may be under way in each direction. */
export const FLIGHT = { packets: 4096, bytes: 4 * 2 ** 20 };

export function linkOptions(impairments: Impairments, mtu: number, world: World): LinkOptions {
  const { simulation } = world;
  const { delay, jitter, loss, rate, queue } = impairments;
  return {
    delay,
    jitter,
    loss,
    rate,
    queue,
    mtu,
    flight: FLIGHT,
    random: () => world.random(),
    ...(simulation === null ? {} : { clock: simulation.clock, schedule: simulation.schedule }),
  };
}
