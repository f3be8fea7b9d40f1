// A virtual machine of the model.

import type { GuestSpec, GuestState, GuestStatus } from "../hypervisor.js";
import type { Workload } from "./pre-copy.js";

export interface GuestModel extends GuestSpec, Workload {}

export class SimulatedGuest implements GuestModel {
  readonly name: string;
  readonly memory: number;
  readonly addresses: readonly Uint8Array[];
  readonly mtu: number;
  dirtyRate: number;
  workingSet: number;
  state: GuestState;
  migration: string | null = null;

  constructor({ name, memory, addresses, mtu, dirtyRate, workingSet }: GuestModel, state: GuestState) {
    this.name = name;
    this.memory = memory;
    this.addresses = addresses;
    this.mtu = mtu;
    this.dirtyRate = dirtyRate;
    this.workingSet = workingSet;
    this.state = state;
  }

  get status(): GuestStatus {
    const { name, state, memory, addresses, mtu, migration } = this;
    return { name, state, memory, addresses, mtu, migration };
  }
}
