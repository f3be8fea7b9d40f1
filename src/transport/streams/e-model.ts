// The E-model (ITU-T G.107, 06/2015): how good a telephone connection sounds, from delay, loss and codec.

/** What a connection is like; what is not given is G.107's default. */
export interface Connection {
  /** Mean one-way delay from mouth to ear, ms: G.107's Ta, and T = Ta, Tr = 2 Ta. */
  readonly delay: number;
  /** Equipment impairment factor of the codec, and its robustness against loss (G.113 appendix I). */
  readonly ie: number;
  readonly bpl: number;
  /** Packets that were not played, percent. */
  readonly loss: number;
  /** Mean length of observed runs of loss, of that expected under random loss; 1 to 8. */
  readonly burstRatio: number;
  /** What users forgive for the sake of access from anywhere, 0 to 20. */
  readonly advantage?: number;
}

export interface Rating {
  /** Transmission rating factor. */
  readonly r: number;
  readonly mos: number;
  /** Impairment by delay: Idte, Idle and Idd together. */
  readonly id: number;
  /** Impairment by codec and loss. */
  readonly ieEff: number;
}

// Defaults of G.107 table 2. Loudness and attenuation in dB, noise in dBm0p or dBmp.
const SLR = 8;
const RLR = 2;
const STMR = 15;
const LSTR = 18;
const DS = 3;
const TELR = 65;
const WEPL = 110;
const QDU = 1;
const NC = -70;
const NFOR = -64;
const PS = 35;
const PR = 35;
/** Least delay that is noticed, ms, and the sensitivity to delay, of the class "default". */
const MT = 100;
const ST = 1;

const power = (db: number): number => 10 ** (db / 10);

/** Sum of noises, dBm0p (7-3 to 7-7). */
function noise(): number {
  const olr = SLR + RLR;
  const sender = PS - SLR - DS - 100 + 0.004 * (PS - olr - DS - 14) ** 2;
  const effective = PR + 10 * Math.log10(1 + power(10 - LSTR));
  const receiver = RLR - 121 + effective + 0.008 * (effective - 35) ** 2;
  return 10 * Math.log10(power(NC) + power(sender) + power(receiver) + power(NFOR + RLR));
}

/** Basic signal-to-noise ratio R0 (7-2). */
function basic(no: number): number {
  return 15 - 1.5 * (SLR + no);
}

/** Impairments that come with the voice signal, Is (7-8 to 7-17), at echo path delay `t`. */
function simultaneous(no: number, ro: number, t: number): number {
  const xolr = SLR + RLR + 0.2 * (64 + no - RLR);
  const loudness = 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8);
  const q = 37 - 15 * Math.log10(QDU);
  const g = 1.07 + 0.258 * q + 0.0602 * q ** 2;
  const y = (ro - 100) / 15 + 46 / 8.4 - g / 9;
  const z = 46 / 30 - g / 40;
  return loudness + sidetone(t) + 15 * Math.log10(1 + 10 ** y + 10 ** z);
}

/** Ist (7-11, 7-12). */
function sidetone(t: number): number {
  const stmro = -10 * Math.log10(power(-STMR) + Math.exp(-t / 4) * power(-TELR));
  return (
    12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8) -
    28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35) -
    13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13) +
    29
  );
}

/** Idte (7-19 to 7-22): talker echo. */
function talkerEcho(no: number, t: number): number {
  if (t < 1) return 0;
  const terv = TELR - 40 * Math.log10((1 + t / 10) / (1 + t / 150)) + 6 * Math.exp(-0.3 * t ** 2);
  const roe = -1.5 * (no - RLR);
  const re = 80 + 2.5 * (terv - 14);
  return ((roe - re) / 2 + Math.sqrt((roe - re) ** 2 / 4 + 100) - 1) * (1 - Math.exp(-t));
}

/** Idle (7-25, 7-26): listener echo, at round-trip delay `tr`. */
function listenerEcho(ro: number, tr: number): number {
  const rle = 10.5 * (WEPL + 7) * (tr + 1) ** -0.25;
  return (ro - rle) / 2 + Math.sqrt((ro - rle) ** 2 / 4 + 169);
}

/** Idd (7-27, 7-28): too long a delay even without echo. */
function longDelay(ta: number): number {
  if (ta <= MT) return 0;
  const x = Math.log2(ta / MT);
  const e = 6 * ST;
  return 25 * ((1 + x ** e) ** (1 / e) - 3 * (1 + (x / 3) ** e) ** (1 / e) + 2);
}

/** Mean opinion score of a rating (G.107 annex B). Its cubic falls below 1 for very low ratings, where 1 is the least. */
export function mosOf(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/** Ie,eff (7-29). */
export function effectiveImpairment(ie: number, bpl: number, loss: number, burstRatio: number): number {
  return loss <= 0 ? ie : ie + ((95 - ie) * loss) / (loss / burstRatio + bpl);
}

/** R = R0 - Is - Id - Ie,eff + A (7-1), with the formulas of G.107 for each. */
export function rate(connection: Connection): Rating {
  const { delay, ie, bpl, loss, burstRatio, advantage = 0 } = connection;
  const no = noise();
  const ro = basic(no);
  const id = talkerEcho(no, delay) + listenerEcho(ro, 2 * delay) + longDelay(delay);
  const ieEff = effectiveImpairment(ie, bpl, loss, burstRatio);
  const r = ro - simultaneous(no, ro, delay) - id - ieEff + advantage;
  return { r, mos: mosOf(r), id, ieEff };
}
