// The world that the manual's examples run in, beyond a clock: whatever an element may ask for is there, and idle.

import { simulatedHypervisor } from "../src/cloud/hypervisors/make-simulated.js";
import {
  Facilities,
  HYPERVISOR,
  MIGRATION_STREAMS,
  ORCHESTRATOR,
  type Orchestrator,
  type StreamEvents,
} from "../src/index.js";

/** The orchestrator of a service without functions. */
const IDLE: Orchestrator = {
  functions: async () => [],
  start: async () => {},
  stop: async () => {},
  heal: async () => {},
  update: async () => {},
  scale: async () => {},
};

/** What a hypervisor does that migrates nothing. */
const UNHEARD: StreamEvents = {
  accepted() {},
  opened() {},
  sent() {},
  received() {},
  ended() {},
  closed() {},
};

/** Facilities under the names that elements ask for by default. */
export function idleFacilities(): Facilities {
  return new Facilities()
    .add(ORCHESTRATOR, { service: () => IDLE })
    .add(HYPERVISOR, { simulated: simulatedHypervisor })
    .add(MIGRATION_STREAMS, { service: () => ({ carry: () => UNHEARD }) });
}
