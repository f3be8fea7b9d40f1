// The devices of sluice bench: whatever the configuration asks for, it gets one that needs no network.

import { FrameDevice, FrameStore, frameLimit } from "../device/frame-store.js";
import { type Recorded, readRecorded } from "../device/recorded.js";
import { PEER_ETHER, trafficFrame } from "../device/traffic.js";
import type { PacketMemory } from "../packet/memory.js";
import { type Device, DeviceError, type DeviceOptions, type DeviceProvider } from "../router/device.js";
import { SeededRandom } from "../router/random.js";
import type { BenchSettings } from "./bench-options.js";

/** Packets of a capture file that are kept. */
const RECORDED_MOST = 65_536;

export class BenchDevices implements DeviceProvider {
  readonly devices = new Map<string, FrameDevice>();
  /** What is worth knowing of the packets. */
  readonly notes: string[] = [];
  readonly #settings: BenchSettings;
  readonly #metered: boolean;
  #recorded: Recorded | null = null;

  constructor(settings: BenchSettings, metered: boolean) {
    this.#settings = settings;
    this.#metered = metered;
  }

  /** Those that packets come in on. */
  get sources(): FrameDevice[] {
    return [...this.devices.values()].filter((d) => d.loaded);
  }

  open(name: string, memory: PacketMemory, options: DeviceOptions = {}): Device {
    const known = this.devices.get(name);
    const device = known ?? this.#make(name, memory);
    this.devices.set(name, device);
    if (options.sendOnly !== true && !device.loaded) {
      try {
        device.load(this.#frames(name, device.linkType, memory));
      } catch (e) {
        if (e instanceof RangeError) throw new DeviceError("UNSUPPORTED", e.message);
        throw e;
      }
    }
    return device;
  }

  close(): void {
    for (const device of this.devices.values()) device.close();
  }

  #make(name: string, memory: PacketMemory): FrameDevice {
    const recorded = this.#record(memory);
    const linkType = recorded?.linkType ?? (name.startsWith("tun:") ? "ip" : "ethernet");
    const neighbor = linkType === "ethernet" ? PEER_ETHER : undefined;
    const device = new FrameDevice({ name, linkType, memory, burst: this.#settings.burst, neighbor });
    device.metered = this.#metered;
    return device;
  }

  #record(memory: PacketMemory): Recorded | null {
    const { pcap } = this.#settings;
    if (pcap === null || this.#recorded !== null) return this.#recorded;
    const recorded = readRecorded(pcap, frameLimit(memory), RECORDED_MOST);
    if (recorded.frames.length === 0) throw new DeviceError("BAD_FILE", `${pcap}: no packets in it that fit`);
    if (recorded.tooLong > 0)
      this.notes.push(`${recorded.tooLong} packets of ${pcap} are too long and left out`);
    if (recorded.more) this.notes.push(`only the first ${RECORDED_MOST} packets of ${pcap} are taken`);
    this.#recorded = recorded;
    return recorded;
  }

  #frames(name: string, linkType: "ethernet" | "ip", memory: PacketMemory): FrameStore | null {
    const recorded = this.#record(memory);
    if (recorded !== null) return new FrameStore(memory, recorded.frames, linkType);
    const traffic = this.#settings.traffic.filter((t) => t.device === null || t.device === name);
    if (traffic.length === 0) return null;
    // Of its own for each device: what one gives does not depend on which others there are.
    const random = new SeededRandom(this.#settings.seed);
    const frames = Array.from({ length: this.#settings.frames }, (_, i) =>
      trafficFrame(traffic[i % traffic.length], linkType, random),
    );
    return new FrameStore(memory, frames, linkType);
  }
}
