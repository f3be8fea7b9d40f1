// What a descriptor says of a link, as makeLink takes it.

import type { LinkOptions } from "../../device/link.js";
import { SeededRandom } from "../../router/random.js";
import type { Impairments, LinkDescriptor } from "../descriptor/model.js";
import type { World } from "../world.js";

/** Packets and bytes that may be under way in each direction. */
export const FLIGHT = { packets: 4096, bytes: 4 * 2 ** 20 };

export function linkOptions(
  impairments: Impairments,
  { name, mtu }: Pick<LinkDescriptor, "name" | "mtu">,
  world: World,
): LinkOptions {
  const { simulation } = world;
  const { delay, jitter, loss, rate, queue } = impairments;
  // What is drawn for one way does not depend on what goes the other, nor on other links.
  const random = [0, 1].map((end) => new SeededRandom(world.seed(`link ${name} ${end}`)));
  return {
    delay,
    jitter,
    loss,
    rate,
    queue,
    mtu,
    flight: FLIGHT,
    random: (end) => random[end].real(),
    ...(simulation === null
      ? { clock: world.clock() }
      : { clock: simulation.clock, schedule: simulation.schedule }),
  };
}
