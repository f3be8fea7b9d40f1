// C's sprintf over words of text, for Script.

import { wholeNumber } from "../lang/args/numbers.js";
import { parseString } from "../lang/args/strings.js";
import { shiftSpaces, unquote } from "../lang/args/text.js";
import { failed } from "./words.js";

/** Fields wider than this are refused: a word must not ask for a gigabyte of spaces. */
const WIDEST = 65_536;
const CONVERSION = /%([0# +-]*)(\*|\d*)(?:(\.)(\*|\d*))?((?:ll|[hlLq])*)([oxXudis%])/y;

const syntaxError = (): Error => failed("syntax error");

interface Field {
  readonly flags: string;
  readonly width: number;
  /** -1: not given. */
  readonly precision: number;
}

/** `FORMAT ARG...`: conversions o x X u d i s %, with flags, `*` and h, l, ll. Throws HandlerError, "syntax error". */
export function sprintf(args: string): string {
  const [first, after] = shiftSpaces(args);
  const format = unquote(first);
  let rest = after;
  const word = (): string => {
    const [text, others] = shiftSpaces(rest);
    rest = others;
    return text;
  };
  const size = (text: string): number => {
    const n = text === "*" ? wholeNumber(word()) : BigInt(text === "" ? 0 : text);
    if (n === null || n > WIDEST || n < -WIDEST) throw syntaxError();
    return Number(n);
  };
  let out = "";
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf("%", at);
    if (percent < 0) {
      out += format.slice(at);
      break;
    }
    out += format.slice(at, percent);
    CONVERSION.lastIndex = percent;
    const match = CONVERSION.exec(format);
    if (match === null) throw syntaxError();
    const [whole, flags, widthText, dot, precisionText, length, conversion] = match;
    at = percent + whole.length;
    const width = size(widthText);
    const precision = dot === undefined ? -1 : size(precisionText);
    if (precision < -1 || (precisionText === "*" && precision < 0)) throw syntaxError();
    const field = { flags: width < 0 ? `${flags}-` : flags, width: Math.abs(width), precision };
    if (conversion === "%") out += "%";
    else if (conversion === "s") out += padText(word(), field);
    else out += padNumber(word(), field, conversion, length.includes("h"));
    if (out.length > WIDEST * 16) throw syntaxError();
  }
  if (rest !== "") throw syntaxError();
  return out;
}

function padText(word: string, { flags, width, precision }: Field): string {
  const parsed = parseString(word);
  if ("error" in parsed) throw syntaxError();
  const text = precision >= 0 ? parsed.value.slice(0, precision) : parsed.value;
  return flags.includes("-") ? text.padEnd(width) : text.padStart(width);
}

function padNumber(word: string, field: Field, conversion: string, short: boolean): string {
  const { flags, width, precision } = field;
  const value = wholeNumber(word);
  const signed = conversion === "d" || conversion === "i";
  if (value === null || (!signed && value < 0n)) throw syntaxError();
  const n = short ? (signed ? BigInt.asIntN(16, value) : BigInt.asUintN(16, value)) : value;
  const base = conversion === "o" ? 8 : conversion === "x" || conversion === "X" ? 16 : 10;
  let digits = (n < 0n ? -n : n).toString(base).padStart(Math.max(precision, 0), "0");
  if (precision === 0 && n === 0n) digits = "";
  let prefix = "";
  if (signed) prefix = n < 0n ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  else if (flags.includes("#") && n !== 0n && base === 16) prefix = "0x";
  else if (flags.includes("#") && base === 8 && !digits.startsWith("0")) prefix = "0";
  const left = flags.includes("-");
  if (flags.includes("0") && !left && precision < 0) digits = digits.padStart(width - prefix.length, "0");
  const text = prefix + digits;
  const padded = left ? text.padEnd(width) : text.padStart(width);
  return conversion === "X" ? padded.toUpperCase() : padded;
}
