// Two sites with a hypervisor each, a core between their agents, and a virtual machine that talks with a host.

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hypervisor, HypervisorEvent, MigrationOptions } from "../../../src/cloud/hypervisor.js";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";

const conf = (name: string): string => fileURLToPath(new URL(`../../../../conf/${name}`, import.meta.url));

/** Its folder is removed by `remove`. */
export class Sites {
  readonly folder: string = mkdtempSync(join(tmpdir(), "sluice-"));

  constructor() {
    copyFileSync(conf("ethernet-interface.click"), join(this.folder, "ethernet-interface.click"));
    const graph = (name: string, text: string): void => writeFileSync(join(this.folder, name), text);
    graph(
      "bridge.click",
      `switch :: EtherSwitch;
FromDevice(eth0, true) -> [0] switch [0] -> Queue -> ToDevice(eth0);
FromDevice(eth1, true) -> [1] switch [1] -> Queue -> ToDevice(eth1);
`,
    );
    graph(
      "agent.click",
      `define($IP4 10.0.0.1);
require(library ethernet-interface.click);
net :: EthernetInterface(core, $IP4, fd00::1);
net [0] -> CheckIPHeader -> streams :: GuestStreams($IP4) -> [0] net;
net [1] -> Discard; Idle -> [1] net;
streams [1] -> sink :: TCPSink($IP4, 5001) -> [0] net;
sink [1] -> Discard;
`,
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `core`: what its link is; `host`: parameters of the machine. */
  descriptor({
    core = "delay: 5ms, rate: 100Mbps",
    host = "",
    isolation = "inline" as Isolation,
    dc2 = "",
  } = {}) {
    return parseDescriptor(
      `service: t${process.pid}-sites
defaults: { isolation: ${isolation}, memory: { megabytes: 32 } }
links:
  lan1: { shared: true, delay: 100us, rate: 100Mbps }
  lan2: { shared: true, delay: 100us, rate: 100Mbps }
  core: { shared: true, ${core} }
hypervisors:
  dc1: { agent: agent1, links: { eth0: lan1 }, megabytes: 64 }
  dc2: { agent: agent2, links: { eth0: lan2 }, megabytes: 64${dc2} }
functions:
  bridge: { graph: bridge.click, devices: { eth0: lan1, eth1: lan2 } }
  agent1: { graph: agent.click, parameters: { IP4: 10.0.0.1 }, devices: { core: core } }
  agent2: { graph: agent.click, parameters: { IP4: 10.0.0.2 }, devices: { core: core } }
  load:
    graph: ${conf("host.click")}
    parameters: { DEVICE: core, IP4: 10.0.0.3, NET4: 10.0.0.0/24, PEER4: 10.0.0.2, RATE: 0, PING: 3600, TCP_PORT: 5001 }
    devices: { core: core }
  peer:
    graph: ${conf("host.click")}
    parameters: { IP4: 192.168.1.20, PEER4: 192.168.1.10, RATE: 0, PING: 3600 }
    devices: { eth0: lan1 }
  vm:
    graph: ${conf("host.click")}
    parameters: { IP4: 192.168.1.10, PEER4: 192.168.1.20, RATE: 0, PING: 3600, ${host || "NUMBERED4: 100"} }
    vm: { hypervisor: dc1, addresses: [192.168.1.10, "fd01::10"] }
    devices: { eth0: lan1 }
`,
      join(this.folder, "sites.yaml"),
    );
  }

  async simulated(options: Parameters<Sites["descriptor"]>[0] = {}): Promise<Running> {
    const world = new SimulatedWorld(1);
    const service = await Service.instantiate(this.descriptor(options), { world });
    await service.start();
    const running = new Running(service, (seconds) => world.simulation.runFor(seconds));
    await running.run(1);
    return running;
  }
}

export const OPTIONS: MigrationOptions = { downtimeLimit: 0.1, bandwidth: 0, deadline: 60 };

export class Running {
  readonly service: Service;
  readonly run: (seconds: number) => Promise<void>;
  readonly dc1: Hypervisor;
  readonly dc2: Hypervisor;
  /** Events of both, in order. */
  readonly events: (HypervisorEvent & { readonly site: string })[] = [];

  constructor(service: Service, run: (seconds: number) => Promise<void>) {
    this.service = service;
    this.run = run;
    [this.dc1, this.dc2] = ["dc1", "dc2"].map((name) => {
      const hypervisor = service.hypervisors.hypervisor(name);
      hypervisor.onEvent((event) => this.events.push({ ...event, site: name }));
      return hypervisor;
    });
  }

  /** Begins a migration, from the first to the second unless said otherwise. */
  async migrate(
    name = "m1",
    options: Partial<MigrationOptions> = {},
    [from, to]: readonly [Hypervisor, Hypervisor] = [this.dc1, this.dc2],
  ): Promise<void> {
    const guest = (await from.guests()).find((g) => g.name === "vm")!;
    const landing = await to.prepareIncoming(name, guest, 10);
    await from.migrate(name, "vm", landing, { ...OPTIONS, ...options });
  }

  /** `site:kind` of the events but for progress. */
  get kinds(): string[] {
    return this.events.filter((e) => e.kind !== "progress").map((e) => `${e.site}:${e.kind}`);
  }

  /** Lets time pass until there is such an event. */
  async until(
    site: string,
    kind: HypervisorEvent["kind"],
    seconds = 60,
    step = 0.001,
  ): Promise<HypervisorEvent> {
    for (let t = 0; t < seconds && !this.events.some((e) => e.site === site && e.kind === kind); t += step)
      await this.run(step);
    return this.event(site, kind);
  }

  event(site: string, kind: HypervisorEvent["kind"]): HypervisorEvent {
    const found = this.events.find((e) => e.site === site && e.kind === kind);
    if (found === undefined) throw new Error(`no ${kind} at ${site}: ${this.kinds}`);
    return found;
  }

  /** Resolves while time passes. */
  async meanwhile<T>(work: Promise<T>, seconds = 5): Promise<T> {
    const done = work.finally(() => {});
    done.catch(() => {});
    await this.run(seconds);
    return done;
  }

  /** The code with which `work` is rejected while time passes. */
  async refusal(work: Promise<unknown>, seconds = 0.05): Promise<string> {
    try {
      await this.meanwhile(work, seconds);
    } catch (e) {
      return (e as { code: string }).code;
    }
    return "done";
  }

  read(name: string, path: string): Promise<string> {
    return this.service.function(name).request("read", { path });
  }
}
