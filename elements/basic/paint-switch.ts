import { ANNO_PAINT, PORT_ALL, SLOT_PORT } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  ANNO: { type: "anno", size: 1, positional: true, default: "PAINT", doc: "the annotation byte to look at" },
} as const;

/**
 * Sends each packet to the output whose number is its paint.
 *
 * Packets of paint 255 go to every output. A paint without an output drops the packet. With batches of more than
 * one packet an output gets all its packets of the batch at once; they keep their order.
 *
 * @input 0 packets
 * @output any packets of paint 0, 1, ...
 * @example InfiniteSource(LIMIT 3) -> Paint(1) -> s :: PaintSwitch -> Discard; s[1] -> Print(one) -> Discard
 * @see Paint, CheckPaint, Switch
 */
export class PaintSwitch extends Element {
  static readonly spec = {
    ports: "1/-",
    processing: "h",
    args,
    drops: {
      no_output: "there is no output of the packet's paint",
      no_slot: "the packet pool was exhausted, so a copy was not made",
    },
    live: true,
  } as const satisfies ElementSpec;

  #anno = ANNO_PAINT;

  override configure(values: ArgValues<typeof args>): void {
    this.#anno = values.ANNO.offset;
  }

  override push(_port: number, batch: Batch): void {
    const { kernels, u16 } = this.memory;
    kernels.paintPorts(batch.address, batch.count, this.#anno);
    while (batch.count > 0) {
      const port = u16[(batch.at(0) + SLOT_PORT) >>> 1];
      const out = this.router.batches.acquire();
      out.count = kernels.batchSplit(batch.address, batch.count, port, out.address);
      batch.count -= out.count;
      if (port === PORT_ALL) this.#toAll(out);
      else this.#to(port, out);
      this.router.batches.release(out);
    }
  }

  #to(port: number, batch: Batch): void {
    if (port < this.noutputs) this.outputs[port].push(batch);
    else this.memory.add64(this.state, batch.count);
  }

  #toAll(batch: Batch): void {
    const last = this.noutputs - 1;
    for (let port = 0; port < last; port++) this.pushCopies(port, batch, this.state + 8);
    this.#to(Math.max(last, 0), batch);
  }
}
