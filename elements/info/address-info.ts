import { parseEther, parseIP, parseIP6, parseIP6Prefix, parseIPPrefix } from "../../src/lang/args/address.js";
import type { ArgContext } from "../../src/lang/args/context.js";
import { DATABASES } from "../../src/lang/args/databases.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { prefixOf } from "../../src/router/names.js";
import { CONFIGURE_FIRST, type ElementSpec } from "../../src/router/spec.js";

const args = {
  ENTRIES: { type: "any", rest: true, doc: "`NAME ADDRESS [ADDRESS...]`, ...: what the names mean" },
} as const;

/**
 * Gives names to addresses: IPv4 and IPv6 addresses and prefixes, and Ethernet addresses.
 *
 * A name may have one of each kind; where it is used, the kind that is wanted is taken. `NAME:ip`, `NAME:ipnet`,
 * `NAME:ip6`, `NAME:ip6net` and `NAME:eth` say the kind. `10.0.0.1/8` is a prefix and an address. Names are local to
 * the compound that the AddressInfo is in.
 *
 * @example AddressInfo(host 10.0.0.1/8 00:50:BA:85:84:A9 2001:db8::1); Idle -> Discard
 * @see PortInfo, ScheduleInfo
 */
export class AddressInfo extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    configurePhase: CONFIGURE_FIRST,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const context = this.graph.argContext(this);
    for (const entry of values.ENTRIES) {
      const [name, ...addresses] = splitSpaces(entry);
      if (name === undefined) continue;
      if (addresses.length === 0) errors.error("expected 'NAME [ADDRS]'");
      const known = new Set<string>();
      for (const address of addresses) {
        const meanings = meaningsOf(address, context);
        if (meanings.size === 0) errors.error(`'${address}' is not a recognizable address`);
        for (const [database, bytes] of meanings) {
          // What can only be one thing wins over what may be several.
          if (meanings.size === 1 || !known.has(database))
            this.graph.names.define(database, prefixOf(this.name), name, bytes);
        }
        for (const database of meanings.keys()) known.add(database);
      }
    }
  }
}

/** What `text` may mean: bytes in network order by database, in the shapes that DATABASES gives. */
function meaningsOf(text: string, context: ArgContext): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const ether = parseEther(text, context);
  if ("value" in ether) found.set(DATABASES.ether, ether.value);
  const ip = parseIP(text, context);
  if ("value" in ip) found.set(DATABASES.ip, words(ip.value));
  else {
    const prefix = parseIPPrefix(text, context);
    if ("value" in prefix) {
      const { address, mask } = prefix.value;
      found.set(DATABASES.ipPrefix, words(address, mask));
      if ((address & ~mask) !== 0) found.set(DATABASES.ip, words(address));
    }
  }
  const ip6 = parseIP6(text, context);
  if ("value" in ip6) found.set(DATABASES.ip6, ip6.value);
  else {
    const prefix = parseIP6Prefix(text, context);
    if ("value" in prefix) {
      const { address, length } = prefix.value;
      found.set(DATABASES.ip6Prefix, new Uint8Array([...address, length]));
      if (hasHostBits(address, length)) found.set(DATABASES.ip6, address);
    }
  }
  return found;
}

/** 32-bit words in network order. */
function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value);
  return bytes;
}

function hasHostBits(address: Uint8Array, length: number): boolean {
  return address.some((byte, i) => {
    const network = Math.min(8, Math.max(0, length - i * 8));
    return (byte & (0xff >> network)) !== 0;
  });
}
