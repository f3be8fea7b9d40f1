// Checked reading of the JSON objects in agents' messages: each field of its type and within its bounds, and no others.

import { addressText, findAddress } from "../../net/address.js";
import { WireError } from "../../wire/error.js";

/** Names of virtual machines, migrations and drivers: printable, without spaces, as handlers take them for one word. */
const NAME = /^[!-~]{1,64}$/;

/** Whether messages can name a virtual machine or a migration so: 1 to 64 printable characters of ASCII, no space. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** `text` as a message can have it: printable ASCII, at most `length` characters. */
export function plainText(text: string, length: number): string {
  return text.slice(0, length).replace(/[^ -~]/g, "?");
}

/** One object. Its readers throw WireError for what is not there, or not as it must be. */
export class Fields {
  readonly #what: string;
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #read = new Set<string>();

  /** `what`: for errors. */
  constructor(value: unknown, what: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new WireError("BAD_FIELD", `${what}: no object`);
    this.#what = what;
    this.#fields = new Map(Object.entries(value));
  }

  /** The object that bytes hold as JSON in UTF-8. */
  static of(bytes: Uint8Array, what: string): Fields {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      throw new WireError("BAD_FIELD", `${what}: no JSON`);
    }
    return new Fields(value, what);
  }

  /** Whether there is such a field. */
  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** To be called when all fields are read: there must be no other. */
  end(): void {
    for (const name of this.#fields.keys())
      if (!this.#read.has(name)) throw new WireError("BAD_FIELD", `${this.#what}: unknown field`);
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return this.#fields.get(name);
  }

  #bad(name: string, expected: string): WireError {
    return new WireError("BAD_FIELD", `${this.#what}: ${name} is not ${expected}`);
  }

  /** A name, as `isName` has it. */
  name(name: string): string {
    const value = this.#take(name);
    if (typeof value !== "string" || !NAME.test(value)) throw this.#bad(name, "a name");
    return value;
  }

  /** Printable ASCII, at most `most` characters. */
  text(name: string, most: number): string {
    const value = this.#take(name);
    if (typeof value !== "string" || value.length > most || /[^ -~]/.test(value))
      throw this.#bad(name, `a text of at most ${most} characters`);
    return value;
  }

  word<W extends string>(name: string, words: readonly W[]): W {
    const value = this.#take(name);
    if (!words.includes(value as W)) throw this.#bad(name, `one of ${words.join(", ")}`);
    return value as W;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== "boolean") throw this.#bad(name, "true or false");
    return value;
  }

  /** A finite number from 0 to `most`. */
  real(name: string, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#take(name);
    if (typeof value !== "number" || !(value >= 0 && value <= most))
      throw this.#bad(name, `a number from 0 to ${most}`);
    return value;
  }

  /** A whole number from 0, or `least`, to `most`. */
  whole(name: string, most = Number.MAX_SAFE_INTEGER, least = 0): number {
    const value = this.real(name, most);
    if (!Number.isInteger(value) || value < least)
      throw this.#bad(name, `a whole number from ${least} to ${most}`);
    return value;
  }

  /** Bytes in hexadecimal, exactly `length`. */
  bytes(name: string, length: number): Uint8Array {
    const value = this.#take(name);
    if (typeof value !== "string" || value.length !== 2 * length || !/^[0-9a-f]*$/.test(value))
      throw this.#bad(name, `${length} bytes in hexadecimal`);
    return Uint8Array.from(Buffer.from(value, "hex"));
  }

  /** An IPv4 or IPv6 address: 4 or 16 bytes. */
  address(name: string): Uint8Array {
    const value = this.#take(name);
    const address = typeof value === "string" && value.length <= 45 ? findAddress(value) : null;
    if (address === null) throw this.#bad(name, "an address");
    return address;
  }

  object(name: string): Fields {
    return new Fields(this.#take(name), `${this.#what}: ${name}`);
  }

  /** At most `most` objects. */
  list<T>(name: string, most: number, read: (fields: Fields) => T): readonly T[] {
    return this.#items(name, most).map((item) => {
      const fields = new Fields(item, `${this.#what}: ${name}`);
      const value = read(fields);
      fields.end();
      return value;
    });
  }

  /** At most `most` addresses. */
  addresses(name: string, most: number): readonly Uint8Array[] {
    return this.#items(name, most).map((item) => new Fields({ item }, this.#what).address("item"));
  }

  #items(name: string, most: number): readonly unknown[] {
    const value = this.#take(name);
    if (!Array.isArray(value) || value.length > most) throw this.#bad(name, `a list of at most ${most}`);
    return value;
  }
}

/** Bytes as `Fields.bytes` reads them. */
export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Addresses as `Fields.addresses` reads them. */
export function addressTexts(addresses: readonly Uint8Array[]): readonly string[] {
  return addresses.map(addressText);
}
