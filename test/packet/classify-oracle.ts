// Slow, obvious twins of the packet classifiers: they look at bytes, one by one.

import { PORT_DROP, SLOT_PORT } from "../../assembly/layout.js";
import type { Batch } from "../../src/packet/batch.js";
import { type Expr, type Rule, requiredLength, type Test } from "../../src/packet/classify/expr.js";
import type { Classify } from "../../src/packet/kernels.js";
import type { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { bufferOf } from "../slot-canary.js";

/** A packet: its bytes, and where its headers start in them (null: not set). */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly mac?: number | null;
  readonly network?: number | null;
  readonly transport?: number | null;
}

/** The bytes that follow anchor `a`. */
function from(p: Sample, a: number): Uint8Array {
  const start = [0, p.mac, p.network, p.transport][a];
  return start === null || start === undefined ? new Uint8Array(0) : p.bytes.subarray(start);
}

export function ask(t: Test, p: Sample, short: boolean): boolean {
  const bytes = from(p, t.anchor);
  if (t.kind === "len") return bytes.length >= t.values[0];
  if (bytes.length < requiredLength(t)) return short;
  let word = 0n;
  for (let i = 0; i < 4; i++) word = word * 256n + BigInt(bytes[t.offset + i] ?? 0);
  const field = Number(word & BigInt(t.mask));
  return t.kind === "gt" ? field > t.values[0] : t.values.includes(field);
}

export function evaluate(e: Expr, p: Sample): boolean {
  switch (e.kind) {
    case "const":
      return e.value;
    case "test":
      return ask(e.test, p, e.short);
    case "not":
      return !evaluate(e.of, p);
    case "and":
      return e.of.every((x) => evaluate(x, p));
    case "or":
      return e.of.some((x) => evaluate(x, p));
    case "choose": {
      const chosen = e.cases.find(([c]) => evaluate(c, p));
      return evaluate(chosen === undefined ? e.no : chosen[1], p);
    }
  }
}

/** The output of the first rule that matches. */
export function firstMatch(rules: readonly Rule[], p: Sample): number {
  return rules.find((r) => evaluate(r.expr, p))?.output ?? PORT_DROP;
}

/** Puts the samples into a batch, runs the kernel, and gives each one's output; checks the common one. */
export function classifyAll(
  memory: PacketMemory,
  batch: Batch,
  classify: Classify,
  samples: readonly Sample[],
): number[] {
  const packet = new Packet(memory);
  for (const s of samples) {
    packet.at(memory.kernels.poolTake());
    if (packet.slot === 0) throw new Error("no slot");
    // What lies after the data must not count.
    memory.u8.fill(0xa5, packet.data, bufferOf(memory, packet.slot)[1]);
    packet.setBytes(s.bytes);
    packet.macHeader = s.mac === null || s.mac === undefined ? 0 : packet.data + s.mac;
    packet.networkHeader = s.network === null || s.network === undefined ? 0 : packet.data + s.network;
    packet.transportHeader =
      s.transport === null || s.transport === undefined ? 0 : packet.data + s.transport;
    batch.add(packet.slot);
  }
  const common = classify(batch.address, batch.count);
  const ports = samples.map((_, i) => memory.u16[(batch.at(i) + SLOT_PORT) >>> 1]);
  const expected = ports.length > 0 && ports.every((p) => p === ports[0]) ? ports[0] : -1;
  if (common !== expected) throw new Error(`common output ${common}, expected ${expected}`);
  batch.kill();
  return ports;
}
