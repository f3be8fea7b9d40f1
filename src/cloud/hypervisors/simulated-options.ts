// What a simulated hypervisor is made with, as text: `simulated:memory 8G guests 16 mtu 1500`.

import { findAddress } from "../../net/address.js";
import { SluiceError } from "../../sluice-error.js";
import { isName } from "../agent/fields.js";
import type { GuestModel } from "./guest.js";

export interface SimulatedOptions {
  /** Bytes for virtual machines. */
  readonly memory: number;
  /** Virtual machines, and migrations at once, at most. */
  readonly guests: number;
  readonly migrations: number;
  /** Bytes of the largest IP packet on its network. */
  readonly mtu: number;
  /** Bits a second that each migration has. */
  readonly bandwidth: number;
  /** Seconds that it takes to resume a virtual machine that has come. */
  readonly resume: number;
}

export const SIMULATED_DEFAULTS: SimulatedOptions = {
  memory: 16 * 2 ** 30,
  guests: 64,
  migrations: 4,
  mtu: 1500,
  bandwidth: 1e9,
  resume: 0,
};

/** A text that does not describe what it should. */
export class SimulatedTextError extends SluiceError {
  readonly code = "SIMULATED";
}

/** Binary for bytes, decimal for rates, as both are usually meant. */
const BINARY: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const DECIMAL: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

const ADDRESSES_MAX = 8;
const GUESTS_MAX = 1024;
const LEAST_MTU = 576;

/** Reads `KEY VALUE` pairs with the names of SimulatedOptions; what is not given is as in SIMULATED_DEFAULTS. Throws SimulatedTextError. */
export function parseSimulated(text: string): SimulatedOptions {
  const values = pairs(words(text), Object.keys(SIMULATED_DEFAULTS));
  const { memory, guests, migrations, mtu, bandwidth, resume } = SIMULATED_DEFAULTS;
  return {
    memory: number(values, "memory", memory, BINARY, 0, 2 ** 50),
    guests: number(values, "guests", guests, { "": 1 }, 0, GUESTS_MAX),
    migrations: number(values, "migrations", migrations, { "": 1 }, 0, 1024),
    mtu: number(values, "mtu", mtu, { "": 1 }, LEAST_MTU, 65535),
    bandwidth: number(values, "bandwidth", bandwidth, DECIMAL, 1, 1e15),
    resume: number(values, "resume", resume, { "": 1 }, 0, 3600),
  };
}

/**
 * Reads `NAME memory BYTES address ADDRESS... [mtu BYTES] [rate BYTES] [set BYTES]`: a virtual machine that writes `rate`
 * bytes a second (default 0) to `set` bytes of its memory (all of it). Throws SimulatedTextError.
 */
export function parseGuest(text: string): GuestModel {
  const [name = "", ...rest] = words(text);
  if (!isName(name)) throw new SimulatedTextError("expected the name of a virtual machine");
  const values = pairs(rest, ["memory", "address", "mtu", "rate", "set"]);
  if (!values.has("memory")) throw new SimulatedTextError(`${name}: 'memory BYTES' is missing`);
  const memory = number(values, "memory", 0, BINARY, 1, 2 ** 50);
  const addresses = (values.get("address") ?? []).map((word) => {
    const address = findAddress(word);
    if (address === null) throw new SimulatedTextError(`${name}: '${word}' is not an address`);
    return address;
  });
  if (addresses.length > ADDRESSES_MAX)
    throw new SimulatedTextError(`${name}: ${addresses.length} addresses, at most ${ADDRESSES_MAX}`);
  return {
    name,
    memory,
    addresses,
    mtu: number(values, "mtu", SIMULATED_DEFAULTS.mtu, { "": 1 }, LEAST_MTU, 65535),
    dirtyRate: number(values, "rate", 0, BINARY, 0, 2 ** 50),
    workingSet: Math.min(memory, number(values, "set", memory, BINARY, 0, 2 ** 50)),
  };
}

function words(text: string): readonly string[] {
  return text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** What stands behind each key; only `address` may stand there several times, or have several values. */
function pairs(list: readonly string[], keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let key = "";
  for (const word of list) {
    if (keys.includes(word)) {
      if (word !== "address" && values.has(word)) throw new SimulatedTextError(`'${word}' is there twice`);
      key = word;
      values.set(key, values.get(key) ?? []);
    } else if (key === "") throw new SimulatedTextError(`'${word}' is none of ${keys.join(", ")}`);
    else if (key !== "address" && values.get(key)!.length > 0)
      throw new SimulatedTextError(`'${word}' is none of ${keys.join(", ")}`);
    else values.get(key)!.push(word);
  }
  for (const [name, given] of values)
    if (given.length === 0) throw new SimulatedTextError(`'${name}' has no value`);
  return values;
}

/** Within bounds; whole but for `resume`. */
function number(
  values: ReadonlyMap<string, readonly string[]>,
  key: string,
  byDefault: number,
  units: Readonly<Record<string, number>>,
  least: number,
  most: number,
): number {
  const text = values.get(key)?.[0];
  if (text === undefined) return byDefault;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kMGT]?)$/.exec(text) ?? [];
  const value = Number(digits) * (Object.hasOwn(units, unit ?? "") ? units[unit] : Number.NaN);
  if (!(value >= least && value <= most) || (key !== "resume" && !Number.isInteger(value)))
    throw new SimulatedTextError(`${key} '${text}' is not a number from ${least} to ${most}`);
  return value;
}
