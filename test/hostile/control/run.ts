// Hostile control messages through every codec, and through the control elements of a world that lives on: for the
// tests, and for `npm run soak`. The same seed is the same run.

import { recordJson } from "../../../src/cli/lisp-json.js";
import { SeededRandom } from "../../../src/router/random.js";
import { LispControlError } from "../../../src/wire/lisp-control/error.js";
import { decodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { toHex } from "../../wire/lisp-control/fixtures.js";
import { survives } from "../lisp-codec.js";
import { type HostileMessage, HostileMessages } from "./messages.js";
import { ControlWorld } from "./world.js";

/** Most messages between two looks at the world. */
const BURST = 48;
/** Looks after which all tables are read. */
const TABLES_EVERY = 32;

/** Messages of which one is said as JSON. */
const SAID_EVERY = 8;
/** Seconds that pass then: timers fire, registrations and mappings expire. */
const PASSES = [0, 0.1, 0.1, 1, 1, 1, 3, 3, 3, 3, 3, 10, 20, 200] as const;

export interface ControlRun {
  readonly world: ControlWorld;
  /** Messages that went through, and those among them that a codec took for messages. */
  messages: number;
  valid: number;
}

/**
 * Sends `count` messages into a new world. `each` is called after each burst of them. Throws with the seed, the number
 * of the message and its bytes where one does harm. The world is closed.
 */
export async function runControl(
  seed: number,
  count: number,
  each: (run: ControlRun) => void = () => {},
): Promise<ControlRun> {
  const random = new SeededRandom(seed);
  const source = new HostileMessages(seed ^ 0x5eed);
  const world = await ControlWorld.start(seed, (sent) => source.live.sent(sent));
  const run: ControlRun = { world, messages: 0, valid: 0 };
  let last: HostileMessage | null = null;
  try {
    for (let burst = 1; run.messages < count; burst++) {
      for (let n = random.below(random.below(4) === 0 ? 60 : 8); n > 0; n--)
        world.fromHost(1 + random.below(2), source.fromHost());
      if (random.below(8) === 0) await changeSite(world, random.below(256));
      for (let n = Math.min(1 + random.below(BURST), count - run.messages); n > 0; n--) {
        last = source.next();
        run.messages++;
        if (survives(last.bytes)) run.valid++;
        if (run.messages % SAID_EVERY === 0) said(last.bytes);
        world.take(last.packet, last.node);
      }
      world.pass(PASSES[random.below(PASSES.length)]);
      if (burst % TABLES_EVERY === 0) world.checkTables();
      else world.check();
      each(run);
    }
    await world.finish();
  } catch (e) {
    const message = e instanceof Error ? (e.stack ?? e.message) : String(e);
    const where = last === null ? "" : `, the last to node ${last.node}: ${toHex(last.packet)}`;
    throw new Error(`seed ${seed}, after ${run.messages} messages${where}: ${message}`, { cause: e });
  } finally {
    world.router.close();
  }
  return run;
}

/** What `sluice lisp decode` says of it; LISPMessageLog says all of them in words. */
function said(bytes: Uint8Array): void {
  try {
    JSON.stringify(recordJson(decodeLispControl(bytes)));
  } catch (e) {
    if (!(e instanceof LispControlError)) throw e;
  }
}

/** Another weight for a locator of site 1: who uses it is told. */
async function changeSite(world: ControlWorld, weight: number): Promise<void> {
  await world.router.write("site1.add", `10.1.0.0/16 192.0.2.1/1/${weight}`);
  world.deliver();
}
