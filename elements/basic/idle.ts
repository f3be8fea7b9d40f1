import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { Notifier, type SignalKind } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Takes packets and throws them away, gives none, and never does anything by itself.
 *
 * It has as many inputs and outputs as are connected. On a pull input it does not pull; those that pull from it are
 * told that there will be no packets.
 *
 * @input any packets to throw away, push or pull
 * @output any no packets, push or pull
 * @example Idle -> Discard
 * @see Discard, Null
 */
export class Idle extends Element {
  static readonly spec = {
    ports: "-/-",
    processing: "a/a",
    flow: "x/y",
  } as const satisfies ElementSpec;

  readonly #never = new Notifier(false);

  override notifier(kind: SignalKind): Notifier | null {
    return kind === "empty" ? this.#never : null;
  }

  override push(_port: number, batch: Batch): void {
    batch.kill();
  }

  override pull(): void {}
}
