// Fixed-point numbers in decimal, as Click's cp_unparse_real2 prints them.

/**
 * `value` / 2^`bits` with as few decimals as say which value it was. `value` is a whole number of at most 53 bits.
 * The method is TeX's print_scaled (Knuth, "TeX: The Program", section 103), for any number of fraction bits.
 */
export function fixedPointText(value: number, bits: number): string {
  const one = 2 ** bits;
  const sign = value < 0 ? "-" : "";
  const magnitude = Math.abs(value);
  const whole = Math.floor(magnitude / one);
  if (magnitude === whole * one) return `${sign}${whole}`;
  let text = `${sign}${whole}.`;
  let rest = 10 * (magnitude - whole * one) + 5;
  let slack = 10;
  do {
    // The last digit is rounded.
    if (slack > one) rest += one / 2 - slack / 2;
    const digit = Math.floor(rest / one);
    text += digit;
    rest = 10 * (rest - digit * one);
    slack *= 10;
  } while (rest > slack);
  return text;
}
