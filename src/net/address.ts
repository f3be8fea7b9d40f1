// IP addresses: bytes, numbers, text, and what kind an address is.

/** An IPv4 (4 bytes) or IPv6 (16 bytes) address, in network order. */
export type IpAddress = Uint8Array;

/** An IPv4 address in host order as 4 bytes in network order. */
export function ipBytes(address: number): IpAddress {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

/** The IPv4 address that 4 bytes at `at` hold, in host order. */
export function ipNumber(bytes: Uint8Array, at = 0): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** The IPv4 or IPv6 address that the text is, null where it is none. */
export function findAddress(text: string): IpAddress | null {
  return text.includes(":") ? findIp6(text) : findIp(text);
}

/** The IPv4 address that the text is: four decimal numbers. Null where it is none. */
export function findIp(text: string): IpAddress | null {
  const parts = findDotted(text);
  return parts?.length === 4 ? Uint8Array.from(parts) : null;
}

/** 1 to 4 decimal numbers up to 255 with dots between them, null where the text is something else. */
export function findDotted(text: string): readonly number[] | null {
  if (!/^\d+(\.\d+){0,3}$/.test(text)) return null;
  const parts = text.split(".").map(Number);
  return parts.some((part) => part > 255) ? null : parts;
}

/**
 * The IPv6 address that the text is (RFC 4291, section 2.2), null where it is none. Its last 32 bits may be written as
 * an IPv4 address; `findTail` reads that part.
 */
export function findIp6(
  text: string,
  findTail: (text: string) => IpAddress | null = findIp,
): IpAddress | null {
  if (text.length > 256) return null;
  const halves = text.split("::");
  if (halves.length > 2 || !text.includes(":")) return null;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups[groups.length - 1];
  const tail = last.at(-1);
  if (tail !== undefined && !isGroup(tail) && (groups.length === 2 || last.length > 1)) {
    const ip = findTail(tail);
    if (ip === null) return null;
    const number = ipNumber(ip);
    last.splice(-1, 1, (number >>> 16).toString(16), (number & 0xffff).toString(16));
  }
  const count = groups[0].length + (groups[1]?.length ?? 0);
  if (halves.length === 2 ? count > 7 : count !== 8) return null;
  const bytes = new Uint8Array(16);
  let at = 0;
  for (const half of groups) {
    for (const group of half) {
      if (!isGroup(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes[at++] = value >>> 8;
      bytes[at++] = value & 255;
    }
    // The zeroes that `::` stands for lie after the first half.
    if (half === groups[0]) at = 16 - 2 * (groups[1]?.length ?? 0);
  }
  return bytes;
}

function isGroup(text: string): boolean {
  return /^[0-9a-fA-F]{1,4}$/.test(text);
}

/** An IPv4 or IPv6 address as text (RFC 5952). */
export function addressText(address: IpAddress): string {
  return address.length === 4 ? address.join(".") : ip6Text(address);
}

/** `10.0.0.1`, of an address in host order. */
export function ipText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** 16 bytes as RFC 5952 writes them. */
export function ip6Text(bytes: IpAddress): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  let best = 0;
  let length = 1; // a single zero group is written out
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > length) [best, length] = [i, n];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length === 1) return hex.join(":");
  return `${hex.slice(0, best).join(":")}::${hex.slice(best + length).join(":")}`;
}

/** Whether two addresses are the same; those of different families never are. */
export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The order of addresses: IPv4 before IPv6, then as numbers. Below 0, 0 or above, as sort wants it. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** Leading bits that two addresses of one family share. */
export function commonBits(a: IpAddress, b: IpAddress): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i * 8 + Math.clz32(a[i] ^ b[i]) - 24;
  return a.length * 8;
}

/**
 * How far packets to an address may go, or what else it stands for (RFC 6890, RFC 4291 section 2.4):
 * `unspecified`: no host (0.0.0.0/8, ::); `loopback`: this host (127.0.0.0/8, ::1); `link-local`: on one link
 * (169.254.0.0/16, fe80::/10); `multicast`: a group (224.0.0.0/4, ff00::/8); `broadcast`: 255.255.255.255;
 * `reserved`: the rest of 240.0.0.0/4; `global`: any other, private ones too.
 */
export type AddressScope =
  | "unspecified"
  | "loopback"
  | "link-local"
  | "multicast"
  | "broadcast"
  | "reserved"
  | "global";

/** The scope of an address. An IPv4 address within an IPv6 one (::ffff:0:0/96) has its own. */
export function addressScope(address: IpAddress): AddressScope {
  return address.length === 4 ? ipScope(address, 0) : ip6Scope(address);
}

function ipScope(bytes: Uint8Array, at: number): AddressScope {
  const first = bytes[at];
  if (first === 0) return "unspecified";
  if (first === 127) return "loopback";
  if (first === 169 && bytes[at + 1] === 254) return "link-local";
  if (first < 224) return "global";
  if (first < 240) return "multicast";
  return ipNumber(bytes, at) === 0xffffffff ? "broadcast" : "reserved";
}

function ip6Scope(bytes: Uint8Array): AddressScope {
  if (bytes[0] === 0xff) return "multicast";
  if (bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80) return "link-local";
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return "global";
  if (bytes[10] === 0xff && bytes[11] === 0xff) return ipScope(bytes, 12);
  if (bytes[10] !== 0 || bytes[11] !== 0 || ipNumber(bytes, 12) > 1) return "global";
  return bytes[15] === 1 ? "loopback" : "unspecified";
}

/**
 * Whether an address may be a host's, or a router's, on another link: packets to it may be sent on. An IPv4 address
 * written as an IPv6 one (::ffff:0:0/96) is on no wire (RFC 6890).
 */
export function isRoutable(address: IpAddress): boolean {
  return addressScope(address) === "global" && !isMapped(address);
}

function isMapped(address: IpAddress): boolean {
  if (address.length === 4 || address[10] !== 0xff || address[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return true;
}
