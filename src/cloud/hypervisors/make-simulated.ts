// How worlds make the hypervisors that configurations call `simulated` or `simulated:OPTIONS`.

import { FacilityError } from "../../router/facility.js";
import { SimulatedHypervisor } from "./simulated.js";
import { parseSimulated, SimulatedTextError } from "./simulated-options.js";

/** Throws FacilityError for what describes none. */
export function simulatedHypervisor(place: string): SimulatedHypervisor {
  try {
    return new SimulatedHypervisor(parseSimulated(place));
  } catch (e) {
    throw e instanceof SimulatedTextError
      ? new FacilityError("NO_SUCH_NAME", `'simulated:${place}' is not a hypervisor: ${e.message}`)
      : e;
  }
}
