// Numbers and times as Click prints them.

import type { WallTime } from "./clock.js";

/** A real number with up to twelve significant digits, as C's `%.12g` writes it. */
export function formatReal(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [mantissa, exponent] = x.toExponential(11).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 12) return withoutZeros(x.toFixed(Math.max(0, 11 - power)));
  const digits = String(Math.abs(power)).padStart(2, "0");
  return `${withoutZeros(mantissa)}e${power < 0 ? "-" : "+"}${digits}`;
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Seconds and six digits of their fraction; what is below a microsecond is left out. */
export function formatTime(t: WallTime): string {
  return `${t.seconds}.${String(Math.floor(t.nanoseconds / 1000)).padStart(6, "0")}`;
}
