// The world that the manual's examples run in, beyond a clock: whatever an element may ask for is there, and idle.

import { simulatedHypervisor } from "../src/cloud/hypervisors/make-simulated.js";
import { Facilities, HYPERVISOR, ORCHESTRATOR, type Orchestrator } from "../src/index.js";

/** The orchestrator of a service without functions. */
const IDLE: Orchestrator = {
  functions: async () => [],
  start: async () => {},
  stop: async () => {},
  heal: async () => {},
  update: async () => {},
  scale: async () => {},
};

/** Facilities under the names that elements ask for by default. */
export function idleFacilities(): Facilities {
  return new Facilities()
    .add(ORCHESTRATOR, { service: () => IDLE })
    .add(HYPERVISOR, { simulated: simulatedHypervisor });
}
