// The text form of what a catalogue has, as configurations and handlers give it, and as handlers and the store have it.
//
//   dc NAME [at LATITUDE LONGITUDE] [vms N] [memory SIZE] [mtu BYTES] rloc ADDRESS ... [router ADDRESS] ...
//      [agent ADDRESS [port N] [key [ID:]SECRET [sha1|sha256|hkdf]]] [drained]
//   access NAME [at LATITUDE LONGITUDE] rloc ADDRESS ...
//   service NAME [type WORD] [task WORD] [priority N] [apart] [policy NAME [ARGUMENT VALUE] ...]
//   vm NAME service NAME dc NAME [memory SIZE] [mtu BYTES] [iid N] eid ADDRESS ... [pinned]
//   user NAME [class WORD] [iid N] eid EID-PREFIX ... [use SERVICE] ...

import { algorithmName, keyAlgorithm, readKey, wordsOf } from "../../lisp/control/keys.js";
import { addressText, findAddress, isRoutable, sameAddress } from "../../net/address.js";
import { type EidPrefix, IID_MAX } from "../../net/eid.js";
import { findPrefix, prefixText } from "../../net/prefix.js";
import type { Place } from "../geography.js";
import {
  type AccessNetwork,
  type AgentAddress,
  CatalogueError,
  type DataCentre,
  type Entry,
  type EntryKind,
  KINDS,
  type Service,
  type User,
  type VirtualAddress,
  type VirtualMachine,
} from "./model.js";

/** Where agents of hypervisors listen. */
export const AGENT_PORT = 4344;
const MTU = 1500;
const VM_MEMORY = 2 ** 30;
/** Addresses of one entry, and bytes of its text. */
const ADDRESSES_MAX = 64;
const TEXT_MAX = 16_384;
const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Walks over the words of an entry. What it throws says no word of a text that may have a secret in it. */
class Words {
  readonly list: readonly string[];
  readonly #open: boolean;
  at = 0;

  constructor(text: string) {
    this.list = wordsOf(text);
    this.#open = !this.list.some((word) => word.toLowerCase() === "key");
  }

  get done(): boolean {
    return this.at >= this.list.length;
  }

  /** The next word, where it is a keyword: in lower case. */
  keyword(): string {
    return this.list[this.at++].toLowerCase();
  }

  next(what: string): string {
    const word = this.list[this.at++];
    if (word === undefined) throw new CatalogueError("ENTRY", `${what} is missing at the end`);
    return word;
  }

  /** The error about the word that was read last. */
  error(is: string): CatalogueError {
    const shown = this.#open ? ` '${this.list[this.at - 1]}'` : "";
    return new CatalogueError("ENTRY", `word ${this.at}${shown} ${is}`);
  }

  name(what = "a name"): string {
    const word = this.next(what);
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(word))
      throw this.error(`is not ${what}: 1 to 64 letters, digits, '_', '.' and '-'`);
    return word;
  }

  whole(what: string, least: number, most: number): number {
    const word = this.next(what);
    if (!/^\d{1,15}$/.test(word) || Number(word) < least || Number(word) > most)
      throw this.error(`is not ${what}, a whole number from ${least} to ${most}`);
    return Number(word);
  }

  real(what: string, most: number): number {
    const word = this.next(what);
    if (!/^[+-]?\d{1,3}(\.\d{1,12})?$/.test(word) || Math.abs(Number(word)) > most)
      throw this.error(`is not ${what}, a number from -${most} to ${most}`);
    // Not -0, which would not come back.
    return Number(word) + 0;
  }

  /** Bytes: `512M`, `8G`. */
  size(): number {
    const word = this.next("a size");
    const [, number, unit] = /^(\d{1,15})([KMGT]?)$/.exec(word) ?? [];
    const bytes = Number(number) * UNITS[unit];
    if (number === undefined || bytes < 1 || bytes > Number.MAX_SAFE_INTEGER)
      throw this.error("is not a size, bytes or 512K, 512M, 8G, 1T");
    return bytes;
  }

  address(what: string): Uint8Array {
    const found = findAddress(this.next(what));
    if (found === null || !isRoutable(found)) throw this.error(`is not ${what}`);
    return found;
  }

  place(): Place {
    const latitude = this.real("a latitude", 90);
    return { latitude, longitude: this.real("a longitude", 180) };
  }

  /** Adds an address to those of an entry, each once. */
  add(list: Uint8Array[], what: string): void {
    const address = this.address(what);
    if (list.some((other) => sameAddress(other, address))) throw this.error("is there twice");
    this.checkRoom(list);
    list.push(address);
  }

  checkRoom(list: readonly unknown[]): void {
    if (list.length >= ADDRESSES_MAX)
      throw this.error(`is one more than the ${ADDRESSES_MAX} that an entry holds`);
  }

  misplaced(known: readonly string[]): CatalogueError {
    return this.error(`is not known here; known are ${known.join(", ")}`);
  }
}

/** Reads an entry; `iid`: the instance ID of EIDs for which it gives none. Throws CatalogueError (`ENTRY`) or KeyError. */
export function parseEntry(text: string, iid = 0): Entry {
  if (text.length > TEXT_MAX) throw new CatalogueError("ENTRY", `longer than ${TEXT_MAX} characters`);
  const words = new Words(text);
  const kind = words.done ? "" : words.keyword();
  switch (kind) {
    case "dc":
      return parseCentre(words);
    case "access":
      return parseAccess(words);
    case "service":
      return parseService(words);
    case "vm":
      return parseMachine(words, iid);
    case "user":
      return parseUser(words, iid);
  }
  // It may be the second half of a secret with a comma in it.
  throw new CatalogueError("ENTRY", `the first word is none of ${KINDS.join(", ")}`);
}

function parseCentre(words: Words): DataCentre {
  const name = words.name();
  const rlocs: Uint8Array[] = [];
  const routers: Uint8Array[] = [];
  let agent: { address: Uint8Array; port: number; key: AgentAddress["key"] } | null = null;
  let dc = { at: null as Place | null, vms: null as number | null, memory: null as number | null };
  let mtu: number | null = null;
  let drained = false;
  while (!words.done) {
    const keyword = words.keyword();
    if (keyword === "at") dc = { ...dc, at: words.place() };
    else if (keyword === "vms") dc = { ...dc, vms: words.whole("a number of virtual machines", 0, 1e9) };
    else if (keyword === "memory") dc = { ...dc, memory: words.size() };
    else if (keyword === "mtu") mtu = words.whole("an MTU", 576, 65535);
    else if (keyword === "rloc") words.add(rlocs, "a locator");
    else if (keyword === "router") words.add(routers, "a tunnel router's address");
    else if (keyword === "agent")
      agent = { address: words.address("an agent's address"), port: AGENT_PORT, key: null };
    else if (keyword === "port" && agent !== null) agent.port = words.whole("a port", 1, 65535);
    else if (keyword === "key" && agent !== null) {
      const { key, length } = readKey(words.list, words.at);
      words.at += length;
      agent.key = key;
    } else if (keyword === "drained") drained = true;
    else
      throw words.misplaced([
        "at",
        "vms",
        "memory",
        "mtu",
        "rloc",
        "router",
        "agent",
        "port",
        "key",
        "drained",
      ]);
  }
  if (rlocs.length === 0) throw new CatalogueError("ENTRY", "a data centre needs a locator ('rloc ADDRESS')");
  return {
    kind: "dc",
    name,
    ...dc,
    mtu,
    rlocs,
    routers: routers.length > 0 ? routers : rlocs,
    agent,
    drained,
  };
}

function parseAccess(words: Words): AccessNetwork {
  const name = words.name();
  const rlocs: Uint8Array[] = [];
  let at: Place | null = null;
  while (!words.done) {
    const keyword = words.keyword();
    if (keyword === "at") at = words.place();
    else if (keyword === "rloc") words.add(rlocs, "a locator");
    else throw words.misplaced(["at", "rloc"]);
  }
  if (rlocs.length === 0)
    throw new CatalogueError("ENTRY", "an access network needs a locator ('rloc ADDRESS')");
  return { kind: "access", name, at, rlocs };
}

function parseService(words: Words): Service {
  const name = words.name();
  let service: Service = {
    kind: "service",
    name,
    type: null,
    task: null,
    priority: 0,
    apart: false,
    policy: null,
  };
  while (!words.done) {
    const keyword = words.keyword();
    if (keyword === "type") service = { ...service, type: words.name("a type") };
    else if (keyword === "task") service = { ...service, task: words.name("a task") };
    else if (keyword === "priority") service = { ...service, priority: words.whole("a priority", 0, 255) };
    else if (keyword === "apart") service = { ...service, apart: true };
    else if (keyword === "policy") {
      const policy = [words.name("a policy's name")];
      while (!words.done) policy.push(words.next("an argument"));
      service = { ...service, policy: policy.join(" ") };
    } else throw words.misplaced(["type", "task", "priority", "apart", "policy"]);
  }
  return service;
}

function parseMachine(words: Words, iid: number): VirtualMachine {
  const name = words.name();
  const eids: VirtualAddress[] = [];
  let vm = { service: "", dc: "", memory: VM_MEMORY, mtu: MTU, pinned: false };
  while (!words.done) {
    const keyword = words.keyword();
    if (keyword === "service") vm = { ...vm, service: words.name("a service's name") };
    else if (keyword === "dc") vm = { ...vm, dc: words.name("a data centre's name") };
    else if (keyword === "memory") vm = { ...vm, memory: words.size() };
    else if (keyword === "mtu") vm = { ...vm, mtu: words.whole("an MTU", 576, 65535) };
    else if (keyword === "iid") iid = words.whole("an instance ID", 0, IID_MAX);
    else if (keyword === "eid") {
      const address = words.address("an EID");
      if (eids.some((other) => other.iid === iid && sameAddress(other.address, address)))
        throw words.error("is there twice");
      words.checkRoom(eids);
      eids.push({ iid, address });
    } else if (keyword === "pinned") vm = { ...vm, pinned: true };
    else throw words.misplaced(["service", "dc", "memory", "mtu", "iid", "eid", "pinned"]);
  }
  if (vm.service === "")
    throw new CatalogueError("ENTRY", "a virtual machine needs a service ('service NAME')");
  if (vm.dc === "") throw new CatalogueError("ENTRY", "a virtual machine needs a data centre ('dc NAME')");
  if (eids.length === 0) throw new CatalogueError("ENTRY", "a virtual machine needs an EID ('eid ADDRESS')");
  return { kind: "vm", name, ...vm, eids };
}

function parseUser(words: Words, iid: number): User {
  const name = words.name();
  const eids: EidPrefix[] = [];
  const uses: string[] = [];
  let userClass: string | null = null;
  while (!words.done) {
    const keyword = words.keyword();
    if (keyword === "class") userClass = words.name("a class");
    else if (keyword === "iid") iid = words.whole("an instance ID", 0, IID_MAX);
    else if (keyword === "eid") {
      const eid = findPrefix(words.next("an EID-prefix"));
      if (eid === null) throw words.error("is not an EID-prefix");
      if (eids.some((other) => other.iid === iid && prefixText(other.eid) === prefixText(eid)))
        throw words.error("is there twice");
      words.checkRoom(eids);
      eids.push({ iid, eid });
    } else if (keyword === "use") {
      const service = words.name("a service's name");
      if (uses.includes(service)) throw words.error("is there twice");
      words.checkRoom(uses);
      uses.push(service);
    } else throw words.misplaced(["class", "iid", "eid", "use"]);
  }
  if (eids.length === 0) throw new CatalogueError("ENTRY", "a user needs an EID ('eid EID-PREFIX')");
  return { kind: "user", name, class: userClass, eids, uses };
}

/**
 * What errors call the entry that `texts[at]` describes: kind and name, where they can be nothing else. Behind a comma
 * in a secret the other half of that stands where they would.
 */
export function entryLabel(texts: readonly string[], at: number): string {
  const [kind = "", name = ""] = wordsOf(texts[at]);
  const before = wordsOf(texts[at - 1] ?? "").slice(-3);
  const cut = before.slice(0, -1).some((word) => word.toLowerCase() === "key");
  const known = KINDS.includes(kind.toLowerCase() as EntryKind);
  return known && !cut && /^[\w.-]{1,64}$/.test(name) ? `${kind.toLowerCase()} '${name}'` : `entry ${at + 1}`;
}

/** `512M` where it is that; else bytes. */
export function sizeText(bytes: number): string {
  for (const unit of ["T", "G", "M", "K"])
    if (bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  return String(bytes);
}

/** The text that `parseEntry` reads, but for an agent's key: of that the secret is left out. */
export function entryText(entry: Entry): string {
  return [entry.kind, entry.name, ...wordsFor(entry)].join(" ");
}

function wordsFor(entry: Entry): readonly string[] {
  switch (entry.kind) {
    case "dc":
      return centreWords(entry);
    case "access":
      return [...placeWords(entry.at), ...entry.rlocs.map((r) => `rloc ${addressText(r)}`)];
    case "service":
      return [
        ...(entry.type === null ? [] : ["type", entry.type]),
        ...(entry.task === null ? [] : ["task", entry.task]),
        ...(entry.priority === 0 ? [] : ["priority", String(entry.priority)]),
        ...(entry.apart ? ["apart"] : []),
        ...(entry.policy === null ? [] : ["policy", entry.policy]),
      ];
    case "vm":
      return [
        ...[
          "service",
          entry.service,
          "dc",
          entry.dc,
          "memory",
          sizeText(entry.memory),
          "mtu",
          String(entry.mtu),
        ],
        ...eidWords(entry.eids, ({ address }) => addressText(address)),
        ...(entry.pinned ? ["pinned"] : []),
      ];
    case "user":
      return [
        ...(entry.class === null ? [] : ["class", entry.class]),
        ...eidWords(entry.eids, ({ eid }) => prefixText(eid)),
        ...entry.uses.map((service) => `use ${service}`),
      ];
  }
}

function centreWords({
  at,
  vms,
  memory,
  mtu,
  rlocs,
  routers,
  agent,
  drained,
}: DataCentre): readonly string[] {
  const agentWords = (): string[] => {
    if (agent === null) return [];
    const { key } = agent;
    const words = ["agent", addressText(agent.address), "port", String(agent.port)];
    return key === null ? words : [...words, "key", `${key.id}:*`, algorithmName(keyAlgorithm(key))];
  };
  return [
    ...placeWords(at),
    ...(vms === null ? [] : ["vms", String(vms)]),
    ...(memory === null ? [] : ["memory", sizeText(memory)]),
    ...(mtu === null ? [] : ["mtu", String(mtu)]),
    ...rlocs.map((r) => `rloc ${addressText(r)}`),
    ...routers.map((r) => `router ${addressText(r)}`),
    ...agentWords(),
    ...(drained ? ["drained"] : []),
  ];
}

function placeWords(at: Place | null): readonly string[] {
  return at === null ? [] : ["at", fixed(at.latitude), fixed(at.longitude)];
}

/** Without an exponent. */
function fixed(degrees: number): string {
  return degrees.toFixed(12).replace(/\.?0+$/, "");
}

/** An instance ID stands before the EIDs that have it. */
function eidWords<T extends { readonly iid: number }>(
  eids: readonly T[],
  text: (eid: T) => string,
): string[] {
  // Said also where it is 0, as that is not everybody's default.
  return eids.map(
    (eid, i) => `${i > 0 && eids[i - 1].iid === eid.iid ? "" : `iid ${eid.iid} `}eid ${text(eid)}`,
  );
}
