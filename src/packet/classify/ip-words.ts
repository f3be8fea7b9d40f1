// The words of the IP pattern language: header fields, names of values, and
// numbers. Names of hosts, ports and protocols are asked of the caller.

/** How a pattern's names are looked up; each gives undefined for a word it does not know. */
export interface PatternNames {
  /** A number by name, e.g. `tcp` of `ip protos`, `www` of `tcp ports`. */
  number(database: NameDatabase, word: string): number | undefined;
  /** An IPv4 address, dotted or by name, in host order. */
  ip(word: string): number | undefined;
  /** An IPv4 prefix, `ADDRESS/BITS`, `ADDRESS/MASK` or by name, in host order. */
  ipPrefix(word: string): { readonly address: number; readonly mask: number } | undefined;
  /** An Ethernet address, written out or by name; 6 bytes. */
  ether(word: string): Uint8Array | undefined;
}
export type NameDatabase = "ip protos" | "tcp ports" | "udp ports" | "icmp types";

/** A piece of a header; `bit` and `bits` say where. Protocol null: of the IP header, else of the transport's. */
export interface Field {
  readonly name: string;
  readonly protocol: number | null;
  readonly bit: number;
  readonly bits: number;
}

/** What a primitive is about. */
export type Type =
  | Field
  | "host"
  | "net"
  | "proto"
  | "port"
  | "tcp opt"
  | "ether host"
  | "frag"
  | "unfrag"
  | "ect"
  | "ce";

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
/** Click's numbers for pseudo-protocols: TCP or UDP, and whatever the transport is. */
export const TCP_OR_UDP = 256;

const field = (name: string, bit: number, bits: number, protocol: number | null = null): Field => ({
  name,
  protocol,
  bit,
  bits,
});

export const TOS = field("ip tos", 8, 8);
export const ICMP_TYPE = field("icmp type", 0, 8, ICMP);

const TYPES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["ce", "ce"],
  ["dscp", field("ip dscp", 8, 6)],
  ["ect", "ect"],
  ["frag", "frag"],
  ["hl", field("ip hl", 4, 4)],
  ["host", "host"],
  ["id", field("ip id", 32, 16)],
  ["len", field("ip len", 16, 16)],
  ["net", "net"],
  ["opt", "tcp opt"],
  ["port", "port"],
  ["proto", "proto"],
  ["tos", TOS],
  ["ttl", field("ip ttl", 64, 8)],
  ["type", ICMP_TYPE],
  ["unfrag", "unfrag"],
  ["vers", field("ip vers", 0, 4)],
  ["win", field("tcp win", 112, 16, TCP)],
]);
const SYNTAX: ReadonlySet<string> = new Set(["dest", "dst", "ether", "ip", "not", "src"]);
const TCP_FLAGS: ReadonlyMap<string, number> = new Map([
  ["fin", 1],
  ["syn", 2],
  ["rst", 4],
  ["psh", 8],
  ["ack", 16],
  ["urg", 32],
]);
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [ICMP, "icmp"],
  [2, "igmp"],
  [4, "ipip"],
  [TCP, "tcp"],
  [UDP, "udp"],
  [TCP_OR_UDP, "tcpudp"],
  [257, "transp"],
]);

/** What a word is: a type, a value of a type, or neither (null); `unclear` if it is several, or none of what is wanted. */
export type Meaning =
  | { readonly is: "type"; readonly type: Type }
  | { readonly is: "value"; readonly type: Type; readonly value: number }
  | { readonly is: "unclear"; readonly message: string }
  | null;

/** Looks a word up, where a value of `type` (null: of any) and of `protocol` (null: any) is wanted. */
export function lookup(
  names: PatternNames,
  word: string,
  type: Type | null,
  protocol: number | null,
): Meaning {
  if (type === null) {
    if (SYNTAX.has(word)) return null;
    const found = TYPES.get(word);
    if (found !== undefined) return { is: "type", type: found };
  }
  const any = protocol === null;
  const both = any || protocol === TCP_OR_UDP;
  const candidates = [
    { type: "proto" as Type, value: names.number("ip protos", word), fits: true },
    { type: "port" as Type, value: names.number("tcp ports", word), fits: both || protocol === TCP },
    { type: "port" as Type, value: names.number("udp ports", word), fits: both || protocol === UDP },
    { type: "tcp opt" as Type, value: TCP_FLAGS.get(word), fits: both || protocol === TCP },
    { type: ICMP_TYPE as Type, value: names.number("icmp types", word), fits: any || protocol === ICMP },
  ].filter((c) => c.value !== undefined);
  if (candidates.length === 0) return null;
  const fitting = candidates.filter((c) => c.fits && (type === null || c.type === type));
  const values = new Set(fitting.map((c) => `${typeText(c.type)} ${c.value}`));
  if (values.size === 1) return { is: "value", type: fitting[0].type, value: fitting[0].value as number };
  const suggestions = candidates.map((c) => `'${phrase(c.type, protocol, word)}'`).join(", ");
  const problem = values.size > 1 ? "ambiguous" : "meaningless";
  return { is: "unclear", message: `'${phrase(type, protocol, word)}' is ${problem}; try ${suggestions}` };
}

// Two spaces where no protocol is named: Click's text.
function phrase(type: Type | null, protocol: number | null, word: string): string {
  return `${typeText(type)} ${protocol === null ? "" : protocolText(protocol)} ${word}`;
}

/** A type's name in messages. */
export function typeText(type: Type | null): string {
  if (type === null) return "<none>";
  if (typeof type !== "string") return type.name;
  return ["proto", "port", "tcp opt", "ether host"].includes(type) ? type : `ip ${type}`;
}

/** A protocol's name in messages. */
export function protocolText(protocol: number): string {
  return PROTOCOLS.get(protocol) ?? `ip proto ${protocol}`;
}

/** A field written `ip[POS:LEN]` or `tcp[POS:LEN]`; in bytes. */
export function byteField(position: number, length: number, protocol: number | null): Field {
  return field(
    `${protocol === null ? "ip" : protocolText(protocol)}[...]`,
    position * 8,
    length * 8,
    protocol,
  );
}

/** An integer as Click reads one (decimal, 0x, octal, `_` between digits), as a u32; undefined if it is none or does not fit. */
export function integer(word: string): number | undefined {
  const [, sign, digits] = /^([-+]?)(0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)$/.exec(word) ?? [];
  if (digits === undefined || /__|_$|^0[xX]_/.test(digits)) return undefined;
  const plain = digits.replaceAll("_", "");
  if (/^0[0-9]*[89]/.test(plain)) return undefined;
  const octal = /^0[0-7]+$/.test(plain);
  const value = octal ? Number.parseInt(plain, 8) : Number(plain);
  if (value > (sign === "-" ? 0x80000000 : 0xffffffff)) return undefined;
  return (sign === "-" ? -value : value) >>> 0;
}
