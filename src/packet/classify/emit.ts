// A decision program as one WebAssembly function over a batch.
//
// A node with one way in stands inside the node that leads to it (its tree);
// a node with several stands after a block, one block each, all opened at the
// top in topological order, so that branching to it is leaving its block:
//
//   loop                         for each packet
//     block (result)             outputs leave this one with their number
//       block … block            one for each node with several ways in
//         the root's tree
//       end the first such node's tree … end the last one's
//     end
//     store the output

import * as layout from "../../../assembly/layout.js";
import { Code, encodeModule, mem, op } from "./encoder.js";
import { ANCHOR_DATA, ANCHOR_MAC, ANCHOR_NETWORK, ANCHORS, type Anchor, type Test } from "./expr.js";
import type { Program, Target } from "./program.js";

// Locals. 0 and 1 are the parameters: the batch's address and its count.
const BATCH = 0;
const COUNT = 1;
const SLOT = 2;
const END = 3;
const RESULT = 4;
const FIRST = 5;
const DIFFERENT = 6;
const WORD = 7;
const PACKET_END = 8;
const BASE = 9;
const LENGTH = BASE + ANCHORS;
const LOCALS = LENGTH + ANCHORS - 2;

/** Values in a chain from which on a binary search is better than one comparison after another. */
const SEARCH_FROM = 5;

/** The bytes of a module that exports `classify(batch, count) -> i32`. */
export function emit(program: Program, root: Target): Uint8Array {
  return new Emitter(program, root).module();
}

interface Case {
  readonly value: number;
  readonly target: Target;
}

class Emitter {
  readonly #p: Program;
  readonly #root: Target;
  readonly #code = new Code();
  /** Nodes with several ways in, in topological order; and each one's place in that order. */
  readonly #labels: number[] = [];
  readonly #label = new Map<number, number>();
  /** By node: ways in, and the nodes of its tree. */
  readonly #ways: Uint32Array;
  readonly #size: Uint32Array;
  /** The tree being written (-1: the root's), and the number of ifs around the place being written. */
  #tree = -1;
  #depth = 0;

  constructor(program: Program, root: Target) {
    this.#p = program;
    this.#root = root;
    this.#ways = new Uint32Array(Math.max(0, root + 1));
    this.#size = new Uint32Array(Math.max(0, root + 1));
    if (root >= 0) this.#plan();
  }

  // Which nodes get a block of their own.
  #plan(): void {
    const { yes, no } = this.#p;
    const nodes = this.#p.reachable(this.#root);
    const ways = this.#ways;
    for (const i of nodes) {
      if (yes[i] >= 0) ways[yes[i]] += 1;
      if (no[i] >= 0) ways[no[i]] += 1;
    }
    // A yes branch that is written once for each of its values has as many ways in.
    const absorbed = new Set<number>();
    const switches: { head: number; members: number[] }[] = [];
    for (const i of nodes) {
      if (absorbed.has(i)) continue;
      const members = this.#chain(i);
      if (members.length === 0) continue;
      for (const m of members) absorbed.add(m);
      switches.push({ head: i, members });
    }
    for (const { members } of switches) {
      for (const m of members) {
        if (yes[m] >= 0 && this.#test(m).values.length > 1) ways[yes[m]] += 1;
      }
    }
    const inside = (t: Target): number => (t >= 0 && ways[t] === 1 ? this.#size[t] : 0);
    const members = new Map(switches.map((s) => [s.head, s.members]));
    for (const i of [...nodes].reverse()) {
      this.#size[i] = 1 + inside(yes[i]) + inside(no[i]);
      // No tree holds more than half of what is around it but as its tail, so nesting stays logarithmic.
      for (const m of members.get(i) ?? []) {
        if (inside(yes[m]) * 2 > this.#size[i]) ways[yes[m]] += 1;
      }
    }
    for (const i of nodes) {
      if (ways[i] > 1) this.#label.set(i, this.#labels.push(i) - 1);
    }
  }

  #test(node: number): Test {
    return this.#p.tests[this.#p.test[node]];
  }

  /**
   * The nodes that ask the same field one after another, from `node` along the
   * no branches, if it pays to search among their values; else none.
   */
  #chain(node: number): number[] {
    const first = this.#test(node);
    if (first.kind !== "in") return [];
    const members: number[] = [];
    let values = 0;
    for (let i = node; ; i = this.#p.no[i]) {
      members.push(i);
      values += this.#test(i).values.length;
      const next = this.#p.no[i];
      if (next < 0 || this.#ways[next] !== 1) break;
      const t = this.#test(next);
      if (t.kind !== "in" || t.anchor !== first.anchor || t.offset !== first.offset || t.mask !== first.mask)
        break;
    }
    return values >= SEARCH_FROM ? members : [];
  }

  module(): Uint8Array {
    const c = this.#code;
    // An empty batch has no common output.
    c.get(COUNT).op(op.eqz).if().const(-1).op(op.return, op.end);
    c.get(BATCH).get(COUNT).const(2).op(op.shl, op.add).set(END);
    c.const(-1).set(FIRST);
    c.loop();
    c.get(BATCH).access(mem.load, 0).set(SLOT);
    this.#anchors();
    c.block(true);
    for (let i = 0; i < this.#labels.length; i++) c.block();
    this.#go(this.#root);
    for (let i = 0; i < this.#labels.length; i++) {
      c.op(op.end);
      this.#tree = i;
      this.#write(this.#labels[i]);
    }
    c.op(op.end).set(RESULT);
    c.get(SLOT).get(RESULT).access(mem.store16, layout.SLOT_PORT);
    c.get(FIRST).get(RESULT).get(FIRST).const(0).op(op.geS, op.select).tee(FIRST);
    c.get(RESULT).op(op.xor).get(DIFFERENT).op(op.or).set(DIFFERENT);
    c.get(BATCH).const(4).op(op.add).tee(BATCH).get(END).op(op.ltU).brIf(0);
    c.op(op.end);
    c.const(-1).get(FIRST).get(DIFFERENT).op(op.select);
    return encodeModule("classify", 2, LOCALS, c);
  }

  /** Loads the addresses and lengths that the program's tests count from. */
  #anchors(): void {
    const c = this.#code;
    const used = new Set<Anchor>(this.#p.reachable(this.#root).map((i) => this.#test(i).anchor));
    if (used.size === 0) return;
    c.get(SLOT)
      .access(mem.load, layout.SLOT_DATA)
      .tee(BASE + ANCHOR_DATA);
    c.get(SLOT)
      .access(mem.load, layout.SLOT_LENGTH)
      .tee(LENGTH + ANCHOR_DATA);
    c.op(op.add).set(PACKET_END);
    for (const anchor of used) {
      if (anchor === ANCHOR_DATA) continue;
      const field =
        anchor === ANCHOR_MAC
          ? layout.SLOT_MAC
          : anchor === ANCHOR_NETWORK
            ? layout.SLOT_NETWORK
            : layout.SLOT_TRANSPORT;
      // A header that is not set has length 0; one past the packet's end a negative one.
      c.get(PACKET_END)
        .get(SLOT)
        .access(mem.load, field)
        .tee(BASE + anchor)
        .op(op.sub);
      c.const(0)
        .get(BASE + anchor)
        .op(op.select)
        .set(LENGTH + anchor);
    }
  }

  /** Leads to `target`, writing its tree here if this is the only way in. */
  #go(target: Target): void {
    if (target < 0) this.#code.const(~target).br(this.#doneDepth());
    else if (this.#label.has(target)) this.#code.br(this.#labelDepth(target));
    else this.#write(target);
  }

  #doneDepth(): number {
    return this.#depth + this.#labels.length - 1 - this.#tree;
  }

  #labelDepth(target: number): number {
    return this.#depth + (this.#label.get(target) as number) - this.#tree - 1;
  }

  /** Writes the tree of `node`; control never falls out of its end. */
  #write(node: number): void {
    for (;;) {
      const members = this.#chain(node);
      if (members.length > 0) {
        this.#search(members);
        node = this.#p.no[members[members.length - 1]];
      } else {
        const [yes, no] = [this.#p.yes[node], this.#p.no[node]];
        // What is written inside an if is a jump, or else the smaller tree.
        const nestYes = this.#weight(yes) <= this.#weight(no);
        this.#branch(this.#test(node), nestYes ? yes : no, nestYes);
        node = nestYes ? no : yes;
      }
      if (node < 0 || this.#label.has(node)) {
        this.#go(node);
        return;
      }
    }
  }

  #weight(target: Target): number {
    return target < 0 || this.#label.has(target) ? 0 : this.#size[target];
  }

  /** Leads to `target` if the answer to `test` is `when`; else goes on. */
  #branch(test: Test, target: Target, when: boolean): void {
    const c = this.#code;
    if (target < 0) {
      c.const(~target);
      this.#ask(test, when);
      c.brIf(this.#doneDepth()).op(op.drop);
    } else if (this.#label.has(target)) {
      this.#ask(test, when);
      c.brIf(this.#labelDepth(target));
    } else {
      this.#ask(test, when);
      this.#inside(() => this.#write(target));
    }
  }

  #inside(write: () => void): void {
    this.#code.if();
    this.#depth++;
    write();
    this.#depth--;
    this.#code.op(op.end);
  }

  /** Leaves on the stack whether the answer to `test` is `when`. */
  #ask(test: Test, when: boolean): void {
    const c = this.#code;
    if (test.kind === "len") {
      c.get(LENGTH + test.anchor)
        .const(test.values[0])
        .op(op.geS);
      if (!when) c.op(op.eqz);
      return;
    }
    const part = wordPart(test.mask);
    this.#load(test, part);
    if (test.kind === "gt") {
      // The memory is little-endian; an order needs the number.
      if (part.bytes === 2) {
        c.tee(WORD).const(8).op(op.shl).get(WORD).const(8).op(op.shrU, op.or).const(0xffff).op(op.and);
      } else if (part.bytes === 4) {
        c.tee(WORD).const(8).op(op.rotl).const(0x00ff00ff).op(op.and);
        c.get(WORD).const(24).op(op.rotl).const(0xff00ff00).op(op.and, op.or);
      }
      const mask = part.value(test.mask);
      if (mask !== part.full) c.const(mask).op(op.and);
      c.const(part.value(test.values[0])).op(op.gtU);
      if (!when) c.op(op.eqz);
      return;
    }
    this.#mask(test, part);
    const values = test.values.map((v) => part.stored(v));
    if (values.length === 1) {
      c.const(values[0]).op(when ? op.eq : op.ne);
      return;
    }
    c.set(WORD);
    values.forEach((v, i) => {
      c.get(WORD).const(v).op(op.eq);
      if (i > 0) c.op(op.or);
    });
    if (!when) c.op(op.eqz);
  }

  #load(test: Test, part: Part): void {
    const code = part.bytes === 1 ? mem.load8 : part.bytes === 2 ? mem.load16 : mem.load;
    this.#code.get(BASE + test.anchor).access(code, test.offset + part.start);
  }

  #mask(test: Test, part: Part): void {
    const mask = part.stored(test.mask);
    if (mask !== part.full) this.#code.const(mask).op(op.and);
  }

  /** Leads on by the value of the members' field; goes on if it is none of theirs. */
  #search(members: readonly number[]): void {
    const test = this.#test(members[0]);
    const part = wordPart(test.mask);
    const cases = new Map<number, Case>();
    for (const m of members) {
      for (const v of this.#test(m).values) {
        const value = part.stored(v);
        if (!cases.has(value)) cases.set(value, { value, target: this.#p.yes[m] });
      }
    }
    this.#load(test, part);
    this.#mask(test, part);
    this.#code.set(WORD).block();
    this.#depth++;
    this.#searchIn(
      [...cases.values()].sort((a, b) => a.value - b.value),
      0,
    );
    this.#depth--;
    this.#code.op(op.end);
  }

  /** `up`: the ifs around, inside the block that is left where no value matches. */
  #searchIn(cases: readonly Case[], up: number): void {
    const c = this.#code;
    if (cases.length > 4) {
      const mid = cases.length >>> 1;
      c.get(WORD).const(cases[mid].value).op(op.ltU);
      this.#inside(() => this.#searchIn(cases.slice(0, mid), up + 1));
      this.#searchIn(cases.slice(mid), up);
      return;
    }
    for (const { value, target } of cases) {
      if (target < 0) {
        c.const(~target).get(WORD).const(value).op(op.eq).brIf(this.#doneDepth()).op(op.drop);
      } else {
        c.get(WORD).const(value).op(op.eq);
        if (this.#label.has(target)) c.brIf(this.#labelDepth(target));
        else this.#inside(() => this.#write(target));
      }
    }
    c.br(up);
  }
}

/** The bytes of a word that a mask needs, as one load. */
interface Part {
  readonly start: number;
  readonly bytes: 1 | 2 | 4;
  readonly full: number;
  /** The part of a network-order word as a number, and as a little-endian load sees it. */
  value(word: number): number;
  stored(word: number): number;
}

function wordPart(mask: number): Part {
  for (let start = 0; start < 4; start++) {
    const shift = 24 - start * 8;
    if ((mask & ~(0xff << shift)) !== 0) continue;
    const value = (word: number): number => (word >>> shift) & 0xff;
    return { start, bytes: 1, full: 0xff, value, stored: value };
  }
  for (let start = 0; start < 3; start++) {
    const shift = 16 - start * 8;
    if ((mask & ~(0xffff << shift)) !== 0) continue;
    const value = (word: number): number => (word >>> shift) & 0xffff;
    const stored = (word: number): number => (value(word) >>> 8) | ((value(word) & 0xff) << 8);
    return { start, bytes: 2, full: 0xffff, value, stored };
  }
  return { start: 0, bytes: 4, full: 0xffffffff, value: (word) => word >>> 0, stored: swap };
}

function swap(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
