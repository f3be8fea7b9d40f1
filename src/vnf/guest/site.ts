// What a hypervisor needs of its service: the machines, their memory, and the links of its site.

import type { HypervisorDescriptor } from "../descriptor/model.js";
import type { Reply, Request } from "../instance/protocol.js";
import type { World } from "../world.js";

/** A machine of the service. */
export interface SiteGuest {
  readonly name: string;
  /** Bytes of memory that it may have. */
  readonly memory: number;
  readonly addresses: readonly Uint8Array[];
  readonly mtu: number;
  /** The hypervisor whose links it is on; null: on none. */
  readonly at: string | null;
}

/** The service, as one of its hypervisors sees it. */
export interface Site {
  readonly world: World;
  /** The hypervisor, as the descriptor has it now. */
  readonly descriptor: HypervisorDescriptor;
  /** Bytes of the largest IP packet on all of its links. */
  readonly mtu: number;
  guests(): readonly SiteGuest[];
  /** Whether a machine can be on the site's links; else a sentence that says why not. */
  unsuited(guest: string): string | null;
  /** What runs as the machine at the moment; another object after it was started anew, null while it does not run. */
  instance(guest: string): object | null;
  pages(guest: string, request: Request<"pages">): Promise<Reply<"pages">>;
  pause(guest: string): Promise<void>;
  resume(guest: string): Promise<void>;
  detach(guest: string): Promise<void>;
  /** Plugs it into the site's links. */
  attach(guest: string): Promise<void>;
  /** Tells of what happened, in a sentence. */
  report(guest: string, message: string): void;
}
