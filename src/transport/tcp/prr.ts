// Proportional rate reduction (RFC 6937): while losses are recovered, the window falls to its threshold in step with
// what the other end takes, so that sending never stops altogether.

export class RateReduction {
  #before = 0;
  #delivered = 0;
  #sent = 0;

  /** Recovery begins with a window of `size` segments. */
  begin(size: number): void {
    this.#before = size;
    this.#delivered = 0;
    this.#sent = 0;
  }

  /** `count` segments were sent. */
  sent(count: number): void {
    this.#sent += count;
  }

  /**
   * The window after an acknowledgement: `delivered` segments arrived, `inFlight` are on their way; `progress`: it
   * acknowledged new data and showed no further loss.
   */
  window(threshold: number, inFlight: number, delivered: number, progress: boolean): number {
    this.#delivered += delivered;
    let send: number;
    if (inFlight > threshold)
      send = Math.ceil((threshold * this.#delivered) / Math.max(this.#before, 1)) - this.#sent;
    else {
      send = Math.max(this.#delivered - this.#sent, delivered);
      if (progress) send++;
      send = Math.min(threshold - inFlight, send);
    }
    // The retransmission that begins recovery is never held back.
    return inFlight + Math.max(send, this.#sent > 0 ? 0 : 1);
  }
}
