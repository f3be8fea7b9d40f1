import { readFileSync } from "node:fs";
import { type ArgValues, type Batch, Element, type ElementSpec } from "sluice";

/** What the plug-in's own kernel module exports. */
interface Kernels {
  xorBatch(state: number, batch: number, count: number): void;
}

const args = {
  KEY: { type: "unsigned", positional: true, required: true, max: 255, doc: "the byte to combine with" },
} as const;

/** Combines every byte of each packet with KEY: an element with a kernel of its own, a batch at a time. */
export class XorBytes extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    counters: { bytes: "bytes combined" },
    state: 8,
  } as const satisfies ElementSpec;

  readonly #kernels = this.memory.loadKernels<Kernels>(
    readFileSync(new URL("../kernel.wasm", import.meta.url)),
  );

  override configure(values: ArgValues<typeof args>): void {
    this.memory.set32(this.stateArea, values.KEY);
  }

  override process(batch: Batch): void {
    this.#kernels.xorBatch(this.state, batch.address, batch.count);
  }
}
