// Ethernet, IPv4 and IPv6 addresses and prefixes, written or by name.
//
// A name may carry what is meant of it, as in Click's AddressInfo: `host:ip`, `net:bcast`,
// `eth0:eth`. The bare name is then looked up in the database of that kind.

import { findDotted, findIp6, type IpAddress, ipBytes, ipNumber } from "../../net/address.js";
import { findMac, type MacAddress } from "../../net/mac.js";
import { maskBits, maskLength, maskOf, type Prefix } from "../../net/prefix.js";
import { type ArgContext, fail, ok, type Parsed } from "./context.js";
import { DATABASES } from "./databases.js";
import { parseInteger } from "./numbers.js";
import type { IPPrefix } from "./spec.js";

/** The name and the lower-case suffix after its last colon (empty without one). */
function splitSuffix(text: string): readonly [name: string, suffix: string] {
  const colon = text.lastIndexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1).toLowerCase()];
}

function lookupBytes(
  context: ArgContext,
  database: string,
  name: string,
  length: number,
): Uint8Array | undefined {
  const value = context.lookup(database, name);
  if (typeof value === "number") return length === 4 ? ipBytes(value) : undefined;
  return value?.length === length ? value : undefined;
}

/** Hexadecimal pairs (or single digits) joined all by `:` or all by `-`, or a name. */
export function parseEther(text: string, context: ArgContext): Parsed<MacAddress> {
  const written = findMac(text);
  if (written !== null) return ok(written);
  const [name, suffix] = splitSuffix(text);
  if (!["", "eth", "ether", "ethernet"].includes(suffix)) return fail();
  const named = lookupBytes(context, DATABASES.ether, name, 6);
  return named === undefined ? fail() : ok(named);
}

/** An IPv4 address of which `count` bytes (1 to 4) are written, the rest zero; null where the text is something else. */
function dotted(text: string): { readonly address: number; readonly count: number } | null {
  const parts = findDotted(text);
  if (parts === null) return null;
  const bytes = new Uint8Array(4);
  bytes.set(parts);
  return { address: ipNumber(bytes), count: parts.length };
}

function namedIP(text: string, context: ArgContext): number | undefined {
  const [name, suffix] = splitSuffix(text);
  if (suffix === "bcast") {
    const net = namedPrefix(name, context);
    return net && (net.address | ~net.mask) >>> 0;
  }
  if (suffix === "gw") {
    const gateway = lookupBytes(context, DATABASES.ipGateway, name, 4);
    if (gateway !== undefined) return ipNumber(gateway);
    const net = namedPrefix(name, context);
    return net && ((net.address & net.mask) | 1) >>> 0;
  }
  if (suffix !== "" && suffix !== "ip" && suffix !== "ip4") return undefined;
  const bytes = lookupBytes(context, DATABASES.ip, name, 4);
  return bytes && ipNumber(bytes);
}

function namedPrefix(text: string, context: ArgContext): IPPrefix | undefined {
  const [name, suffix] = splitSuffix(text);
  if (!["", "net", "ipnet", "ip4net"].includes(suffix)) return undefined;
  const bytes = lookupBytes(context, DATABASES.ipPrefix, name, 8);
  if (bytes === undefined) return undefined;
  const mask = ipNumber(bytes, 4);
  return { address: ipNumber(bytes), mask, length: maskLength(mask) };
}

/** An IPv4 address in host order, unsigned. */
export function parseIP(text: string, context: ArgContext): Parsed<number> {
  const written = dotted(text);
  if (written?.count === 4) return ok(written.address);
  const named = namedIP(text, context);
  return named === undefined ? fail() : ok(named);
}

/**
 * `10.1.2.3/8`, `10/8`, `10.0.0.0/255.0.0.0`, a name in place of either side or of the whole, or a
 * bare address (length 32). `length` is -1 for a mask that is no prefix. Host bits are kept.
 */
export function parseIPPrefix(text: string, context: ArgContext): Parsed<IPPrefix> {
  const slash = text.lastIndexOf("/");
  if (slash > 0 && slash + 1 < text.length) {
    const found = slashedPrefix(text.slice(0, slash), text.slice(slash + 1), context);
    if (found !== null) return ok(found);
  }
  const bare = parseIP(text, context);
  if ("value" in bare) return ok({ address: bare.value, mask: 0xffffffff, length: 32 });
  const named = namedPrefix(text, context);
  return named === undefined ? fail() : ok(named);
}

function slashedPrefix(left: string, right: string, context: ArgContext): IPPrefix | null {
  const written = dotted(left);
  const address = written === null ? namedIP(left, context) : written.address;
  if (address === undefined) return null;
  const bits = prefixLength(right, 32);
  const parsed = bits >= 0 ? ok(maskOf(bits)) : parseIP(right, context);
  if ("error" in parsed) return null;
  const mask = parsed.value;
  // `10.1/24` leaves out bytes that its mask covers.
  const covered = maskOf(8 * (written?.count ?? 4));
  if ((mask & ~covered) !== 0) return null;
  return { address, mask, length: maskLength(mask) };
}

function prefixLength(text: string, max: number): number {
  const parsed = parseInteger(text, true, 10);
  return "value" in parsed && parsed.value >= 0 && parsed.value <= max ? parsed.value : -1;
}

/** An IPv6 address; its last 32 bits may be an IPv4 address or the name of one. */
export function parseIP6(text: string, context: ArgContext): Parsed<IpAddress> {
  const written = findIp6(text, (tail) => {
    const ip = parseIP(tail, context);
    return "value" in ip ? ipBytes(ip.value) : null;
  });
  if (written !== null) return ok(written);
  const [name, suffix] = splitSuffix(text);
  if (suffix !== "" && suffix !== "ip6") return fail();
  const named = lookupBytes(context, DATABASES.ip6, name, 16);
  return named === undefined ? fail() : ok(named);
}

/** `2001:db8::/32`, an address and a contiguous mask, a name, or a bare address (length 128). */
export function parseIP6Prefix(text: string, context: ArgContext): Parsed<Prefix> {
  const slash = text.lastIndexOf("/");
  if (slash > 0 && slash + 1 < text.length) {
    const address = parseIP6(text.slice(0, slash), context);
    if ("value" in address) {
      const right = text.slice(slash + 1);
      let length = prefixLength(right, 128);
      if (length < 0) {
        const mask = parseIP6(right, context);
        length = "value" in mask ? maskBits(mask.value) : -1;
      }
      return length < 0 ? fail() : ok({ address: address.value, length });
    }
  }
  const bare = parseIP6(text, context);
  if ("value" in bare) return ok({ address: bare.value, length: 128 });
  const [name, suffix] = splitSuffix(text);
  if (suffix !== "" && suffix !== "ip6net") return fail();
  const named = lookupBytes(context, DATABASES.ip6Prefix, name, 17);
  return named === undefined || named[16] > 128
    ? fail()
    : ok({ address: named.slice(0, 16), length: named[16] });
}

/** An IPv4 (4 bytes) or IPv6 (16 bytes) address; a name that is both is the IPv4 one. */
export function parseAddress(text: string, context: ArgContext): Parsed<IpAddress> {
  const ip = parseIP(text, context);
  return "value" in ip ? ok(ipBytes(ip.value)) : parseIP6(text, context);
}

/** An IPv4 or IPv6 prefix; an IPv4 mask must be a prefix. */
export function parsePrefix(text: string, context: ArgContext): Parsed<Prefix> {
  const ip = parseIPPrefix(text, context);
  if ("error" in ip) return parseIP6Prefix(text, context);
  return ip.value.length < 0 ? fail() : ok({ address: ipBytes(ip.value.address), length: ip.value.length });
}
