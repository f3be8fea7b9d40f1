// The hypervisors of the catalogue's data centres, behind their agents.

import type { UdpPacket } from "../../../wire/udp-packet.js";
import type { AgentHost } from "../../agent/agent-host.js";
import { RemoteHypervisor, type RemoteVerdict } from "../../agent/remote-hypervisor.js";
import type { AgentAddress } from "../../catalogue/model.js";
import type { Hypervisor, HypervisorEvent } from "../../hypervisor.js";

export interface AgentsOptions {
  readonly host: AgentHost;
  /** The agent of a data centre, with a key; null: it has none. */
  readonly agentOf: (dc: string) => AgentAddress | null;
  readonly nonce: () => bigint;
  readonly event: (dc: string, event: HypervisorEvent) => void;
}

interface Known {
  readonly agent: AgentAddress;
  readonly remote: RemoteHypervisor;
}

export class Agents {
  readonly #options: AgentsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: AgentsOptions) {
    this.#options = options;
  }

  /** The hypervisor of a data centre, from now on with its events; null: it has no agent. */
  hypervisor(dc: string): Hypervisor | null {
    const { host, agentOf, nonce, event } = this.#options;
    const agent = agentOf(dc);
    const known = this.#known.get(dc);
    // The catalogue has the same one as long as nobody has changed it.
    if (known !== undefined && known.agent === agent) return known.remote;
    known?.remote.close();
    this.#known.delete(dc);
    if (agent === null || agent.key === null) return null;
    const { address, port, key } = agent;
    const remote = new RemoteHypervisor(host, { address, port, key, nonce });
    remote.onEvent((news) => event(dc, news));
    this.#known.set(dc, { agent, remote });
    return remote;
  }

  /** Whether each agent that was asked has answered; null: not known yet. */
  reachable(): readonly (readonly [dc: string, reachable: boolean | null])[] {
    return [...this.#known].map(([dc, { remote }]) => [dc, remote.reachable] as const);
  }

  receive(datagram: UdpPacket): RemoteVerdict {
    for (const { remote } of this.#known.values()) {
      const verdict = remote.receive(datagram);
      if (verdict !== "other") return verdict;
    }
    return "other";
  }

  close(): void {
    for (const { remote } of this.#known.values()) remote.close();
    this.#known.clear();
  }
}
