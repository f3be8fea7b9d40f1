// Statistics over the runs of one cell.

export interface Statistics {
  readonly n: number;
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of the mean, by Student's t; null with fewer than two values. */
  readonly ci95: number | null;
  readonly median: number;
  readonly p5: number;
  readonly p95: number;
  readonly low: number;
  readonly high: number;
}

/** Value below which the part `p` (0 to 1) of the ascending `values` lies, between two of them in proportion. */
export function quantile(values: readonly number[], p: number): number {
  const at = (values.length - 1) * p;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return values[low] + (values[high] - values[low]) * (at - low);
}

/** Throws RangeError when there are no values. */
export function statistics(values: readonly number[]): Statistics {
  if (values.length === 0) throw new RangeError("no values to make statistics of");
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const mean = sorted.reduce((sum, v) => sum + v, 0) / n;
  const squares = sorted.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return {
    n,
    mean,
    ci95: n < 2 ? null : studentT(0.975, n - 1) * Math.sqrt(squares / (n - 1) / n),
    median: quantile(sorted, 0.5),
    p5: quantile(sorted, 0.05),
    p95: quantile(sorted, 0.95),
    low: sorted[0],
    high: sorted[n - 1],
  };
}

/** Halvings after which the bounds are neighbouring numbers. */
const HALVINGS = 200;

/** The quantile `p` (above 0.5, below 1) of Student's t distribution with `df` degrees of freedom. */
export function studentT(p: number, df: number): number {
  let [low, high] = [0, 1];
  while (studentBelow(high, df) < p) high *= 2;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentBelow(middle, df) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability of a value below `t` (at least 0). */
function studentBelow(t: number, df: number): number {
  return 1 - incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2;
}

/** The regularized incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on one side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b));
  return (front / a) * betaFraction(x, a, b);
}

const TERMS = 1000;
const TINY = 1e-300;

/** Evaluated from the front, by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  const apart = (v: number): number => (Math.abs(v) < TINY ? TINY : v);
  let c = 1;
  let d = 1 / apart(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / apart(1 + term * d);
      c = apart(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

/** Arguments from which on the series below is exact to the last digits. */
const SERIES_FROM = 15;

/** ln Γ(x) for x above 0: the recurrence up to where Stirling's series (DLMF 5.11.1) is good. */
function logGamma(x: number): number {
  let below = 0;
  while (x < SERIES_FROM) below += Math.log(x++);
  const square = 1 / (x * x);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - below;
}
