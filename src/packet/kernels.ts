// The one place that loads WebAssembly: the router's own kernels, and those
// that plug-ins bring.

import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import type { Kernels } from "./kernels.generated.js";

export type { Kernels };

/** The WebAssembly memory itself, as plug-in kernels import it. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

// Compiled once per process, and immutable: each router makes its own instance over its own memory.
const compiled = new WebAssembly.Module(readFileSync(new URL("../../kernels.wasm", import.meta.url)));

/** Instantiates the router's kernels over `memory`. */
export function instantiateKernels(memory: WasmMemory): Kernels {
  // The instance's own functions: those under `exports` gather their arguments in an array on every call, and a call
  // takes 32 ns instead of 9.
  const { instance } = instantiateSync(compiled, { env: { memory, abort: kernelAbort } });
  return instance.exports as unknown as Kernels;
}

function kernelAbort(): never {
  throw new Error("a kernel aborted: this is a bug in the kernel, not in the configuration");
}

/** Makes a shared memory of exactly `pages` pages of 64 KiB. */
export function makeMemory(pages: number): WasmMemory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/**
 * A generated kernel: stores the output of each packet of the batch into its
 * SLOT_PORT, and returns that output if it is the same for all, else -1.
 */
export type Classify = (batch: number, count: number) => number;

/** Instantiates a module made by `classify/encoder.ts` over `memory`. */
export function instantiateClassify(memory: WasmMemory, module: Uint8Array): Classify {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  return exports.classify as Classify;
}
