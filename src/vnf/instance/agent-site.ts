// What the agent of a hypervisor has of its service, and other functions have not.

import type { Hypervisor } from "../../cloud/hypervisor.js";
import type { MigrationStreams } from "../../cloud/migration-streams.js";

/** What the agent of a hypervisor may ask its router for. */
export interface AgentSite {
  readonly hypervisor: Hypervisor;
  readonly streams: MigrationStreams;
}
