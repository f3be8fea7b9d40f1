// What packet sockets, TAP devices and Unix sockets have in common: the structures in the
// router's memory, waiting, counting, and going down without stopping anything.

import * as io from "../../assembly/device-layout.js";
import { BATCH_MAX, type Batch } from "../packet/batch.js";
import { MemoryError, type PacketMemory } from "../packet/memory.js";
import type { Device } from "../router/device.js";
import { Listeners } from "../router/listeners.js";
import { newTotals, type Totals } from "./counters.js";
import { Soon } from "./soon.js";
import * as sys from "./syscalls.js";

/** What a device of the kernel needs from whoever opens it. */
export interface KernelContext {
  readonly memory: PacketMemory;
  readonly syscalls: sys.Syscalls;
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Told once when a device goes down, and when it comes back. */
  readonly report: (message: string) => void;
}

/** The kernel's answer to an attempt to move packets. */
type Outcome = "again" | "retry" | "stop";

const ETHERNET_HEADER = 14;

export abstract class KernelDevice implements Device {
  readonly name: string;
  abstract readonly mac: Uint8Array | null;
  abstract readonly linkType: "ethernet" | "ip";
  abstract readonly mtu: number;
  protected readonly memory: PacketMemory;
  protected readonly syscalls: sys.Syscalls;
  protected readonly totals: Totals = newTotals();
  /** Address of the receive and transmit states in the router's memory, and of that memory in the process. */
  protected rx = 0;
  protected tx = 0;
  protected base = 0;
  /** Messages in one call. */
  protected cap = 0;
  protected closed = false;
  readonly #context: KernelContext;
  #bounce = 0;
  #down: string | null = null;
  #gone = false;
  #rxWaiter: sys.Waiter | null = null;
  #txWaiter: sys.Waiter | null = null;
  /** Who waits, to be woken by an interface that has come back as well. */
  #wake: (() => void) | null = null;
  #wakeSend: (() => void) | null = null;
  #downs = 0;
  #ups = 0;
  #mtuChanges = 0;
  readonly #mtuListeners: Listeners<[mtu: number]>;
  readonly #receiveSoon = new Soon();
  readonly #sendSoon = new Soon();
  #last: Readonly<Record<string, number>> | null = null;

  constructor(name: string, context: KernelContext) {
    this.name = name;
    this.#context = context;
    this.memory = context.memory;
    this.#mtuListeners = new Listeners(`the MTU of ${name}`, context.report);
    this.syscalls = context.syscalls;
  }

  /** Descriptor to wait on for packets, -1 where there is none. */
  protected abstract readonly receiveFd: number;
  protected abstract readonly sendFd: number;
  /** Reads up to `ready` messages into the receive state; -1 on failure. */
  protected abstract read(ready: number): number;
  /** Sends the first `count` prepared messages; returns how many went, -1 on failure. */
  protected abstract write(count: number): number;
  /** Whether the interface still exists. */
  protected abstract exists(): boolean;
  protected abstract closeDescriptors(): void;
  /** Packets the kernel dropped before we read them. */
  protected abstract kernelDrops(): number;

  /** Whether somebody is there to be sent to. */
  protected get joined(): boolean {
    return true;
  }

  /**
   * Allocates the structures, for up to `batch` messages in a call. `bare`: frames without virtio headers, whose size
   * nobody but us limits.
   */
  protected makeStates(addressed: boolean, batch: number, bare = false): void {
    const { memory } = this;
    // A device holds slots while it waits, so it may not hold a large part of a small pool.
    this.cap = Math.max(1, Math.min(batch, io.IO_BATCH, memory.slots >>> 3));
    for (;;) {
      try {
        this.#bounce = memory.alloc(this.cap * io.BOUNCE_SIZE);
        break;
      } catch (error) {
        if (!(error instanceof MemoryError) || this.cap === 1) throw error;
        this.cap >>>= 1;
      }
    }
    this.rx = memory.alloc(io.RX_SIZE);
    this.tx = memory.alloc(io.TX_SIZE);
    this.base = this.syscalls.address(memory);
    memory.set64(this.rx + io.RX_BASE, this.base);
    memory.set64(this.tx + io.TX_BASE, this.base);
    memory.set32(this.rx + io.RX_CAP, this.cap);
    memory.set32(this.rx + io.RX_LINK, this.linkType === "ip" ? io.LINK_IP : io.LINK_ETHERNET);
    memory.set32(this.rx + io.RX_BOUNCE, this.#bounce);
    memory.set32(this.rx + io.RX_ADDRESSED, addressed ? 1 : 0);
    if (bare) {
      memory.u8[this.rx + io.RX_BARE] = memory.u8[this.tx + io.TX_BARE] = 1;
      memory.set32(this.tx + io.TX_MAX, this.mtu + ETHERNET_HEADER);
    }
    if (this.mac !== null) memory.u8.set(this.mac, this.rx + io.RX_MAC);
    memory.kernels.deviceInit(this.rx);
    memory.kernels.deviceInitSend(this.tx);
  }

  get down(): string | null {
    // A vanishing interface is first reported as being down: look again.
    if (this.#down !== null && !this.#gone && !this.exists()) this.vanish();
    return this.#down;
  }

  receive(batch: Batch, max: number): number {
    const { memory, rx } = this;
    if (this.closed || this.receiveFd < 0) return 0;
    const before = batch.count;
    const limit = Math.min(before + max, BATCH_MAX);
    if (this.#pending()) batch.count = memory.kernels.deviceTake(rx, batch.address, batch.count, limit);
    let failures = 0;
    while (batch.count < limit && !this.#gone) {
      const ready = Math.min(memory.kernels.deviceRefill(rx), limit - batch.count);
      if (ready === 0) break;
      const n = this.read(ready);
      if (n < 0) {
        if (this.#failed(this.syscalls.errno, false) === "retry" && ++failures < io.IO_BATCH) continue;
        break;
      }
      if (n === 0) break;
      if (this.#down !== null && this.joined) this.revive();
      memory.set32(rx + io.RX_COUNT, n);
      memory.set32(rx + io.RX_NEXT, 0);
      // Rounded to 256 ns: the clock is a double.
      memory.set64(rx + io.RX_STAMP, this.#context.now() * 1e9);
      batch.count = memory.kernels.deviceTake(rx, batch.address, batch.count, limit);
      if (n < ready) break;
    }
    return batch.count - before;
  }

  send(batch: Batch): number {
    const { memory, totals } = this;
    let taken = 0;
    while (taken < batch.count) {
      if (this.closed || this.#gone) {
        totals.tx_down += batch.count - taken;
        taken = batch.count;
        break;
      }
      const from = batch.address + taken * 4;
      const count = Math.min(batch.count - taken, io.IO_BATCH);
      const ready = memory.kernels.devicePrepare(this.tx, from, count);
      if (ready === 0) {
        totals.tx_too_big++;
        taken++;
        continue;
      }
      const n = this.write(ready);
      if (n > 0) {
        totals.tx_packets += n;
        totals.tx_bytes += memory.kernels.batchBytes(from, n);
        taken += n;
        if (this.#down !== null) this.revive();
        continue;
      }
      const outcome = this.#failed(this.syscalls.errno, true);
      if (outcome === "again") break;
      if (outcome === "stop") {
        totals.tx_down += batch.count - taken;
        taken = batch.count;
      } else taken++;
    }
    if (taken > 0) {
      memory.kernels.batchTaken(batch.address, batch.count, taken);
      batch.count -= taken;
    }
    return taken;
  }

  arm(wake: () => void): void {
    this.#wake = wake;
    if (this.closed || this.#gone || this.receiveFd < 0) return;
    if (this.#pending()) this.#receiveSoon.call(wake);
    else (this.#rxWaiter ??= this.syscalls.waiter(this.receiveFd, "read")).wait(wake);
  }

  armSend(wake: () => void): void {
    this.#wakeSend = wake;
    if (this.closed || this.#gone) this.#sendSoon.call(wake);
    else (this.#txWaiter ??= this.syscalls.waiter(this.sendFd, "write")).wait(wake);
  }

  counters(): Readonly<Record<string, number>> {
    if (this.#last !== null) return this.#last;
    const { memory, rx, totals } = this;
    return {
      ...totals,
      link_downs: this.#downs,
      link_ups: this.#ups,
      mtu_changes: this.#mtuChanges,
      rx_packets: memory.get64(rx + io.RX_PACKETS),
      rx_bytes: memory.get64(rx + io.RX_BYTES),
      rx_too_big: memory.get64(rx + io.RX_TOO_BIG),
      rx_no_slot: memory.get64(rx + io.RX_NO_SLOT),
      rx_checksums: memory.get64(rx + io.RX_CSUM),
      rx_segmented: memory.get64(rx + io.RX_SEGMENTED),
      rx_kernel_drops: this.kernelDrops(),
      tx_checksums: memory.get64(this.tx + io.TX_CSUM),
    };
  }

  close(): void {
    if (this.closed) return;
    if (this.rx !== 0) this.#last = this.counters();
    this.closed = true;
    this.#receiveSoon.cancel();
    this.#sendSoon.cancel();
    this.stopWaiting();
    this.#wake = this.#wakeSend = null;
    this.closeDescriptors();
    const { memory } = this;
    if (this.rx !== 0) {
      memory.kernels.deviceDrain(this.rx);
      memory.free(this.rx, io.RX_SIZE);
    }
    if (this.tx !== 0) memory.free(this.tx, io.TX_SIZE);
    memory.free(this.#bounce, this.cap * io.BOUNCE_SIZE);
    this.#down = `${this.name} is closed`;
    this.#gone = true;
  }

  onMtu(listener: (mtu: number) => void): () => void {
    return this.#mtuListeners.add(listener);
  }

  /** The interface's MTU has changed to what `mtu` says. */
  protected tellMtu(before: number): void {
    this.#mtuChanges++;
    this.#context.report(`${this.name} has another MTU: ${this.mtu}, it was ${before}`);
    this.#mtuListeners.tell(this.mtu);
  }

  protected get gone(): boolean {
    return this.#gone;
  }

  /** The interface is no more: nothing comes or goes until it is taken up again (`takeUp`). */
  protected vanish(): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#down === null) this.#downs++;
    this.#down = `${this.name} is gone: its network interface was removed`;
    this.#context.report(this.#down);
  }

  /** There is an interface of its name again, with descriptors of its own now; `report` says so. */
  protected takeUp(report: string): void {
    this.#gone = false;
    this.#down = null;
    this.#ups++;
    if (this.mac !== null) this.memory.u8.set(this.mac, this.rx + io.RX_MAC);
    this.#context.report(report);
    const [wake, wakeSend] = [this.#wake, this.#wakeSend];
    if (wake !== null) this.#receiveSoon.call(wake);
    if (wakeSend !== null) this.#sendSoon.call(wakeSend);
  }

  /** Before other descriptors take the place of those that it waits on. */
  protected stopWaiting(): void {
    this.#rxWaiter?.close();
    this.#txWaiter?.close();
    this.#rxWaiter = this.#txWaiter = null;
  }

  #pending(): boolean {
    return this.memory.get32(this.rx + io.RX_NEXT) < this.memory.get32(this.rx + io.RX_COUNT);
  }

  /** It does not work for now: `why` says so until `revive`. */
  protected fall(why: string): void {
    if (this.#down !== null) return;
    this.#down = why;
    this.#downs++;
    this.#context.report(why);
  }

  /** Says something of it that changes nothing. */
  protected complain(message: string): void {
    this.#context.report(message);
  }

  protected switchedOff(): void {
    this.fall(`${this.name} is down: its network interface is switched off (ip link set ${this.name} up)`);
  }

  /** It works again. */
  protected revive(): void {
    if (this.#down === null || this.#gone) return;
    this.#down = null;
    this.#ups++;
    this.#context.report(`${this.name} is up again`);
  }

  /** "again": no packet or no room now; "retry": go on (when sending, without this packet); "stop": the device is down. */
  #failed(errno: number, sending: boolean): Outcome {
    const { totals } = this;
    if (sending && !this.joined) return "stop";
    switch (errno) {
      case sys.EAGAIN:
      case sys.ENOBUFS: // the interface's own queue is full
        return "again";
      case sys.ENETDOWN:
      case sys.ENXIO:
      case sys.ENODEV:
      case sys.EIO: // a TAP whose interface is down
      case sys.EFAULT: // a TAP whose interface is being removed
      case sys.EBADFD: // or was
        if (!this.exists()) this.vanish();
        else this.switchedOff();
        return "stop";
      case sys.EINTR:
        if (!sending) return "retry";
        return "again";
      case sys.EMSGSIZE:
        if (sending) totals.tx_too_big++;
        else totals.rx_too_big++;
        return "retry";
      default:
        // Receiving: an offload that virtio headers cannot describe; the kernel has dropped that frame.
        if (sending) totals.tx_errors++;
        else totals.rx_errors++;
        return "retry";
    }
  }
}
