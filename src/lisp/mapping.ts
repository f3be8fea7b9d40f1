// EID-to-RLOC mappings as TypeScript sees them, and the text form in which
// configurations and handlers give and take them.

import { splitSpaces } from "../lang/args/text.js";
import { addressScope, addressText, findAddress, isRoutable } from "../net/address.js";
import { type EidPrefix, IID_MAX } from "../net/eid.js";
import { findPrefix, type Prefix, prefixText } from "../net/prefix.js";
import { SluiceError } from "../sluice-error.js";
import type { LispAddress } from "../wire/lisp-control/address.js";
import { lispAddressAt, lispAddressText } from "./address-text.js";

/** What to do with packets to a prefix that has no locators: the ACT field of an EID-Record (RFC 9301, section 5.4). */
export const ACTIONS = [
  "no-action",
  "natively-forward",
  "send-map-request",
  "drop",
  "drop-policy-denied",
  "drop-auth-failure",
] as const;
export type Action = (typeof ACTIONS)[number];

/** One locator of a mapping (RFC 9301, section 5.4). */
export interface Locator {
  /** 4 or 16 bytes. */
  readonly rloc: Uint8Array;
  /** 0 (best) to 254; 255: must not be used. */
  readonly priority: number;
  /** 0 to 255: its share among those of the same priority. */
  readonly weight: number;
  readonly mpriority: number;
  readonly mweight: number;
  /** The R bit: without it nothing may be sent there. */
  readonly reachable: boolean;
  /** The L and p bits. */
  readonly local?: boolean;
  readonly probed?: boolean;
}

/** A locator of a kind that packets are not sent to, such as an explicit locator path: kept to be shown. */
export interface OtherLocator extends Omit<Locator, "rloc" | "local" | "probed"> {
  readonly rloc: LispAddress;
  /** How many of the mapping's locators, of both kinds, stand before it. */
  readonly place: number;
}

/** A mapping, as it is put into a map-cache. */
export interface Mapping extends EidPrefix {
  /** Seconds it is good for; null: for good. */
  readonly ttl: number | null;
  /** For a mapping without locators. */
  readonly action: Action;
  /** At most 255, in the order of the Map-Reply (their ordinals in the Locator-Status-Bits). */
  readonly locators: readonly Locator[];
  /** Map-Version Number (RFC 9302), 0 = none. */
  readonly version: number;
  /** Some of the Map-Reply's locators are left out, so that Locator-Status-Bits do not count those that are here. */
  readonly partial?: boolean;
  /** Of those, by place. */
  readonly others?: readonly OtherLocator[];
}

/** Text that is no mapping, or a mapping that cannot be. */
export class MappingError extends SluiceError {
  readonly code = "MAPPING";
}

/** Checks what the types do not say. Throws MappingError. */
export function checkMapping(m: Mapping): void {
  const bits = m.eid.address.length * 8;
  if ((bits !== 32 && bits !== 128) || !(m.eid.length >= 0 && m.eid.length <= bits))
    throw new MappingError(`not an EID-prefix: ${m.eid.address.length} bytes, length ${m.eid.length}`);
  whole("instance ID", m.iid, IID_MAX);
  whole("Map-Version", m.version, 0xfff);
  if (m.ttl !== null && !(m.ttl > 0 && m.ttl <= 0xffffffff))
    throw new MappingError(`a TTL of ${m.ttl} seconds is not above 0`);
  if (m.locators.length > 255) throw new MappingError(`${m.locators.length} locators, at most 255 can be`);
  for (const l of m.locators) {
    if (l.rloc.length !== 4 && l.rloc.length !== 16)
      throw new MappingError(`an RLOC of ${l.rloc.length} bytes`);
    whole("priority", l.priority, 255);
    whole("weight", l.weight, 255);
    whole("multicast priority", l.mpriority, 255);
    whole("multicast weight", l.mweight, 255);
  }
}

function whole(what: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new MappingError(`${what} ${value} is not a whole number from 0 to ${max}`);
}

function number(what: string, text: string | undefined, max: number): number {
  if (text === undefined || !/^\d{1,10}$/.test(text) || Number(text) > max)
    throw new MappingError(`${what} '${text ?? ""}' is not a whole number from 0 to ${max}`);
  return Number(text);
}

/**
 * Reads `EID-prefix RLOC[/prio[/weight[/mprio[/mweight]]]][/down]... [ttl SECONDS] [iid N] [version N]` or, for a
 * negative mapping, `EID-prefix action NAME ...`. Commas serve as slashes do (in a configuration such an argument
 * needs quotes). An RLOC may be of any kind that `lispAddressText` writes; packets go to IP addresses only. Defaults: priority 1, weight 100, multicast 255 and 0, the given instance ID. Throws MappingError.
 */
export function parseMapping(text: string, iid = 0): Mapping {
  const words = wordsOf(text);
  const eid = parseEid(words[0] ?? "");
  const locators: Locator[] = [];
  const others: OtherLocator[] = [];
  let action: Action | null = null;
  let ttl: number | null = null;
  let version = 0;
  for (let i = 1; i < words.length; i++) {
    switch (words[i].toLowerCase()) {
      case "ttl":
        ttl = number("ttl", words[++i], 0xffffffff);
        if (ttl === 0) throw new MappingError("ttl must be above 0");
        break;
      case "iid":
        iid = number("iid", words[++i], IID_MAX);
        break;
      case "version":
        version = number("version", words[++i], 0xfff);
        break;
      case "action":
        action = parseAction(words[++i]);
        break;
      default: {
        const other = parseOther(words[i], locators.length + others.length);
        if (other === null) locators.push(parseLocator(words[i]));
        else others.push(other);
      }
    }
  }
  if (locators.length === 0 && action === null)
    throw new MappingError("expected an RLOC, or 'action' and what to do");
  if (locators.length > 0 && action !== null) throw new MappingError("a mapping with locators has no action");
  if (locators.length > 255) throw new MappingError(`${locators.length} locators, at most 255 can be`);
  const mapping = { iid, eid, ttl, action: action ?? "no-action", locators, version } as const;
  return others.length === 0 ? mapping : { ...mapping, partial: true, others };
}

/** The words of a mapping's text: spaces in parentheses and quotes, as an LCAF has them, do not part them. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let depth = 0;
  for (const part of text.match(/"(?:[^"\\]|\\.)*"|\s+|[^\s"]|"/g) ?? []) {
    if (part === "(") depth++;
    if (part === ")") depth--;
    if (depth > 0 || part.trim() !== "") word += part;
    else if (word !== "") {
      words.push(word);
      word = "";
    }
  }
  if (word !== "") words.push(word);
  return words;
}

/** Reads an EID-prefix; bits beyond its length are cleared. Throws MappingError. */
export function parseEid(text: string): Prefix {
  const prefix = findPrefix(text);
  if (prefix === null) throw new MappingError(`'${text}' is not an EID-prefix`);
  return prefix;
}

/** Reads `EID-PREFIX [iid N]`; `iid`: the instance ID where none is given. Throws MappingError. */
export function parseEidAndInstance(text: string, iid = 0): EidPrefix {
  const found = wordAndInstance(text, "EID-PREFIX", iid);
  return { iid: found.iid, eid: parseEid(found.word) };
}

/** Reads `WORD [iid N]`, where WORD is what `what` says; `iid`: the instance ID where none is given. Throws MappingError. */
export function wordAndInstance(
  text: string,
  what: string,
  iid = 0,
): { readonly word: string; readonly iid: number } {
  const words = splitSpaces(text);
  if (words.length === 1) return { word: words[0], iid };
  const given = Number(words[2]);
  if (words.length !== 3 || words[1] !== "iid" || !(given >= 0 && given <= IID_MAX))
    throw new MappingError(`expected '${what} [iid N]', not '${text.trim()}'`);
  if (!Number.isInteger(given)) throw new MappingError(`instance ID ${words[2]} is no whole number`);
  return { word: words[0], iid: given };
}

/** Reads an IPv4 or IPv6 address: 4 or 16 bytes. Throws MappingError. */
export function parseRloc(text: string): Uint8Array {
  const address = findAddress(text);
  if (address === null) throw new MappingError(`'${text}' is not an IP address`);
  return address;
}

function parseAction(text: string | undefined): Action {
  const found = ACTIONS.find((a) => a === text?.toLowerCase());
  if (found === undefined)
    throw new MappingError(`unknown action '${text ?? ""}', it should be one of ${ACTIONS.join(", ")}`);
  return found;
}

/** A locator that is no IP address; null: it is one, or none at all. */
function parseOther(text: string, place: number): OtherLocator | null {
  const found = lispAddressAt(text);
  if (found === null || found.address.kind === "ip") return null;
  const address = text.slice(0, found.length);
  const [nothing, ...values] = text.slice(found.length).split(/[/,]/);
  if (nothing !== "") throw new MappingError(`too much after locator '${address}'`);
  return { place, rloc: found.address, ...parseValues(address, values) };
}

function parseLocator(text: string): Locator {
  const [address, ...values] = text.split(/[/,]/);
  const rloc = parseRloc(address);
  if (!isRoutable(rloc))
    throw new MappingError(
      `'${address}' can be no RLOC: it is ${addressScope(rloc)} (RFC 9301, section 5.4)`,
    );
  return { rloc, ...parseValues(address, values) };
}

/** What stands behind a locator's address. */
function parseValues(address: string, values: readonly string[]): Omit<Locator, "rloc"> {
  const down = values.at(-1) === "down";
  const [priority = "1", weight = "100", mpriority = "255", mweight = "0", more] = down
    ? values.slice(0, -1)
    : values;
  if (more !== undefined) throw new MappingError(`too much after RLOC '${address}'`);
  return {
    priority: number("priority", priority, 255),
    weight: number("weight", weight, 255),
    mpriority: number("multicast priority", mpriority, 255),
    mweight: number("multicast weight", mweight, 255),
    reachable: !down,
  };
}

/**
 * The text that `parseMapping` reads. `ttl`: seconds left, in place of the mapping's own; `locators`: all of them as
 * text, where the mapping does not hold some.
 */
export function mappingText(m: Mapping, ttl: number | null = m.ttl, locators?: readonly string[]): string {
  const words = [prefixText(m.eid), ...(locators ?? locatorTexts(m))];
  if (words.length === 1) words.push("action", m.action);
  if (ttl !== null) words.push("ttl", String(Math.ceil(ttl)));
  if (m.iid !== 0) words.push("iid", String(m.iid));
  if (m.version !== 0) words.push("version", String(m.version));
  return words.join(" ");
}

function locatorTexts({ locators, others = [] }: Mapping): string[] {
  const texts = locators.map((l) => `${addressText(l.rloc)}${valuesText(l)}`);
  for (const other of others)
    texts.splice(other.place, 0, `${lispAddressText(other.rloc)}${valuesText(other)}`);
  return texts;
}

function valuesText(l: Omit<Locator, "rloc">): string {
  const multicast = l.mpriority === 255 && l.mweight === 0 ? "" : `/${l.mpriority}/${l.mweight}`;
  return `/${l.priority}/${l.weight}${multicast}${l.reachable ? "" : "/down"}`;
}
