// Quantities of descriptors: durations, shares and rates, with their units.

const SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
};
const BITS: Readonly<Record<string, number>> = { bps: 1, kbps: 1e3, Mbps: 1e6, Gbps: 1e9 };

/** The seconds of `5ms`, `+1h` or of a bare number. The schema has checked its form. */
export function duration(value: string | number): number {
  if (typeof value === "number") return value;
  const [, number, unit] = /^([+-]?[\d.]+)\s*(\w+)$/.exec(value)!;
  return Number(number) * SECONDS[unit];
}

/** The share of `1%` or of a bare number: 0 to 1. */
export function share(value: string | number): number {
  return typeof value === "number" ? value : Number.parseFloat(value) / 100;
}

/** The bits a second of `100Mbps` or of a bare number. */
export function rate(value: string | number): number {
  if (typeof value === "number") return value;
  const [, number, unit] = /^([\d.]+)\s*(\w+)$/.exec(value)!;
  return Number(number) * BITS[unit];
}

/** The seconds of text that is a duration, or a bare number of `unit`s; null where it is neither. */
export function durationText(text: string, unit: number): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * unit;
  return /^\d+(\.\d+)?\s*(ns|us|ms|s|min|h)$/.test(text) ? duration(text) : null;
}

/** The share that is text; null where it is none. */
export function shareText(text: string): number | null {
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? [];
  const value = Number(number) / (percent === "%" ? 100 : 1);
  return value <= 1 ? value : null;
}
