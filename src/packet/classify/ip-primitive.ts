// One primitive of the IP pattern language (`src tcp port >= 1024`): what its
// words said, the check that they fit, and the expression it stands for.

import {
  ANCHOR_MAC,
  ANCHOR_NETWORK,
  ANCHOR_TRANSPORT,
  type Anchor,
  and,
  choose,
  type Expr,
  equals,
  FALSE,
  greater,
  longEnough,
  notUnlessShort,
  or,
  TRUE,
} from "./expr.js";
import { DCCP, protocolText, TCP, TCP_OR_UDP, TOS, type Type, typeText, UDP } from "./ip-words.js";

/** Takes a message about a pattern. */
export interface Reporter {
  error(message: string): void;
  warning(message: string): void;
}

/** A value or a mask as it was written: a number, an address, or a name that has a type of its own. */
export interface Data {
  readonly type: Type | "int" | "none";
  readonly value: number;
  /** Of a prefix. */
  readonly mask?: number;
  /** Of an Ethernet address: 6 bytes. */
  readonly ether?: Uint8Array;
}

export type Ends = "src" | "dst" | "src and dst" | "src or dst";
export type Header = "ip" | "ether";

const NO_DATA: Data = { type: "none", value: 0 };
const FULL_ETHER = new Uint8Array(6).fill(0xff);

export class Primitive {
  /** Null: not said; "bad": already reported. */
  type: Type | "bad" | null = null;
  data: Data = NO_DATA;
  relation: "=" | ">" | "<" = "=";
  negated = false;
  ends: Ends | null = null;
  protocol: number | null = null;
  /** What was written after `&`. */
  provided: Data | null = null;
  /** After the check: the field's value and mask, unshifted. */
  #value = 0;
  #mask = 0;
  #say: Reporter;

  constructor(say: Reporter) {
    this.#say = say;
  }

  setType(type: Type): void {
    if (this.type !== null) this.#say.error("type specified twice");
    this.type = type;
  }

  setEnds(ends: Ends): void {
    if (this.ends !== null) this.#say.error("'src' or 'dst' specified twice");
    this.ends = ends;
  }

  setProtocol(protocol: number): void {
    if (this.protocol !== null && this.protocol !== protocol)
      this.#say.error("transport protocol specified twice");
    this.protocol = protocol;
  }

  /**
   * Fills in what was left out, from the primitive before (`src port 80 or
   * 81`), and checks that everything fits. Returns false, with the reason
   * reported, if it does not.
   */
  check(previous: Primitive, header: Header | null): boolean {
    const endsSaid = this.ends !== null;
    if (this.type === "bad") return false;
    const problem = (this.type === null ? this.#complete(previous) : null) ?? this.#fit(header);
    if (problem !== null) {
      if (problem !== "") this.#say.error(problem);
      return false;
    }
    if (this.type === "host" || this.type === "port" || this.type === "ether host")
      this.ends ??= "src or dst";
    else if (endsSaid) this.#say.warning(`'${this.#name()}': 'src' or 'dst' ignored`);
    return true;
  }

  #complete(previous: Primitive): string | null {
    let type = this.data.type;
    if (type === "int") {
      const before = previous.type;
      if (before === null || (typeof before === "string" && before !== "proto" && before !== "port"))
        return "specify header field or 'port'";
      type = before;
      this.data = { ...this.data, type };
    }
    if (type === "none") {
      if (this.protocol === null) return "partial directive";
      this.type = "proto";
      return null;
    }
    this.type = type;
    if (typeof type !== "string") this.protocol ??= type.protocol;
    else if (type !== "proto") this.ends ??= previous.ends;
    if (type === "port") this.protocol ??= previous.protocol;
    return null;
  }

  /** What is wrong, "" if that was reported, null if nothing is. */
  #fit(asked: Header | null): string | null {
    const header = asked ?? (this.data.type === "ether host" ? "ether" : "ip");
    if (header === "ether" && this.type === "host") this.type = "ether host";
    const type = this.type as Type;
    if (type === "host" || type === "net" || type === "ether host") return this.#fitAddress(type, header);
    if (header !== "ip") return this.#wrong("ip only");
    const data = this.data.type;
    const maskType = this.provided?.type;
    switch (type) {
      case "proto":
        return this.#fitProtocol();
      case "port":
        if (data !== "int" && data !== "port") return this.#wrong("value missing");
        this.protocol ??= TCP_OR_UDP;
        if (![TCP, UDP, TCP_OR_UDP, DCCP].includes(this.protocol))
          return `'port': bad protocol ${this.protocol}`;
        return this.#fitNumber(0xffff);
      case "tcp opt":
        if (data !== "int" && data !== "tcp opt") return this.#wrong("value missing");
        this.protocol ??= TCP;
        if (this.protocol !== TCP) return `'tcp opt': bad protocol ${this.protocol}`;
        if (this.relation !== "=" || this.negated || this.provided !== null)
          return this.#wrong("operator or mask not supported");
        if (this.data.value > 255) return `'tcp opt': value ${this.data.value | 0} out of range`;
        this.#value = this.#mask = this.data.value;
        return null;
      case "ect":
        if (data !== "none" && data !== "int") return this.#wrong("value missing");
        // Without a value: any codepoint but 0, which is "not ECN-capable" (RFC 3168 section 5).
        if (data === "none") this.negated = true;
        return this.#fitNumber(3) ?? this.#become(TOS);
      case "ce":
      case "frag":
      case "unfrag":
        if (data !== "none" || this.provided !== null) return this.#wrong("value not supported");
        if (type === "ce") {
          this.#value = this.#mask = 3;
          return this.#become(TOS);
        }
        if (type === "unfrag") this.negated = true;
        return this.#become("frag");
      default:
        if (data !== "int" && data !== type) return this.#wrong("value missing");
        if (maskType !== undefined && maskType !== "int" && maskType !== type) return this.#wrong("bad mask");
        return this.#fitNumber(type.bits === 32 ? 0xffffffff : 2 ** type.bits - 1, type);
    }
  }

  #become(type: Type): null {
    this.type = type;
    return null;
  }

  #fitAddress(type: "host" | "net" | "ether host", header: Header): string | null {
    if (header !== (type === "ether host" ? "ether" : "ip") || this.data.type !== type)
      return this.#wrong("address missing");
    if (this.relation !== "=") return this.#wrong("operator not supported");
    const given = this.provided;
    if (type === "ether host") {
      if (given !== null && given.type !== "ether host") return this.#wrong("bad mask");
      return null;
    }
    if (given !== null && given.type !== "int" && given.type !== "host") return this.#wrong("bad mask");
    this.type = "host";
    this.#value = this.data.value;
    this.#mask = given?.value ?? (type === "net" ? (this.data.mask ?? 0) : 0xffffffff);
    return null;
  }

  #fitProtocol(): string | null {
    let protocol = this.protocol;
    if (this.data.type === "int" || this.data.type === "proto") {
      if (protocol !== null && protocol !== this.data.value) return this.#wrong("specified twice");
      protocol = this.data.value;
    } else if (this.data.type !== "none" || protocol === null) return this.#wrong("value missing");
    this.protocol = null;
    this.data = { type: "none", value: protocol };
    if (protocol >= 256 && protocol < 0x80000000) {
      if (this.relation !== "=" || this.provided !== null)
        return `'${protocolText(protocol)}': operator or mask not supported`;
      [this.#value, this.#mask] = [protocol, 0xff];
    } else {
      const problem = this.#fitNumber(0xff);
      if (problem !== null) return problem;
    }
    if (this.relation === "=" && this.#mask === 0xff && !this.negated) this.protocol = protocol;
    return null;
  }

  /** Checks the value and mask of a number field, and turns `<` into `>`. */
  #fitNumber(full: number, maskType: Type | "int" = "int"): string | null {
    const given = this.provided;
    if (given !== null && given.type !== "int" && given.type !== maskType) return this.#wrong("bad mask");
    const mask = given?.value ?? full;
    const value = this.data.value;
    if ((mask & ~full) !== 0)
      return this.#wrong(`mask out of range, bound 0x${full.toString(16).toUpperCase()}`);
    const less = this.relation === "<";
    if (this.relation === "=") {
      if (value > full) return this.#wrong(`out of range, bound ${full}`);
    } else if (less ? value === 0 || value > mask : value >= mask) {
      const always = less && value > mask ? !this.negated : this.negated;
      const sign = less ? (this.negated ? ">=" : "<") : this.negated ? "<=" : ">";
      this.#say.warning(`relation '${sign} ${value}' is always ${always} (range 0-${mask})`);
      this.relation = "=";
      this.negated = !always;
      [this.#value, this.#mask] = [0, 0];
      return null;
    }
    if (less) {
      this.relation = ">";
      this.negated = !this.negated;
    }
    [this.#value, this.#mask] = [less ? value - 1 : value, mask];
    return null;
  }

  #name(): string {
    return (this.ends === null ? "" : `${this.ends} `) + typeText(this.type as Type | null);
  }

  #wrong(what: string): string {
    return `'${this.#name()}': ${what}`;
  }

  /** The expression; call after `check`. */
  expr(): Expr {
    const type = this.type as Type;
    const parts: Expr[] = [];
    const transport =
      type === "port" || type === "tcp opt" || (typeof type !== "string" && type.protocol !== null);
    if (this.protocol === TCP_OR_UDP) parts.push(or([protocolIs(TCP), protocolIs(UDP)]));
    else if (this.protocol !== null && this.protocol < 256) parts.push(protocolIs(this.protocol));
    // Only the first fragment has the transport header.
    if (transport) parts.push(equals(ANCHOR_NETWORK, 4, 0x1fff, 0));
    parts.push(this.#main(type));
    return and(parts);
  }

  #main(type: Type): Expr {
    switch (type) {
      case "host":
        return this.#either((end) =>
          equals(ANCHOR_NETWORK, end === "src" ? 12 : 16, this.#mask, this.#value),
        );
      case "ether host":
        return this.#either((end) => this.#ether(end === "dst" ? 0 : 6));
      case "port":
        return this.#either((end) => this.#compare(ANCHOR_TRANSPORT, 0, end === "src" ? 16 : 0));
      case "proto":
        if (this.protocol === TCP_OR_UDP || (this.protocol ?? 0) >= 256) return TRUE;
        return this.#negate(this.#compare(ANCHOR_NETWORK, 8, 16));
      case "frag": {
        const whole = equals(ANCHOR_NETWORK, 4, 0x3fff, 0);
        return this.negated ? whole : notUnlessShort(whole);
      }
      case "tcp opt":
        return equals(ANCHOR_TRANSPORT, 12, this.#mask << 16, this.#value << 16);
      default: {
        const { protocol, bit, bits } = type as Exclude<Type, string>;
        const anchor = protocol === null ? ANCHOR_NETWORK : ANCHOR_TRANSPORT;
        return this.#negate(this.#compare(anchor, (bit >> 5) * 4, 32 - (bit & 31) - bits));
      }
    }
  }

  #negate(e: Expr): Expr {
    return this.negated ? notUnlessShort(e) : e;
  }

  #either(at: (end: "src" | "dst") => Expr): Expr {
    if (this.ends === "src" || this.ends === "dst") return this.#negate(at(this.ends));
    const both = [at("src"), at("dst")];
    return this.#negate(this.ends === "src and dst" ? and(both) : or(both));
  }

  #compare(anchor: Anchor, offset: number, shift: number): Expr {
    const mask = (this.#mask << shift) >>> 0;
    const value = ((this.#value & this.#mask) << shift) >>> 0;
    if (this.relation === "=") return equals(anchor, offset, mask, value);
    const bound = within(this.#value, this.#mask);
    const exact = greater(anchor, offset, mask, (bound << shift) >>> 0);
    const pieces = piecewise(anchor, offset, shift, bound, this.#mask);
    // A field that the packet's end cuts in two may still be decided by its first byte.
    return choose([[longEnough(anchor, offset + lastByte(mask)), exact]], pieces);
  }

  #ether(at: number): Expr {
    const address = this.data.ether as Uint8Array;
    const mask = this.provided?.ether ?? FULL_ETHER;
    const parts: Expr[] = [];
    for (let word = 0; word < 12; word += 4) {
      let [m, v] = [0, 0];
      for (let i = 0; i < 4; i++) {
        const from = word + i - at;
        m = (m << 8) | (mask[from] ?? 0);
        v = (v << 8) | (address[from] ?? 0);
      }
      parts.push(equals(ANCHOR_MAC, word, m, v));
    }
    return and(parts);
  }
}

function protocolIs(protocol: number): Expr {
  return equals(ANCHOR_NETWORK, 8, 0x00ff0000, protocol << 16);
}

function lastByte(mask: number): number {
  return (mask & 0xff) !== 0 ? 4 : (mask & 0xff00) !== 0 ? 3 : (mask & 0xff0000) !== 0 ? 2 : 1;
}

/** The greatest number of the mask's bits that is not above `value`: x & mask > value is x & mask > that. */
function within(value: number, mask: number): number {
  const missing = (value & ~mask) >>> 0;
  if (missing === 0) return value;
  const below = 0xffffffff >>> (Math.clz32(missing) + 1);
  return ((value | below) & mask) >>> 0;
}

/** field & mask > value as comparisons of its leading bits for equality, the way Click asks it. */
function piecewise(anchor: Anchor, offset: number, shift: number, value: number, mask: number): Expr {
  const pieces: { readonly high: boolean; readonly test: Expr }[] = [];
  while (value < mask) {
    const high = value > mask >>> 1;
    const differ = high ? (~(value + 1) & mask) >>> 0 : value;
    const upper = differ === 0 ? mask : (mask & ~(2 ** (32 - Math.clz32(differ)) - 1)) >>> 0;
    const top = equals(anchor, offset, upper << shift, high ? upper << shift : 0);
    pieces.push({ high, test: high ? top : notUnlessShort(top) });
    mask = (mask & ~upper) >>> 0;
    value = (value & mask) >>> 0;
  }
  return (
    pieces.reduceRight<Expr | null>(
      (rest, { high, test }) => (rest === null ? test : high ? and([test, rest]) : or([test, rest])),
      null,
    ) ?? FALSE
  );
}
