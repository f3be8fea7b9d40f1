import { countersText } from "../../src/device/counters.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipBytes } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import type { Device } from "../../src/router/device.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  ADDR: {
    type: "ip_prefix",
    positional: true,
    required: true,
    doc: "the kernel's address on the interface, with its network's prefix",
  },
  GATEWAY: {
    type: "ip",
    positional: true,
    doc: "an address of that network to which the kernel's default route leads",
  },
  ADDR6: { type: "ip6_prefix", doc: "the kernel's IPv6 address on the interface, with its network's prefix" },
  TAP: { type: "bool", default: "false", doc: "Ethernet frames instead of IP packets" },
  HEADROOM: {
    type: "unsigned",
    max: 8192,
    doc: "accepted for Click's configurations; the router's packets all have the same headroom",
  },
  BURST: { type: "unsigned", default: "64", min: 1, max: 256, doc: "packets read or pulled at a time" },
  ETHER: { type: "ether", doc: "the kernel's hardware address on the interface (TAP)" },
  IGNORE_QUEUE_OVERFLOWS: {
    type: "bool",
    default: "false",
    doc: "accepted for Click's configurations: a full interface is counted, not reported",
  },
  MTU: { type: "unsigned", default: "1500", min: 21, max: 65535, doc: "largest IP packet, bytes" },
  DEVNAME: { type: "string", doc: "the interface's name; by default the kernel chooses one" },
} as const;

/**
 * Hands IP packets to the kernel of this machine, and takes those that the kernel sends to the network ADDR,
 * through a TUN interface that it makes.
 *
 * Packets to ADDR itself are the kernel's own; those to other addresses of its network come out here. Input
 * packets need their network header set and are sent from there on. Packets from the kernel have their network
 * and transport headers set; what is no whole IP packet goes to output 1, or is dropped. The interface is made
 * through the router's devices (`tun:NAME`) and goes with the router; making one needs CAP_NET_ADMIN.
 *
 * @input 0 IP packets for the kernel, push or pull
 * @output 0 IP packets from the kernel
 * @output 1 what the kernel sent that is no IP packet
 * @see FromDevice, ToDevice
 */
export class KernelTun extends Element {
  static readonly spec = {
    ports: "0-1/1-2",
    processing: "a/h",
    flow: "x/y",
    flags: "S3",
    args,
    counters: { packets: "packets from the kernel", sent: "packets given to the kernel" },
    drops: {
      no_network: "no network header, or no room in it for an IP header",
      bad_version: "neither IPv4 nor IPv6",
      too_big: "longer than the MTU",
      full: "the interface was full and the packet was pushed, so it could not wait",
      not_ip: "from the kernel, no whole IP packet, and output 1 is not connected",
    },
    handlers: {
      dev_name: { read: true, doc: "the interface's name" },
      device: { read: true, doc: "the device's own totals, a line each: name, value" },
      down: { read: true, doc: "why the device does not work; empty while it does" },
    },
  } as const satisfies ElementSpec;

  #values: ArgValues<typeof args> | null = null;
  #device: Device | null = null;
  #reader: Task | null = null;
  #writer: Task | null = null;
  #signal: Signal | null = null;
  /** Packets pulled that the interface had no room for. */
  #waiting: Batch | null = null;
  readonly #wakeReader = (): void => this.#reader?.reschedule();
  readonly #wakeWriter = (): void => this.#writer?.reschedule();

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { address, mask } = values.ADDR;
    if (values.ADDR.length < 0) errors.error("ADDR: the mask is no prefix");
    if (values.GATEWAY && ((values.GATEWAY ^ address) & mask) !== 0) errors.error("bad GATEWAY");
    this.#values = values;
  }

  override initialize(errors: ErrorSink): void {
    const { ADDR, ADDR6, GATEWAY, TAP, ETHER, MTU, DEVNAME = "" } = this.#values!;
    const addresses = [{ address: ipBytes(ADDR.address), prefix: ADDR.length }];
    if (ADDR6 !== undefined) addresses.push({ address: ADDR6.address, prefix: ADDR6.length });
    try {
      this.#device = this.router.devices.open(`${TAP ? "tap" : "tun"}:${DEVNAME}`, this.memory, {
        addresses,
        mtu: MTU,
        hardware: TAP ? ETHER : undefined,
        gateway: GATEWAY ? ipBytes(GATEWAY) : undefined,
      });
    } catch (e) {
      errors.error((e as Error).message);
      return;
    }
    this.#reader = this.newTask(() => this.#read());
    this.#reader.reschedule();
    if (this.ninputs === 0 || !this.isPullInput(0)) return;
    this.#waiting = this.router.batches.acquire();
    this.#writer = this.newTask(() => this.#write());
    this.#signal = upstreamEmptySignal(this, 0, this.#writer);
    this.#writer.reschedule();
  }

  override cleanup(_stage: CleanupStage): void {
    if (this.#waiting !== null) this.router.batches.release(this.#waiting);
    this.#waiting = null;
    // With a name it stays, for the namesake that a hot swap brings; without one nobody could find it again.
    if (this.#values !== null && (this.#values.DEVNAME ?? "") === "") this.#device?.close();
    this.#device = null;
  }

  #read(): boolean {
    const device = this.#device!;
    const batch = this.router.batches.acquire();
    const count = device.receive(batch, this.#values!.BURST);
    this.memory.add64(this.counterAddress("packets"), count);
    if (count > 0) {
      if (!this.#values!.TAP) {
        const good = this.memory.kernels.tunReceive(this.state, batch.address, batch.count, this.rejects);
        if (good < batch.count) this.reject(batch, good, 1, (bad) => this.#notIp(bad));
      }
      this.outputs[0].push(batch);
      this.#reader!.reschedule();
    } else {
      device.arm(this.#wakeReader);
    }
    this.router.batches.release(batch);
    return count > 0;
  }

  #notIp(bad: Batch): void {
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("not_ip"), bad.count);
  }

  override push(_port: number, batch: Batch): void {
    this.#check(batch);
    this.memory.add64(this.counterAddress("sent"), this.#device!.send(batch));
    this.memory.add64(this.counterAddress("full"), batch.count);
    batch.kill();
  }

  #write(): boolean {
    const batch = this.#waiting!;
    const device = this.#device!;
    if (batch.count === 0) {
      this.inputs[0].pull(batch, this.#values!.BURST);
      if (batch.count === 0) {
        if (this.#signal!.active) this.#writer!.reschedule();
        return false;
      }
      this.#check(batch);
    }
    this.memory.add64(this.counterAddress("sent"), device.send(batch));
    if (batch.count === 0) this.#writer!.reschedule();
    else device.armSend(this.#wakeWriter);
    return true;
  }

  /** Drops what the interface does not take, and strips what precedes the network header. */
  #check(batch: Batch): void {
    if (this.#values!.TAP) return; // the device counts what it cannot carry
    const drops = this.counterAddress("no_network");
    const { MTU } = this.#values!;
    const good = this.memory.kernels.tunSend(drops, batch.address, batch.count, this.rejects, MTU);
    if (good < batch.count) this.reject(batch, good, null);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      dev_name: { read: () => interfaceName(this.#device) },
      device: { read: () => countersText(this.#device?.counters() ?? {}) },
      down: { read: () => this.#device?.down ?? "" },
    };
  }
}

/** The name that the kernel gave the interface, where the device has one. */
function interfaceName(device: Device | null): string {
  const named = device as (Device & { readonly interfaceName?: string }) | null;
  return named?.interfaceName ?? named?.name ?? "";
}
