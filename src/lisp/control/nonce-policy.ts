// Nonces of authenticated messages: those of peers are checked against replay, our own only ever increase
// (RFC 9301, section 5.6). Both are kept over a restart.

import { LargeMap } from "../../collections/large-map.js";
import { SluiceError } from "../../sluice-error.js";

/**
 * `strict`: a nonce must be greater than every one before, as RFC 9301 has it. `lenient`: it must not be one of the
 * last ones, for peers of RFC 6833, whose nonces are random.
 */
export type NoncePolicy = "strict" | "lenient";

export type NonceVerdict =
  | "fresh"
  /** Lenient: the last one again, a retransmission. It may be acknowledged once more and must change nothing. */
  | "repeat"
  /** To be dropped. */
  | "replay"
  /** Fresh, but from a peer more than are remembered: to be dropped, as it could be replayed. */
  | "full";

/** Nonces of peers, as JSON can hold them: hexadecimal, the latest last. */
export type NonceState = Readonly<Record<string, readonly string[]>>;

export interface NonceGuardOptions {
  /** Peers remembered. Default 65,536. */
  readonly peersMax?: number;
  /** Nonces remembered of each peer, with `lenient`. Default 32. */
  readonly window?: number;
}

/** A state that is none. */
export class NonceStateError extends SluiceError {
  readonly code = "NONCE_STATE";
}

const NONCE_MAX = 2n ** 64n - 1n;

/**
 * Remembers the nonces that peers have used. A peer is named by whoever uses this: RFC 9301 takes its xTR-ID and
 * key, and one without an xTR-ID has its site and address. `check` before a message is authenticated costs little;
 * only `accept`, after it, remembers: so that nobody without a key can fill or move the memory.
 */
export class NonceGuard {
  readonly policy: NoncePolicy;
  readonly #peersMax: number;
  readonly #window: number;
  readonly #peers = new LargeMap<string, bigint[]>();

  constructor(policy: NoncePolicy, options: NonceGuardOptions = {}) {
    this.policy = policy;
    this.#peersMax = options.peersMax ?? 65536;
    this.#window = policy === "strict" ? 1 : Math.max(1, options.window ?? 32);
  }

  /** What is to be said of a nonce; remembers nothing. */
  check(peer: string, nonce: bigint): NonceVerdict {
    const seen = this.#peers.get(peer);
    if (seen === undefined) return this.#peers.size < this.#peersMax ? "fresh" : "full";
    const last = seen[seen.length - 1];
    if (this.policy === "strict") return nonce > last ? "fresh" : "replay";
    if (nonce === last) return "repeat";
    return seen.includes(nonce) ? "replay" : "fresh";
  }

  /** As `check`; a fresh nonce is remembered. */
  accept(peer: string, nonce: bigint): NonceVerdict {
    const verdict = this.check(peer, nonce);
    if (verdict !== "fresh") return verdict;
    const seen = this.#peers.get(peer);
    if (seen === undefined) this.#peers.set(peer, [nonce]);
    else {
      seen.push(nonce);
      if (seen.length > this.#window) seen.shift();
    }
    return verdict;
  }

  /** Forgets a peer: its key has changed, so no message of before can be replayed. */
  forget(peer: string): void {
    this.#peers.delete(peer);
  }

  /** Whether anything is remembered of a peer. */
  knows(peer: string): boolean {
    return this.#peers.has(peer);
  }

  /** What is remembered of one peer, to be stored with its registration; null for nothing. */
  stateOf(peer: string): readonly string[] | null {
    return this.#peers.get(peer)?.map(nonceText) ?? null;
  }

  /** What is remembered of all peers. */
  state(): NonceState {
    return Object.fromEntries([...this.#peers].map(([peer, seen]) => [peer, seen.map(nonceText)]));
  }

  /** Takes back what `stateOf` or `state` gave, also one of the other policy. Throws NonceStateError, having changed nothing. */
  restore(state: NonceState): void {
    const read = Object.entries(state).map(([peer, seen]): [string, bigint[]] => [
      peer,
      seen.map(parseNonce),
    ]);
    const peers = new Set([...this.#peers.keys(), ...read.map(([peer]) => peer)]);
    if (peers.size > this.#peersMax)
      throw new NonceStateError(`nonces of ${peers.size} peers, at most ${this.#peersMax} are kept`);
    for (const [peer, seen] of read) {
      if (seen.length === 0) continue;
      // What strict has to remember is the greatest; only of random ones is it not the latest.
      if (this.policy === "strict") this.#peers.set(peer, [seen.reduce((a, b) => (a > b ? a : b))]);
      else this.#peers.set(peer, seen.slice(-this.#window));
    }
  }
}

function parseNonce(text: unknown): bigint {
  if (typeof text !== "string" || !/^[0-9a-f]{1,16}$/.test(text))
    throw new NonceStateError(`'${text}' is not a nonce of up to 16 hexadecimal digits`);
  return BigInt(`0x${text}`);
}

/** 16 hexadecimal digits. */
export function nonceText(nonce: bigint): string {
  return nonce.toString(16).padStart(16, "0");
}

/**
 * Our own nonces, each one greater than the last. Blocks of them are reserved ahead: `save` stores a number that no
 * nonce handed out has reached, once in `block` nonces, and after a restart counting goes on from there.
 */
export class NonceCounter {
  readonly #save: (limit: bigint) => void;
  readonly #block: bigint;
  #next: bigint;
  #limit: bigint;

  /** `start`: what `save` was last given, or the first nonce to use. `save` must have stored it when it returns. */
  constructor(start: bigint, save: (limit: bigint) => void = () => {}, block = 1024) {
    if (start < 0n || start > NONCE_MAX) throw new RangeError(`${start} is not a nonce of 64 bits`);
    this.#next = start;
    this.#limit = start;
    this.#save = save;
    this.#block = BigInt(block);
  }

  /** The next one, which is at least `least`. Throws RangeError when all are used up: then the key has to change. */
  next(least = 0n): bigint {
    if (least > this.#next) this.#next = least < NONCE_MAX ? least : NONCE_MAX;
    // The last one is never used: stored as the limit, it says that all are.
    if (this.#next >= NONCE_MAX) throw new RangeError("no nonces are left for this key");
    if (this.#next >= this.#limit) {
      const end = this.#next + this.#block;
      const limit = end > NONCE_MAX ? NONCE_MAX : end;
      // When it throws, nothing is reserved.
      this.#save(limit);
      this.#limit = limit;
    }
    return this.#next++;
  }
}
