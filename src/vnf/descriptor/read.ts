// Reads a service descriptor: YAML text to a ServiceDescriptor, or everything that is wrong with it.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigurationError, type Diagnostic } from "../../lang/diagnostics.js";
import { nearest } from "../../lang/nearest.js";
import { findMac } from "../../net/mac.js";
import { checkArgument, TEXT } from "../../options.js";
import { schemaCheck } from "./check.js";
import { type EndOwner, endsOf } from "./ends.js";
import type {
  DeviceDescriptor,
  FaultDescriptor,
  FunctionDescriptor,
  HealthDescriptor,
  Impairments,
  Isolation,
  LinkDescriptor,
  MemoryDescriptor,
  RestartDescriptor,
  ServiceDescriptor,
} from "./model.js";
import { endPairs, type MatrixDocument, type PairDocument, type PairsReader, readPairs } from "./pairs.js";
import { duration, rate, share } from "./quantity.js";
import { DescriptorSource } from "./source.js";
import { endsOfFunction, type HypervisorDocument, readVms, type VmDocument } from "./vms.js";

type Quantity = string | number;

// The document as the schema lets it be.
interface Document {
  readonly service: string;
  readonly description?: string;
  readonly world?: { readonly seed?: number; readonly epoch?: number };
  readonly defaults?: Defaults;
  readonly links?: Readonly<Record<string, LinkDocument | null>>;
  readonly functions: Readonly<Record<string, FunctionDocument>>;
  readonly hypervisors?: Readonly<Record<string, HypervisorDocument>>;
  readonly faults?: readonly FaultDocument[];
}
interface Defaults {
  readonly isolation?: Isolation;
  readonly memory?: { readonly slots?: number; readonly megabytes?: number; readonly heap?: number };
  readonly restart?: {
    readonly policy?: RestartDescriptor["policy"];
    readonly delay?: Quantity;
    readonly factor?: number;
    readonly longest?: Quantity;
    readonly calm?: Quantity;
  };
}
interface LinkDocument {
  readonly delay?: Quantity;
  readonly jitter?: Quantity;
  readonly loss?: Quantity;
  readonly rate?: Quantity;
  readonly queue?: number;
  readonly mtu?: number;
  readonly shared?: boolean;
  readonly pairs?: readonly PairDocument[];
  readonly matrix?: MatrixDocument;
}
interface FunctionDocument extends Defaults {
  readonly graph: string;
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly devices?: Readonly<Record<string, DeviceDocument>>;
  readonly replicas?: number;
  readonly orchestrates?: boolean;
  readonly health?: HealthDocument;
  readonly vm?: VmDocument;
}
type DeviceDocument =
  | string
  | { readonly link: string; readonly mac?: string }
  | { readonly interface: string };
interface HealthDocument {
  readonly handler: string;
  readonly expect?: string | number | boolean;
  readonly interval?: Quantity;
  readonly timeout?: Quantity;
  readonly failures?: number;
  readonly grace?: Quantity;
}
interface FaultDocument {
  readonly delay?: Quantity;
  readonly jitter?: Quantity;
  readonly loss?: Quantity;
  readonly rate?: Quantity;
  readonly from?: string;
  readonly to?: string;
  readonly between?: readonly [string, string];
  readonly at: Quantity;
  readonly for?: Quantity;
  readonly link?: string;
  readonly function?: string;
  readonly down?: true;
  readonly crash?: true;
  readonly clock?: string;
  readonly store?: "fail" | "slow" | "lose";
}

/** Reads the descriptor in `file`. Throws ConfigurationError with everything that is wrong, or the system's error. */
export function readDescriptor(file: string): ServiceDescriptor {
  checkArgument("readDescriptor", "the file's name", file, TEXT);
  return parseDescriptor(readFileSync(file, "utf8"), file);
}

/**
 * Reads a descriptor; `file` names it in errors, and its folder is where graphs are looked for, inside folder `within`
 * only when that is given. Throws ConfigurationError.
 */
export function parseDescriptor(text: string, file: string, within: string | null = null): ServiceDescriptor {
  checkArgument("parseDescriptor", "the descriptor's text", text, TEXT);
  checkArgument("parseDescriptor", "the file's name", file, TEXT);
  const source = new DescriptorSource(text, file);
  const wrong = schemaCheck()(source);
  if (wrong.length > 0) throw new ConfigurationError(wrong);
  const document = source.values as Document;
  const reader = new Reader(source, Object.keys(document.links ?? {}), owners(document), within);
  const descriptor = reader.read(document);
  if (reader.problems.length > 0) throw new ConfigurationError(reader.problems);
  return descriptor;
}

/** Reads one fault, as plain data, for the service of `descriptor`. Throws ConfigurationError. */
export function parseFault(document: unknown, descriptor: ServiceDescriptor): FaultDescriptor[] {
  const source = new DescriptorSource(JSON.stringify({ faults: [document] }), "fault");
  const wrong = schemaCheck(true)(source);
  if (wrong.length > 0) throw new ConfigurationError(wrong);
  const functions = [...descriptor.functions.values()].map((f) => ({
    name: f.name,
    replicas: f.replicas,
    devices: endsOfFunction(f, descriptor),
  }));
  const reader = new Reader(source, [...descriptor.links.keys()], functions, null);
  const faults = reader.fault(document as FaultDocument, 0);
  if (reader.problems.length > 0) throw new ConfigurationError(reader.problems);
  return faults;
}

class Reader {
  readonly problems: Diagnostic[] = [];
  readonly #source: DescriptorSource;
  readonly #links: readonly string[];
  readonly #functions: readonly EndOwner[];
  readonly #within: string | null;

  constructor(
    source: DescriptorSource,
    links: readonly string[],
    functions: readonly EndOwner[],
    within: string | null,
  ) {
    this.#source = source;
    this.#links = links;
    this.#functions = functions;
    this.#within = within;
  }

  read(document: Document): ServiceDescriptor {
    const { service, description = "", world = {}, links = {}, functions, faults = [] } = document;
    const { defaults = {} } = document;
    this.#distinct(functions);
    const all = {
      links: new Map(Object.entries(links).map(([name, link]) => [name, this.#link(name, link ?? {})])),
      functions: new Map(
        Object.entries(functions).map(([name, f]) => [name, this.#function(name, f, defaults)]),
      ),
    };
    const machines = readVms(document, all, {
      landmark: (path) => this.#source.landmark(path, true),
      known: (path, kind, name, known) => this.#known(path, kind, name, known),
      problem: (path, message, hint) => this.#problem("vm", path, message, hint),
    });
    return {
      name: service,
      description,
      file: this.#source.file,
      world: { seed: world.seed ?? 0, epoch: world.epoch ?? 1_000_000_000 },
      links: all.links,
      ...machines,
      faults: faults.flatMap((f, i) => this.fault(f, i)).sort((a, b) => a.at - b.at),
    };
  }

  #problem(
    code: string,
    path: readonly (string | number)[],
    message: string,
    hint?: string,
    key = false,
  ): void {
    const landmark = this.#source.landmark(path, key);
    this.problems.push({
      severity: "error",
      code,
      landmark,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #function(name: string, f: FunctionDocument, defaults: Defaults): FunctionDescriptor {
    const parameters = Object.entries(f.parameters ?? {}).map(([k, v]) => [k, String(v)]);
    return {
      name,
      graph: this.#graph(name, f.graph),
      parameters: Object.fromEntries(parameters),
      devices: Object.entries(f.devices ?? {}).map(([device, d]) => this.#device(name, device, d)),
      isolation: f.isolation ?? defaults.isolation ?? "inline",
      memory: memoryOf({ ...defaults.memory, ...f.memory }),
      replicas: f.replicas ?? 1,
      orchestrates: f.orchestrates ?? false,
      restart: restartOf({ ...defaults.restart, ...f.restart }),
      health: f.health === undefined ? null : healthOf(f.health),
      vm: null,
      landmark: this.#source.landmark(["functions", name], true),
    };
  }

  #link(name: string, l: LinkDocument): LinkDescriptor {
    const none = { delay: 0, jitter: 0, loss: 0, rate: 0 };
    const own = l.pairs !== undefined || l.matrix !== undefined;
    return {
      name,
      ...none,
      queue: l.queue ?? 100,
      mtu: l.mtu ?? 1500,
      shared: l.shared ?? false,
      pairs: own ? readPairs(l.pairs ?? [], l.matrix, ["links", name], this.#pairs(name)) : [],
      ...changeOf(l),
    };
  }

  /** What reads the pairs of a link. */
  #pairs(link: string): PairsReader {
    return {
      file: this.#source.file,
      ends: endsOf(link, this.#functions),
      allowed: (path) => this.#within === null || inside(path, this.#within),
      problem: (path, message, hint) => this.#problem("pair", path, message, hint),
      problems: (found) => this.problems.push(...found),
    };
  }

  /** The replicas of `xtr` are called xtr, xtr-2, xtr-3: none may be another function. */
  #distinct(functions: Document["functions"]): void {
    for (const name of Object.keys(functions)) {
      const [, base, number] = /^(.*)-(\d+)$/.exec(name) ?? [];
      if (base === undefined || !(Number(number) <= (functions[base]?.replicas ?? 1)) || Number(number) < 2)
        continue;
      this.#problem(
        "name",
        ["functions", name],
        `'${name}' is also the name of a replica of '${base}'`,
        undefined,
        true,
      );
    }
  }

  #graph(name: string, graph: string): string {
    const path = resolve(dirname(this.#source.file), graph);
    if (!existsSync(path) || !statSync(path).isFile()) {
      const folder = dirname(path);
      const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".click")) : [];
      const near = nearest(basename(path), files);
      const hint = near === null ? undefined : `is it ${join(dirname(graph), near)}?`;
      this.#problem("no-graph", ["functions", name, "graph"], `there is no file ${path}`, hint);
    }
    if (this.#within !== null && existsSync(path) && !inside(path, this.#within))
      this.#problem("outside", ["functions", name, "graph"], `${graph} lies outside of ${this.#within}`);
    return path;
  }

  #device(owner: string, name: string, d: DeviceDocument): DeviceDescriptor {
    if (typeof d === "object" && "interface" in d) return { name, interface: d.interface };
    const link = typeof d === "string" ? d : d.link;
    const mac = typeof d === "object" && d.mac !== undefined ? d.mac : null;
    const path = ["functions", owner, "devices", name];
    this.#known(typeof d === "string" ? path : [...path, "link"], "link", link, this.#links);
    return {
      name,
      link,
      mac: mac === null ? null : findMac(mac),
    };
  }

  #known(path: readonly (string | number)[], kind: string, name: string, known: readonly string[]): boolean {
    if (known.includes(name)) return true;
    const near = nearest(name, known);
    const hint = near === null ? `known are ${known.join(", ") || "none"}` : `is it '${near}'?`;
    this.#problem(`no-${kind}`, path, `there is no ${kind} '${name}'`, hint);
    return false;
  }

  fault(f: FaultDocument, i: number): FaultDescriptor[] {
    const path = ["faults", i];
    const when = {
      at: duration(f.at),
      duration: f.for === undefined ? Number.POSITIVE_INFINITY : duration(f.for),
    };
    if ((f.link === undefined) === (f.function === undefined)) {
      this.#problem("fault", path, "a fault befalls either a 'link' or a 'function'");
      return [];
    }
    const faults: FaultDescriptor[] = [];
    if (f.link !== undefined) {
      const { link } = f;
      if (!this.#known([...path, "link"], "link", link, this.#links)) return [];
      this.#strange(path, f, "link", OF_FUNCTIONS);
      const one = f.from !== undefined || f.to !== undefined || f.between !== undefined;
      const pairs = one ? endPairs(f, path, this.#pairs(link)) : undefined;
      if (one && pairs!.length === 0) return [];
      if (one && f.rate !== undefined)
        this.#problem(
          "fault",
          [...path, "rate"],
          "a pair has no rate: the rate is that of the ends",
          undefined,
          true,
        );
      const where = { link, ...(pairs === undefined ? {} : { pairs }) };
      if (f.down) faults.push({ ...when, kind: "link-down", ...where });
      const change = changeOf(f);
      if (Object.keys(change).length > 0) faults.push({ ...when, kind: "link-change", ...where, change });
    }
    if (f.function !== undefined) {
      const name = f.function;
      if (
        !this.#known(
          [...path, "function"],
          "function",
          name,
          this.#functions.map((f) => f.name),
        )
      )
        return [];
      this.#strange(path, f, "function", OF_LINKS);
      if (f.crash) faults.push({ ...when, kind: "crash", function: name });
      if (f.clock !== undefined)
        faults.push({ ...when, kind: "clock", function: name, seconds: duration(f.clock) });
      if (f.store !== undefined) faults.push({ ...when, kind: "store", function: name, failure: f.store });
    }
    if (f.for !== undefined && (f.crash || f.clock !== undefined))
      this.#problem("fault", [...path, "for"], `a ${f.crash ? "crash" : "clock's jump"} does not last`);
    if (faults.length === 0) {
      const some = f.link !== undefined ? "down, delay, jitter, loss, rate" : "crash, clock, store";
      this.#problem("fault", path, `what goes wrong? Expected one of ${some}`);
    }
    return faults;
  }

  /** What befalls only the others. */
  #strange(
    path: readonly (string | number)[],
    f: FaultDocument,
    kind: string,
    others: readonly (keyof FaultDocument)[],
  ): void {
    for (const what of others)
      if (f[what] !== undefined)
        this.#problem(
          "fault",
          [...path, what],
          `'${what}' is nothing that befalls a ${kind}`,
          undefined,
          true,
        );
  }
}

const OF_LINKS = ["down", "delay", "jitter", "loss", "rate", "from", "to", "between"] as const;
const OF_FUNCTIONS = ["crash", "clock", "store"] as const;

/** The functions of a document, as far as the ends of links go: those of a virtual machine can be on each hypervisor's links. */
function owners({ functions, hypervisors = {} }: Document): EndOwner[] {
  return Object.entries(functions).map(([name, f]) => ({
    name,
    replicas: f.replicas ?? 1,
    devices: Object.entries(f.devices ?? {}).flatMap(([device, d]) => {
      const link = typeof d === "string" ? d : "link" in d ? d.link : null;
      if (link === null) return [];
      const others = f.vm === undefined ? [] : Object.values(hypervisors).map((h) => h.links[device]);
      const links = new Set([link, ...others.filter((l) => l !== undefined)]);
      return [...links].map((l) => ({ name: device, link: l }));
    }),
  }));
}

function changeOf(f: Pick<LinkDocument, "delay" | "jitter" | "loss" | "rate">): Partial<Impairments> {
  return {
    ...(f.delay === undefined ? {} : { delay: duration(f.delay) }),
    ...(f.jitter === undefined ? {} : { jitter: duration(f.jitter) }),
    ...(f.loss === undefined ? {} : { loss: share(f.loss) }),
    ...(f.rate === undefined ? {} : { rate: rate(f.rate) }),
  };
}

function memoryOf(m: NonNullable<Defaults["memory"]>): MemoryDescriptor {
  return { slots: m.slots ?? null, bytes: (m.megabytes ?? 64) * 2 ** 20, heap: m.heap ?? 256 };
}

function restartOf(r: NonNullable<Defaults["restart"]>): RestartDescriptor {
  return {
    policy: r.policy ?? "on-failure",
    delay: duration(r.delay ?? 0.1),
    factor: r.factor ?? 2,
    longest: duration(r.longest ?? 30),
    calm: duration(r.calm ?? 10),
  };
}

function healthOf(h: HealthDocument): HealthDescriptor {
  return {
    handler: h.handler,
    expect: String(h.expect ?? true),
    interval: duration(h.interval ?? 1),
    timeout: duration(h.timeout ?? 1),
    failures: h.failures ?? 3,
    grace: duration(h.grace ?? 5),
  };
}

/** Whether `path`, wherever links lead it, lies in `folder`. */
export function inside(path: string, folder: string): boolean {
  const root = realpathSync(folder);
  return realpathSync(path).startsWith(root === "/" ? root : `${root}/`);
}
