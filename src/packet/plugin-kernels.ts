// Kernels that plug-ins bring: checked before they touch the router's memory.
//
// A module that writes to memory on its own when it is instantiated (data segments), keeps state in globals, or hands
// out memory by itself would overwrite its neighbours, because all modules share one memory. Such a module is refused.

import { instantiateSync } from "@assemblyscript/loader";
import { SluiceError } from "../sluice-error.js";
import type { WasmMemory } from "./kernels.js";

/** A plug-in's module that may not run in a router's memory; the message says why and what to do. */
export class KernelError extends SluiceError {
  readonly code = "KERNEL";
}

const SECTION_IMPORT = 2;
const SECTION_MEMORY = 5;
const SECTION_GLOBAL = 6;
const SECTION_START = 8;
const SECTION_DATA = 11;

/** Throws KernelError when the module of `bytes` may not share a memory; returns when it may. */
export function checkKernelModule(bytes: Uint8Array): void {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (e) {
    throw new KernelError(`not a WebAssembly module: ${(e as Error).message}`);
  }
  for (const { kind, module: from, name } of WebAssembly.Module.imports(module)) {
    if (kind === "memory" && from === "env" && name === "memory") continue;
    if (kind === "function" && from === "env" && name === "abort") continue;
    throw new KernelError(
      `imports ${kind} '${from}.${name}': a kernel may import env.memory and env.abort only`,
    );
  }
  const sections = new Map(moduleSections(bytes));
  if (!sections.has(SECTION_IMPORT) || !WebAssembly.Module.imports(module).some((i) => i.kind === "memory"))
    throw new KernelError("imports no memory: compile it with --importMemory --sharedMemory");
  if (sections.has(SECTION_MEMORY))
    throw new KernelError("has a memory of its own: compile it with --importMemory --sharedMemory");
  if (sections.has(SECTION_DATA))
    throw new KernelError(
      "has data segments, which would overwrite the router's memory: use no string or array literals, and compile it with --zeroFilledMemory",
    );
  if (sections.has(SECTION_START))
    throw new KernelError("runs code when it is loaded (a start function): a kernel only answers calls");
  if (hasMutableGlobal(sections.get(SECTION_GLOBAL)))
    throw new KernelError(
      "has mutable globals (static variables, or an allocator of its own): keep state in memory that the element gets from the router's allocator",
    );
}

/** Checks and instantiates a plug-in's kernels over the router's `memory`; the result has its exported functions. */
export function instantiatePlugin<K>(memory: WasmMemory, bytes: Uint8Array): K {
  checkKernelModule(bytes);
  const abort = (): never => {
    throw new KernelError("the plug-in's kernel aborted");
  };
  const { instance } = instantiateSync(new WebAssembly.Module(bytes), { env: { memory, abort } });
  return instance.exports as K;
}

/** Section number and contents of each section; the module was found valid before. */
function* moduleSections(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, start] = unsigned(bytes, at + 1);
    yield [id, bytes.subarray(start, start + size)];
    at = start + size;
  }
}

/** A LEB128 number at `at`, and the offset after it. */
function unsigned(bytes: Uint8Array, at: number): [number, number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function hasMutableGlobal(section: Uint8Array | undefined): boolean {
  if (section === undefined) return false;
  const [count, first] = unsigned(section, 0);
  let at = first;
  for (let i = 0; i < count; i++) {
    if (section[at + 1] === 1) return true;
    at = skipExpression(section, at + 2);
  }
  return false;
}

/** Past a constant expression: a constant of some type, then `end`. */
function skipExpression(section: Uint8Array, at: number): number {
  const FIXED: Record<number, number> = { 67: 4, 68: 8 };
  while (section[at] !== 0x0b) {
    const opcode = section[at++];
    if (FIXED[opcode] !== undefined) at += FIXED[opcode];
    // v128.const: prefix, opcode, 16 bytes.
    else if (opcode === 0xfd) at += 17;
    // All other constant instructions carry one LEB128 number, or (arithmetic) none.
    else if (opcode === 0x41 || opcode === 0x42 || opcode === 0x23 || opcode === 0xd0 || opcode === 0xd2)
      while (section[at++] >= 128);
  }
  return at + 1;
}
