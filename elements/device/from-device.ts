import { ANNO_EXTRA_LENGTH, SLOT_ANNO, SLOT_LENGTH } from "../../assembly/layout.js";
import { countersText } from "../../src/device/counters.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { forceIP } from "../../src/packet/force-ip.js";
import type { Device } from "../../src/router/device.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from "../../src/wire/pcap.js";

const args = {
  DEVNAME: {
    type: "string",
    positional: true,
    required: true,
    doc: "the device, by the name its router knows it by",
  },
  PROMISC: {
    type: "bool",
    positional: true,
    default: "false",
    doc: "receive packets of every hardware address",
  },
  SNAPLEN: {
    type: "unsigned",
    positional: true,
    default: "262144",
    min: 14,
    doc: "bytes of a packet to keep, its link-layer header included; the extra length annotation tells what is cut off",
  },
  SNIFFER: {
    type: "bool",
    default: "true",
    doc: "leave the packets to the kernel as well; false is not supported: give the interface no address instead",
  },
  OUTBOUND: {
    type: "bool",
    default: "false",
    doc: "also show packets that this host sends through the device",
  },
  FORCE_IP: {
    type: "bool",
    default: "false",
    doc: "give IP packets only, their network header marked; the link-layer header stays",
  },
  METHOD: {
    type: "word",
    doc: "accepted for Click's configurations; the router's device decides how to read",
  },
  CAPTURE: { type: "word", doc: "METHOD's old name" },
  BPF_FILTER: {
    type: "string",
    doc: "accepted for Click's configurations and ignored, with a warning: put a Classifier behind instead",
  },
  ENCAP: {
    type: "word",
    doc: "accepted for Click's configurations; the device says what its packets start with",
  },
  HEADROOM: {
    type: "unsigned",
    max: 8190,
    doc: "accepted for Click's configurations; the router's packets all have the same headroom",
  },
  BURST: { type: "unsigned", default: "64", min: 1, max: 256, doc: "packets read at a time" },
  TIMESTAMP: { type: "bool", default: "true", doc: "packets carry the time they were read" },
  ACTIVE: { type: "bool", default: "true", doc: "read packets" },
} as const;

/**
 * Reads packets from a device and pushes them out.
 *
 * The router is asked for the device by name, so what is behind it (a network interface, a TAP, a capture
 * file, a link inside the process) is decided by whoever made the router, and the configuration stays the
 * same. Packets start with the device's link-layer header, have their packet type annotation set (host,
 * broadcast, multicast, other host), and complete checksums. With FORCE_IP, packets without IP leave on output 1 or
 * are dropped.
 *
 * A device that vanishes while the router runs stops nothing else; its `down` handler says what happened.
 *
 * @output 0 packets received
 * @output 1 packets that carry no IP (FORCE_IP)
 * @see ToDevice, FromDump, KernelTun
 */
export class FromDevice extends Element {
  static readonly spec = {
    ports: "0/1-2",
    processing: "h",
    args,
    counters: { count: "packets received", bytes: "bytes received" },
    drops: { not_ip: "it carries no IP, and output 1 is not connected" },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether packets are read" },
      device: { read: true, doc: "the device's own totals, a line each: name, value" },
      kernel_drops: {
        read: true,
        doc: "packets that the kernel dropped before they could be read; ?? where that is not known",
      },
      encap: { read: true, calm: true, doc: "what packets start with: ETHER or IP" },
      down: { read: true, doc: "why the device does not work; empty while it does" },
      reset_counts: { write: true, button: true, doc: "sets count and bytes to zero" },
    },
  } as const satisfies ElementSpec;

  #name = "";
  #burst = 64;
  #snaplen = 262144;
  #active = true;
  #promiscuous = false;
  #outbound = false;
  #forceIP = false;
  #device: Device | null = null;
  #task: Task | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#name = values.DEVNAME;
    this.#burst = values.BURST;
    this.#snaplen = values.SNAPLEN;
    this.#active = values.ACTIVE;
    this.#promiscuous = values.PROMISC;
    this.#outbound = values.OUTBOUND;
    this.#forceIP = values.FORCE_IP;
    if (values.BPF_FILTER !== undefined && values.BPF_FILTER !== "")
      errors.warning("not using METHOD PCAP, BPF filter ignored");
    if (!values.SNIFFER)
      errors.error(
        "SNIFFER false is not supported: give the interface no address, so that the kernel has no use for its packets",
      );
  }

  override initialize(errors: ErrorSink): void {
    try {
      this.#device = this.router.devices.open(this.#name, this.memory, {
        promiscuous: this.#promiscuous,
        outbound: this.#outbound,
      });
    } catch (e) {
      errors.error((e as Error).message);
      return;
    }
    this.#task = this.newTask(() => this.#run());
    if (this.#active) this.#task.reschedule();
  }

  override cleanup(_stage: CleanupStage): void {
    this.#device = null;
  }

  #run(): boolean {
    const device = this.#device;
    if (device === null || !this.#active) return false;
    const batch = this.router.batches.acquire();
    const count = device.receive(batch, this.#burst);
    if (count > 0) {
      this.memory.add64(this.state, count);
      this.memory.add64(this.state + 8, this.memory.kernels.batchBytes(batch.address, batch.count));
      if (this.#snaplen < this.memory.longest) this.#cut(batch);
      if (this.#forceIP) this.#sortOut(batch, device);
      this.outputs[0].push(batch);
      this.#task!.reschedule();
    } else {
      this.#wait(device);
    }
    this.router.batches.release(batch);
    return count > 0;
  }

  #cut(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const length = this.memory.get32(slot + SLOT_LENGTH);
      if (length <= this.#snaplen) continue;
      this.memory.set32(slot + SLOT_LENGTH, this.#snaplen);
      this.memory.set32(slot + SLOT_ANNO + ANNO_EXTRA_LENGTH, length - this.#snaplen);
    }
  }

  /** Leaves the packets that carry IP in `batch`. */
  #sortOut(batch: Batch, device: Device): void {
    const linkType = device.linkType === "ip" ? LINKTYPE_RAW : LINKTYPE_ETHERNET;
    const others = this.rejectUnless(batch, (slot) => forceIP(this.memory, slot, linkType));
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("not_ip"), others);
  }

  #wait(device: Device): void {
    device.arm(() => {
      this.#task?.reschedule();
      this.router.driver.wake();
    });
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (active) this.#task?.reschedule();
        },
      ),
      device: { read: () => countersText(this.#device?.counters() ?? {}) },
      kernel_drops: { read: () => this.#device?.counters().rx_kernel_drops ?? "??" },
      encap: { read: () => (this.#device?.linkType === "ip" ? "IP" : "ETHER") },
      down: { read: () => this.#device?.down ?? "" },
      reset_counts: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.memory.set64(this.state + 8, 0);
        },
      },
    };
  }
}
