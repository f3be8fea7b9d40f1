// Codecs of telephone speech: their frames (RFC 3551), and how the E-model rates them (ITU-T G.113 appendix I).

export interface Codec {
  /** RTP payload type; 96: one that the ends agree on. */
  readonly payloadType: number;
  /** A frame: milliseconds and bytes. */
  readonly frame: number;
  readonly bytes: number;
  /** Milliseconds that the encoder looks ahead. */
  readonly lookAhead: number;
  readonly ie: number;
  readonly bpl: number;
}

/** G.711 can be decoded with or without concealment of lost packets (its appendix I); the others conceal by themselves. */
export const CODECS = {
  "G.711": { payloadType: 0, frame: 1, bytes: 8, lookAhead: 0, ie: 0, bpl: 25.1 },
  "G.711-NO-PLC": { payloadType: 0, frame: 1, bytes: 8, lookAhead: 0, ie: 0, bpl: 4.3 },
  "G.729": { payloadType: 18, frame: 10, bytes: 10, lookAhead: 5, ie: 11, bpl: 19 },
  "G.723.1": { payloadType: 4, frame: 30, bytes: 24, lookAhead: 7.5, ie: 15, bpl: 16.1 },
  "GSM-EFR": { payloadType: 96, frame: 20, bytes: 31, lookAhead: 0, ie: 5, bpl: 10 },
} as const satisfies Record<string, Codec>;

export const CODEC_NAMES: readonly string[] = Object.keys(CODECS);

export function codecNamed(name: string): Codec {
  return CODECS[name as keyof typeof CODECS];
}

/** Why packets of `ptime` milliseconds cannot be made of whole frames; null where they can. */
export function ptimeError(codec: Codec, ptime: number): string | null {
  const frames = ptime / codec.frame;
  if (Number.isInteger(frames) && frames >= 1 && ptime >= 2 && ptime <= 200) return null;
  return `PTIME must be a multiple of ${codec.frame} ms from ${Math.max(2, codec.frame)} to 200 ms`;
}
