// What ARPQuerier and IP6NDSolicitor share: packets leave in frames to neighbours that a table knows; the others
// are looked at one by one, and wait.

import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import type { Neighbour, NeighbourTable } from "../../src/packet/neighbour-table.js";
import { Packet } from "../../src/packet/packet.js";
import { Element } from "../../src/router/element.js";

/** An element whose `stateArea` begins with the last 8 bytes of its frames' Ethernet header: source and EtherType. */
export abstract class NeighbourSender extends Element {
  protected readonly packet = new Packet(this.memory);

  /**
   * Gives headers to the packets of `batch` (address of `count` slots) that go to known neighbours or groups, and
   * moves the others to `misses` (likewise). Returns how many stayed.
   */
  protected abstract encapsulate(batch: number, count: number, misses: number): number;

  /** Takes a packet that the table alone does not decide. */
  protected abstract slow(slot: number): void;

  /** Sends the packets of `batch` to their neighbours: those that the table knows at once, as one batch. */
  protected forward(batch: Batch): void {
    const misses = this.router.batches.acquire();
    const { count } = batch;
    batch.count = this.encapsulate(batch.address, count, misses.address);
    misses.count = count - batch.count;
    this.outputs[0].push(batch);
    // Each packet is taken out before it goes anywhere: what it leads to may come back here.
    const missed = misses.count;
    misses.count = 0;
    for (let i = 0; i < missed; i++) this.slow(misses.at(i));
    this.router.batches.release(misses);
  }

  /** Sends one packet to the 6-byte hardware address at `mac`. */
  protected send(slot: number, mac: number): void {
    if (this.memory.kernels.neighbourHeader(slot, mac, this.stateArea) === 0) this.lose(slot, "no_room");
    else this.pushOne(0, slot);
  }

  protected pushOne(port: number, slot: number): void {
    const one = this.router.batches.acquire();
    one.add(slot);
    this.outputs[port].push(one);
    this.router.batches.release(one);
  }

  /** Sends what waited in `table` for a neighbour, in the order in which it came. */
  protected sendWaiting(table: NeighbourTable, neighbour: Neighbour): void {
    const out = this.router.batches.acquire();
    for (const slot of table.release(neighbour)) {
      if (this.memory.kernels.neighbourHeader(slot, neighbour.mac, this.stateArea) === 0) {
        this.lose(slot, "no_room");
        continue;
      }
      out.add(slot);
      if (out.count === BATCH_MAX) this.outputs[0].push(out);
    }
    this.outputs[0].push(out);
    this.router.batches.release(out);
  }

  /** Drops a packet for one of the spec's reasons. */
  protected lose(slot: number, reason: string): void {
    this.add(reason, 1);
    this.memory.kernels.poolGive(slot);
  }

  /** Adds to one of the spec's counters or drops. */
  protected add(name: string, n: number): void {
    this.memory.add64(this.counterAddress(name), n);
  }
}
