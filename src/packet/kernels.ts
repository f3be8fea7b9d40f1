// The one place that loads WebAssembly: the router's own kernels, and those
// that plug-ins bring.

import { readFileSync } from "node:fs";
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
  // Not through AssemblyScript's loader: the wrappers that it makes of all exports, which nobody calls here (a call takes
  // 32 ns instead of 9), take longer than the instance itself.
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, abort: kernelAbort } });
  return exports as unknown as Kernels;
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

/** A compiled classifier: a WebAssembly.Module, a name that users of the library have only with the browser's types. */
export type CompiledClassify = object;

/** Compiles a module made by `classify/encoder.ts`. */
export function compileClassify(bytes: Uint8Array): CompiledClassify {
  return new WebAssembly.Module(bytes);
}

/** Instantiates a compiled classifier over `memory`. */
export function instantiateClassify(memory: WasmMemory, module: CompiledClassify): Classify {
  const { exports } = new WebAssembly.Instance(module as WebAssembly.Module, { env: { memory } });
  return exports.classify as Classify;
}
