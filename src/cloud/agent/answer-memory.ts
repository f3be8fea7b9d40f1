// What an agent has answered to one controller: the same request again gets the same answer, and none is done twice.

/** Requests remembered: so far may they overtake each other. */
const REMEMBERED = 64;
/** Of these, requests that are being worked on. */
const WORKING = 32;

export type RequestVerdict =
  | { readonly kind: "fresh" }
  /** It is being worked on. */
  | { readonly kind: "working" }
  | { readonly kind: "answered"; readonly body: Uint8Array }
  /** Older than all that are remembered, where it may have been answered and forgotten: to be dropped. */
  | { readonly kind: "replay" }
  /** Too many are being worked on. */
  | { readonly kind: "full" };

export class AnswerMemory {
  /** By nonce; null: being worked on. */
  readonly #answers = new Map<bigint, Uint8Array | null>();
  #working = 0;
  /** Nonces up to this one count as used. */
  #floor = -1n;

  /** What a request's nonce says of it. A fresh one is to be answered: `answer` says when. */
  take(nonce: bigint): RequestVerdict {
    const known = this.#answers.get(nonce);
    if (known === null) return { kind: "working" };
    if (known !== undefined) return { kind: "answered", body: known };
    if (nonce <= this.#floor) return { kind: "replay" };
    if (this.#working >= WORKING) return { kind: "full" };
    this.#answers.set(nonce, null);
    this.#working++;
    return { kind: "fresh" };
  }

  /** The answer to a request, at most once for each. */
  answer(nonce: bigint, body: Uint8Array): void {
    if (this.#answers.get(nonce) !== null) return;
    this.#answers.set(nonce, body);
    this.#working--;
    for (const [old, answered] of this.#answers) {
      if (this.#answers.size <= REMEMBERED) return;
      if (answered === null) continue;
      this.#answers.delete(old);
      if (old > this.#floor) this.#floor = old;
    }
  }

  get working(): number {
    return this.#working;
  }
}
