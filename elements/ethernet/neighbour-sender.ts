// What ARPQuerier and IP6NDSolicitor share: packets leave in frames to neighbours that a table knows; the others
// are looked at one by one, and wait.

import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import type { Neighbour, NeighbourTable } from "../../src/packet/neighbour-table.js";
import { Packet } from "../../src/packet/packet.js";
import { Element } from "../../src/router/element.js";
import type { Timer } from "../../src/router/timer.js";

/** An element that counts `announcements`, and whose `stateArea` begins with the last 8 bytes of its frames' Ethernet header: source and EtherType. */
export abstract class NeighbourSender extends Element {
  protected readonly packet = new Packet(this.memory);
  #announcer: Timer | null = null;
  /** Announcements that are still to be made. */
  #announcing = 0;

  /**
   * Gives headers to the packets of `batch` (address of `count` slots) that go to known neighbours or groups, and
   * moves the others to `misses` (likewise). Returns how many stayed.
   */
  protected abstract encapsulate(batch: number, count: number, misses: number): number;

  /** The frame that tells everybody of this router's address; null when it has none. */
  protected abstract announcement(): Uint8Array | null;

  /** Nanoseconds between announcements. */
  protected abstract readonly announceEvery: number;

  /** The output of what is not a packet in a frame. */
  protected abstract readonly messagePort: number;

  /** Tells everybody `times` times of this router's address, from now on; what is still to be told is replaced. */
  protected announce(times: number): void {
    this.#announcing = times;
    if (times === 0) {
      this.#announcer?.unschedule();
      return;
    }
    this.#announcer ??= this.newTimer(() => this.#announceNext());
    this.#announcer.scheduleAfter(0);
  }

  /** After a hot swap between the same addresses: goes on where `old` was, in place of telling everything again. */
  protected announceAfter(old: NeighbourSender): void {
    this.#announcing = old.#announcing;
    const expiry = old.#announcer?.expiry;
    if (this.#announcing === 0 || expiry === undefined) this.#announcer?.unschedule();
    else this.#announcer?.scheduleAt(expiry);
  }

  #announceNext(): void {
    const frame = this.announcement();
    if (frame === null || this.#announcing === 0) return;
    if (--this.#announcing > 0) this.#announcer!.rescheduleAfter(this.announceEvery);
    const slot = this.memory.kernels.poolTake() >>> 0;
    if (slot === 0) {
      this.add("no_memory", 1);
      return;
    }
    this.packet.at(slot).setBytes(frame);
    this.packet.macHeader = this.packet.data;
    this.add("announcements", 1);
    this.pushOne(this.messagePort, slot);
  }

  /** Takes a packet that the table alone does not decide. */
  protected abstract slow(slot: number): void;

  /** Sends the packets of `batch` to their neighbours: those that the table knows at once, as one batch. */
  protected forward(batch: Batch): void {
    const known = this.encapsulate(batch.address, batch.count, this.rejects);
    if (known === batch.count) {
      this.outputs[0].push(batch);
      return;
    }
    const misses = this.router.batches.collect(batch.count - known);
    batch.count = known;
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
