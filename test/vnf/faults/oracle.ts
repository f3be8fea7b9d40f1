// What must be true of four-sites.yaml while things go wrong, and after the bounds.

import { REGISTRATION } from "./bounds.js";
import { type FourSites, HOSTS, PEERS, SITES } from "./four-sites.js";

/** Seconds by which a Map-Notify may come after its registration began to count: delays, and a slow store. */
const NOTIFY_LATE = 15;

interface Acknowledged {
  readonly xtr: string;
  readonly rloc: string;
  readonly at: number;
}

interface Mapping {
  readonly prefix: string;
  /** Of the first locator; empty where there is none. */
  readonly rloc: string;
}

export class Oracle {
  readonly #sites: FourSites;
  /** By EID-prefix: registrations that a Map-Notify has acknowledged, and nobody has withdrawn. */
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Since when each tunnel router runs: what one forgot in a crash was not withdrawn. */
  readonly #since = new Map<string, number>();
  #clockJumped = false;
  /** What was acknowledged before may be lost. */
  #from = 0;
  /** Acknowledged registrations that were looked for. */
  looked = 0;

  constructor(sites: FourSites) {
    this.#sites = sites;
    sites.service.events.watch((e) => {
      if (e.kind === "fault" && e.about === "ms" && e.message.startsWith("clock")) this.#clockJumped = true;
      if (e.kind !== "state" || e.message !== "started") return;
      this.#since.set(e.about, e.at);
      if (e.about !== "ms" || !this.#clockJumped) return;
      // Stores keep the time of day at which a registration ends. By a wrong clock it may be over.
      this.#from = e.at;
      this.#clockJumped = false;
    });
  }

  /** True at any time: what a Map-Notify has acknowledged is registered, for as long as it said. Returns what is wrong. */
  async always(): Promise<string | null> {
    const { now } = this.#sites;
    for (let i = 0; i < SITES.length; i++) await this.#listen(`xtr${i + 1}`, rlocOf(i));
    const registered = await this.#registered();
    if (registered === null) return null;
    for (const [prefix, { xtr, rloc, at }] of this.#acknowledged) {
      if (now > at + REGISTRATION - NOTIFY_LATE || at < this.#from) {
        this.#acknowledged.delete(prefix);
        continue;
      }
      // A host that has moved is another tunnel router's to register, or to withdraw when it is home.
      const host = /^(?:192\.168\.(?=\d\.10\/32$)|fd0(?=\d::10\/128$))(\d)/.exec(prefix);
      if (host !== null && rlocOf(this.#sites.at[Number(host[1]) - 1]) !== rloc) continue;
      this.looked++;
      const found = registered.find((m) => m.prefix === prefix);
      if (found === undefined || (found.rloc !== rloc && host === null))
        return `${prefix} of ${xtr}, acknowledged ${(now - at).toFixed(1)} s ago, is ${found === undefined ? "not registered" : `at ${found.rloc}`}`;
    }
    return null;
  }

  async #listen(xtr: string, rloc: string): Promise<void> {
    const table = await this.#sites.read(xtr, "registrar.table");
    if (table === null) return;
    const { now } = this.#sites;
    const here = new Set<string>();
    for (const line of lines(table)) {
      const [, , prefix, state, , ago] = line.split(" ");
      if (state === "withdrawing") continue;
      here.add(prefix);
      if (ago === "-") continue;
      const at = now - Number(ago);
      if (at >= (this.#acknowledged.get(prefix)?.at ?? 0)) this.#acknowledged.set(prefix, { xtr, rloc, at });
    }
    for (const [prefix, { xtr: by, at }] of this.#acknowledged)
      if (by === xtr && !here.has(prefix) && at >= (this.#since.get(xtr) ?? 0))
        this.#acknowledged.delete(prefix);
  }

  async #registered(): Promise<Mapping[] | null> {
    const text = await this.#sites.read("ms", "ms.registrations");
    return text === null ? null : lines(text).map(mappingOf);
  }

  /** True once the bound of mappings is over. */
  async mappings(): Promise<string | null> {
    const registered = (await this.#registered()) ?? [];
    for (let i = 0; i < SITES.length; i++) {
      if ((await this.#sites.read(`xtr${i + 1}`, "registrar.registered")) !== "true")
        return `xtr${i + 1} is not registered`;
      for (const { home } of eidsOf(i))
        if (registered.find((m) => m.prefix === home)?.rloc !== rlocOf(i))
          return `the Map-Server does not have ${home} at ${rlocOf(i)}`;
    }
    for (let host = 0; host < HOSTS.length; host++) {
      const wrong = this.#lookup(registered, host, "the Map-Server");
      if (wrong !== null) return wrong;
    }
    return null;
  }

  /** True once the bound of caches is over. */
  async caches(): Promise<string | null> {
    const { at } = this.#sites;
    for (let site = 0; site < SITES.length; site++) {
      const cache = lines((await this.#sites.read(`xtr${site + 1}`, "cache.table")) ?? "").map(mappingOf);
      for (let host = 0; host < HOSTS.length; host++) {
        if (at[host] === site) continue;
        // Who pings the host, and whom it pings, send to it.
        const used = at.some(
          (place, peer) => place === site && (PEERS[peer] === host || PEERS[host] === peer),
        );
        const wrong = used ? this.#lookup(cache, host, `xtr${site + 1}`) : null;
        if (wrong !== null) return wrong;
      }
    }
    return null;
  }

  #lookup(table: readonly Mapping[], host: number, whose: string): string | null {
    const right = rlocOf(this.#sites.at[host]);
    for (const { eid, home } of eidsOf(host)) {
      const found = [eid, home].map((p) => table.find((m) => m.prefix === p)).find((m) => m !== undefined);
      if (found === undefined) return `${whose} has no mapping for ${HOSTS[host]}'s ${eid}`;
      if (found.rloc !== right)
        return `${whose} has ${HOSTS[host]} by ${found.prefix} at '${found.rloc}', not at ${right}`;
    }
    return null;
  }
}

/** The addresses of a host, and the EID-prefixes of its home around them: IPv4 and IPv6. */
function eidsOf(host: number): readonly { readonly eid: string; readonly home: string }[] {
  const n = host + 1;
  return [
    { eid: `192.168.${n}.10/32`, home: `192.168.${n}.0/24` },
    { eid: `fd0${n}::10/128`, home: `fd0${n}::/64` },
  ];
}

function rlocOf(site: number): string {
  return `10.0.${site + 1}.1`;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Of `EID-PREFIX RLOC/PRIORITY/WEIGHT ...`. */
function mappingOf(line: string): Mapping {
  const [prefix, locator = ""] = line.split(" ");
  return { prefix, rloc: /^[\d.]+(?=\/)/.exec(locator)?.[0] ?? "" };
}
