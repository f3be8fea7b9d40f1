// What is looked at before anything is armed: a migration that cannot end well is refused while nobody has heard of it.

import type { GuestStatus, HypervisorStatus } from "../hypervisor.js";
import type { MigrationRecord, Refusal } from "./record.js";
import type { Directory } from "./seams.js";

/** Room at the target that is promised to migrations whose hypervisor has not reserved it yet. */
export interface Promised {
  readonly guests: number;
  /** Bytes. */
  readonly memory: number;
}

/** What the catalogue says against it; null: nothing. `NO_GUEST`, `NO_SITE`, `SAME_SITE`, `PINNED`, `DRAINED`. */
export function directoryRefusal(directory: Directory, vm: string, to: string): Refusal | null {
  const refuse = (code: string, reason: string): Refusal => ({ code, from: "catalogue", reason });
  const machine = directory.machine(vm);
  if (machine === null) return refuse("NO_GUEST", `there is no virtual machine '${vm}'`);
  const site = directory.site(to);
  if (site === null) return refuse("NO_SITE", `there is no data centre '${to}'`);
  if (directory.site(machine.dc) === null)
    return refuse("NO_SITE", `there is no data centre '${machine.dc}' any more, where '${vm}' should be`);
  if (machine.dc === to) return refuse("SAME_SITE", `'${vm}' is at ${to} already`);
  if (machine.pinned) return refuse("PINNED", `'${vm}' is pinned to ${machine.dc}`);
  if (site.drained) return refuse("DRAINED", `${to} takes no more virtual machines`);
  return null;
}

/** What the source's hypervisor says against it; null: nothing. `NO_GUEST`, `BUSY`, `UNSUITED`. */
export function sourceRefusal(record: MigrationRecord, guest: GuestStatus | null): Refusal | null {
  const refuse = (code: string, reason: string): Refusal => ({
    code,
    from: `hypervisor ${record.from}`,
    reason,
  });
  if (guest === null) return refuse("NO_GUEST", `there is no '${record.vm}'`);
  if (guest.migration !== null && guest.migration !== record.id)
    return refuse("BUSY", `'${record.vm}' is in migration ${guest.migration}`);
  if (guest.state !== "running") return refuse("UNSUITED", `'${record.vm}' is ${guest.state}`);
  return null;
}

/** What the target's says against it; null: nothing. `BUSY`, `UNSUITED`, `FULL`. */
export function targetRefusal(
  record: MigrationRecord,
  status: HypervisorStatus,
  there: GuestStatus | null,
  promised: Promised,
): Refusal | null {
  const refuse = (code: string, reason: string): Refusal => ({
    code,
    from: `hypervisor ${record.to}`,
    reason,
  });
  if (there !== null && there.migration !== record.id)
    return refuse("BUSY", `there is a '${record.vm}' already, ${there.state}`);
  if (status.mtu < record.mtu)
    return refuse("UNSUITED", `its MTU is ${status.mtu} bytes, '${record.vm}' sends ${record.mtu}`);
  // Its own place is reserved already where this is asked again.
  if (there !== null) return null;
  const room = status.guests.most - status.guests.now - promised.guests;
  if (room < 1)
    return refuse("FULL", `it has ${status.guests.now} of ${status.guests.most} virtual machines`);
  const free = status.memory.free - promised.memory;
  if (free < record.memory)
    return refuse(
      "FULL",
      `it has ${Math.max(0, free)} bytes of memory left, '${record.vm}' needs ${record.memory}`,
    );
  return null;
}
