// Functions that are virtual machines, and the hypervisors of a descriptor: read, and checked against each other.

import { BUFFER_SIZE, HEADER_SIZE, SLOT_META } from "../../../assembly/layout.js";
import type { Landmark } from "../../lang/diagnostics.js";
import { addressText, findAddress } from "../../net/address.js";
import type {
  FunctionDescriptor,
  HypervisorDescriptor,
  LinkDescriptor,
  ServiceDescriptor,
  VmDescriptor,
} from "./model.js";

export interface VmDocument {
  readonly hypervisor: string;
  readonly addresses?: readonly string[];
  readonly mtu?: number;
}

export interface HypervisorDocument {
  readonly agent: string;
  readonly links: Readonly<Record<string, string>>;
  readonly megabytes?: number;
  readonly guests?: number;
  readonly migrations?: number;
}

interface VmsDocument {
  readonly functions: Readonly<Record<string, { readonly vm?: VmDocument }>>;
  readonly hypervisors?: Readonly<Record<string, HypervisorDocument>>;
}

type Path = readonly (string | number)[];

/** What the reader of the rest of the descriptor lends. */
export interface VmsReader {
  landmark(path: Path): Landmark;
  /** Whether `known` has `name`; tells the problem where it has not. */
  known(path: Path, kind: string, name: string, known: readonly string[]): boolean;
  problem(path: Path, message: string, hint?: string): void;
}

type Functions = ReadonlyMap<string, FunctionDescriptor>;
interface Rest {
  readonly links: ReadonlyMap<string, LinkDescriptor>;
  readonly functions: Functions;
}

/** The hypervisors, and the functions with what makes virtual machines of some. */
export function readVms(
  document: VmsDocument,
  rest: Rest,
  reader: VmsReader,
): Pick<ServiceDescriptor, "functions" | "hypervisors"> {
  return new VmsParser(document, rest, reader).parse();
}

/** The ends of links that a function can have: those of a virtual machine depend on where it is. */
export function endsOfFunction(
  f: FunctionDescriptor,
  { hypervisors }: Pick<ServiceDescriptor, "hypervisors">,
): { readonly name: string; readonly link: string }[] {
  return f.devices.flatMap(({ name, ...d }) => {
    if (!("link" in d)) return [];
    const others = f.vm === null ? [] : [...hypervisors.values()].map((h) => h.links.get(name));
    const links = new Set([d.link, ...others.filter((l) => l !== undefined)]);
    return [...links].map((link) => ({ name, link }));
  });
}

class VmsParser {
  readonly #document: VmsDocument;
  readonly #rest: Rest;
  readonly #reader: VmsReader;

  constructor(document: VmsDocument, rest: Rest, reader: VmsReader) {
    this.#document = document;
    this.#rest = rest;
    this.#reader = reader;
  }

  parse(): Pick<ServiceDescriptor, "functions" | "hypervisors"> {
    const agents = new Map<string, string>();
    const hypervisors = new Map(
      Object.entries(this.#document.hypervisors ?? {}).map(([name, h]) => [
        name,
        this.#hypervisor(name, h, agents),
      ]),
    );
    const functions = new Map(
      [...this.#rest.functions].map(([name, f]) => {
        const { vm } = this.#document.functions[name];
        return [name, vm === undefined ? f : { ...f, vm: this.#vm(f, vm, hypervisors) }];
      }),
    );
    this.#capacities(functions, hypervisors);
    return { functions, hypervisors };
  }

  #hypervisor(name: string, h: HypervisorDocument, agents: Map<string, string>): HypervisorDescriptor {
    const { links, functions } = this.#rest;
    const path = ["hypervisors", name];
    if (this.#reader.known([...path, "agent"], "function", h.agent, [...functions.keys()]))
      this.#agent(name, h.agent, agents);
    for (const [device, link] of Object.entries(h.links)) {
      const at = [...path, "links", device];
      if (!this.#reader.known(at, "link", link, [...links.keys()])) continue;
      if (!links.get(link)!.shared)
        this.#reader.problem(
          at,
          `virtual machines cannot attach to link '${link}' while others use it`,
          "let the link be 'shared: true'",
        );
    }
    return {
      name,
      agent: h.agent,
      links: new Map(Object.entries(h.links)),
      memory: (h.megabytes ?? 4096) * 2 ** 20,
      guests: h.guests ?? 64,
      migrations: h.migrations ?? 2,
      landmark: this.#reader.landmark(path),
    };
  }

  #agent(name: string, agent: string, agents: Map<string, string>): void {
    const at = ["hypervisors", name, "agent"];
    const other = agents.get(agent);
    if (other !== undefined)
      this.#reader.problem(at, `'${agent}' is the agent of hypervisor '${other}' already`);
    agents.set(agent, name);
    if (this.#document.functions[agent].vm !== undefined)
      this.#reader.problem(at, `'${agent}' is a virtual machine: an agent is not one itself`);
    if (this.#rest.functions.get(agent)!.replicas !== 1)
      this.#reader.problem(at, `'${agent}' has replicas: an agent is one function`);
  }

  #vm(
    f: FunctionDescriptor,
    vm: VmDocument,
    hypervisors: ReadonlyMap<string, HypervisorDescriptor>,
  ): VmDescriptor {
    const path = ["functions", f.name];
    const { problem } = this.#reader;
    if (f.replicas !== 1)
      problem([...path, "replicas"], "a virtual machine has no replicas: write a function for each");
    const known = [...hypervisors.keys()];
    const h = this.#reader.known([...path, "vm", "hypervisor"], "hypervisor", vm.hypervisor, known)
      ? hypervisors.get(vm.hypervisor)!
      : null;
    const needed = HEADER_SIZE + (f.memory.slots ?? 0) * (SLOT_META + BUFFER_SIZE + 4) + 2 ** 17;
    if (f.memory.slots !== null && needed > f.memory.bytes)
      problem(
        [...path, "memory", "slots"],
        `${f.memory.slots} slots need ${Math.ceil(needed / 2 ** 20)} megabytes: hypervisors count on the ${f.memory.bytes / 2 ** 20} that '${f.name}' has`,
      );
    if (f.devices.length === 0) problem(path, `virtual machine '${f.name}' has no devices`);
    const mtus: number[] = [];
    for (const d of f.devices) {
      const at = [...path, "devices", d.name];
      if (!("link" in d)) {
        problem(at, `'${d.name}' is an interface of this host: a virtual machine could not take it along`);
        continue;
      }
      const link = this.#rest.links.get(d.link);
      if (link === undefined || h === null) continue;
      mtus.push(link.mtu);
      const own = h.links.get(d.name);
      if (own === undefined)
        problem(
          at,
          `hypervisor '${h.name}' has no link for a device '${d.name}'`,
          `it has links for ${[...h.links.keys()].join(", ")}`,
        );
      else if (own !== d.link)
        problem(
          at,
          `'${d.link}' is not the link of hypervisor '${h.name}' for device '${d.name}'`,
          `it is '${own}'`,
        );
    }
    const carried = Math.min(...mtus, 65535);
    if (vm.mtu !== undefined && mtus.length > 0 && vm.mtu > carried)
      problem(
        [...path, "vm", "mtu"],
        `its packets have up to ${vm.mtu} bytes: the links of hypervisor '${vm.hypervisor}' carry ${carried}`,
      );
    return {
      hypervisor: vm.hypervisor,
      addresses: this.#addresses(f.name, vm.addresses ?? []),
      mtu: vm.mtu ?? carried,
    };
  }

  /** Two machines may have one address, in two LISP instances; of one machine it stands once. */
  #addresses(name: string, texts: readonly string[]): Uint8Array[] {
    const seen = new Set<string>();
    return texts.flatMap((text, i) => {
      const at = ["functions", name, "vm", "addresses", i];
      const address = findAddress(text);
      if (address === null) {
        this.#reader.problem(at, `'${text}' is not an IPv4 or IPv6 address`);
        return [];
      }
      const plain = addressText(address);
      if (seen.has(plain)) this.#reader.problem(at, `'${text}' stands here twice`);
      seen.add(plain);
      return [address];
    });
  }

  /** A hypervisor has room for the machines that begin there. */
  #capacities(functions: Functions, hypervisors: ReadonlyMap<string, HypervisorDescriptor>): void {
    for (const h of hypervisors.values()) {
      const here = [...functions.values()].filter((f) => f.vm?.hypervisor === h.name);
      const bytes = here.reduce((sum, f) => sum + f.memory.bytes, 0);
      const path = ["hypervisors", h.name];
      if (bytes > h.memory)
        this.#reader.problem(
          [...path, "megabytes"],
          `the virtual machines that begin at '${h.name}' have ${bytes / 2 ** 20} megabytes: it has ${h.memory / 2 ** 20}`,
        );
      if (here.length > h.guests)
        this.#reader.problem(
          [...path, "guests"],
          `${here.length} virtual machines begin at '${h.name}': it takes ${h.guests}`,
        );
    }
  }
}
