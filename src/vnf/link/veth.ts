// Links of functions that are processes: pairs of virtual Ethernet interfaces between network namespaces.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { macText } from "../../net/mac.js";
import { DeviceError } from "../../router/device.js";
import { type NamedResource, placeOf } from "../state/ledger.js";
import type { KernelEnd, KernelPair, PairEnd, Pairs, ResourceBook } from "./pairs.js";

const run = promisify(execFile);
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** What keeps this process from making namespaces; null when nothing does. */
export function namespacesRefused(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const places = (process.env.PATH ?? "").split(":").concat("/usr/sbin", "/sbin");
  if (!places.some((p) => existsSync(`${p}/ip`))) return "the program ip (iproute2) is not there";
  if (!hasCapabilities()) return "network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN";
  return null;
}

/** Containers take them from root. */
function hasCapabilities(): boolean {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  return (
    effective === undefined ||
    [CAP_NET_ADMIN, CAP_SYS_ADMIN].every((n) => ((BigInt(`0x${effective}`) >> n) & 1n) === 1n)
  );
}

/** The namespaces and pairs of one service. */
export class Veths implements Pairs {
  readonly #service: string;
  readonly #book: ResourceBook;
  readonly #namespaces = new Map<string, string>();

  constructor(service: string, book: ResourceBook) {
    this.#service = service;
    this.#book = book;
  }

  /** The namespace of an instance; made when it is not there. */
  async namespace(instance: string): Promise<string> {
    const known = this.#namespaces.get(instance);
    if (known !== undefined) return known;
    const name = `sluice-${this.#service}-${instance}`;
    const resource = { kind: "namespace", name } as const;
    this.#announce(resource);
    await run("ip", ["netns", "add", name]);
    this.#book.made(resource);
    this.#namespaces.set(instance, name);
    await run("ip", ["-n", name, "link", "set", "lo", "up"]);
    return name;
  }

  /** Notes what will be made. Throws DeviceError where there is one: noted, it would be taken away with ours. */
  #announce(resource: NamedResource): void {
    const { kind, name } = resource;
    if (existsSync(placeOf(resource))) {
      const words = kind === "namespace" ? "netns" : "link";
      throw new DeviceError(
        "BUSY",
        `the network ${kind} ${name} is another service's: 'ip ${words} del ${name}' if it is left over`,
      );
    }
    this.#book.note(resource);
  }

  /** What the graph calls an interface where that can be its name, in the manager's namespace a unique one. */
  #interfaceName({ instance, device }: PairEnd, inNamespace: boolean): string {
    if (inNamespace && /^[\w.-]{1,15}$/.test(device)) return device;
    const hash = createHash("sha256").update(`${this.#service}/${instance}/${device}`).digest("hex");
    return `sl${hash.slice(0, 10)}`;
  }

  /** Makes a pair, both ends up and without addresses. */
  async lay(ends: readonly [PairEnd, PairEnd], mtu: number): Promise<KernelPair> {
    const [a, b] = [await this.#end(ends[0]), await this.#end(ends[1])];
    const ours = [a, b]
      .filter(({ namespace }) => namespace === null)
      .map(({ device: name }) => ({ kind: "interface", name }) as const);
    for (const resource of ours) this.#announce(resource);
    const place = ({ namespace }: KernelEnd): string[] => (namespace === null ? [] : ["netns", namespace]);
    const which = (end: KernelEnd): string[] => [
      "name",
      end.device,
      "mtu",
      String(mtu),
      "address",
      macText(end.mac),
    ];
    await run("ip", [
      "link",
      "add",
      ...which(a),
      ...place(a),
      "type",
      "veth",
      "peer",
      ...which(b),
      ...place(b),
    ]);
    for (const resource of ours) this.#book.made(resource);
    for (const end of [a, b]) await this.#up(end);
    return [a, b];
  }

  async #end(end: PairEnd): Promise<KernelEnd> {
    const namespace = end.process ? await this.namespace(end.instance) : null;
    return { namespace, device: this.#interfaceName(end, namespace !== null), mac: end.mac };
  }

  async #up({ namespace, device: name }: KernelEnd): Promise<void> {
    // The graph owns its addresses: the kernel has none there, and says nothing.
    const setting = `net/ipv6/conf/${name}/disable_ipv6`;
    if (namespace === null) {
      if (existsSync(`/proc/sys/${setting}`)) writeFileSync(`/proc/sys/${setting}`, "1");
      await run("ip", ["link", "set", name, "up"]);
      return;
    }
    const script = `[ ! -e /proc/sys/${setting} ] || echo 1 > /proc/sys/${setting}; exec ip link set ${name} up`;
    await run("ip", ["netns", "exec", namespace, "sh", "-c", script]);
  }

  /** Takes a pair away, by either of its ends. */
  async remove([a, b]: KernelPair): Promise<void> {
    const [first] = [a, b].filter((e) => e.namespace === null || existsSync(`/run/netns/${e.namespace}`));
    if (first !== undefined) {
      const where = first.namespace === null ? [] : ["-n", first.namespace];
      // It may be gone, with the namespace of its other end.
      await run("ip", [...where, "link", "del", first.device]).catch(() => {});
    }
    for (const { namespace, device: name } of [a, b])
      if (namespace === null) this.#forget({ kind: "interface", name });
  }

  /** Takes the namespace of an instance away, with its interfaces. */
  async removeNamespace(instance: string): Promise<void> {
    const name = this.#namespaces.get(instance);
    if (name === undefined) return;
    this.#namespaces.delete(instance);
    await run("ip", ["netns", "del", name]).catch(() => {});
    this.#forget({ kind: "namespace", name });
  }

  /** What could not be taken away stays noted. */
  #forget(resource: NamedResource): void {
    if (!existsSync(placeOf(resource))) this.#book.forget(resource);
  }

  async close(): Promise<void> {
    for (const instance of [...this.#namespaces.keys()]) await this.removeNamespace(instance);
  }
}
