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
import { Plan, type Search } from "./plan.js";
import type { Program, Target } from "./program.js";
import type { Case, Segment } from "./search.js";
import { type Part, wordPart } from "./word.js";

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

/** The bytes of a module that exports `classify(batch, count) -> i32`. */
export function emit(program: Program, root: Target): Uint8Array {
  return new Emitter(new Plan(program, root)).module();
}

class Emitter {
  readonly #plan: Plan;
  readonly #code = new Code();
  /** The tree being written (-1: the root's), and the number of ifs around the place being written. */
  #tree = -1;
  #depth = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
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
    for (let i = 0; i < this.#plan.labels.length; i++) c.block();
    this.#go(this.#plan.root);
    for (let i = 0; i < this.#plan.labels.length; i++) {
      c.op(op.end);
      this.#tree = i;
      this.#write(this.#plan.labels[i]);
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
    const { program, root } = this.#plan;
    const used = new Set<Anchor>(program.reachable(root).map((i) => this.#plan.test(i).anchor));
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
    else if (this.#plan.label.has(target)) this.#code.br(this.#labelDepth(target));
    else this.#write(target);
  }

  #doneDepth(): number {
    return this.#depth + this.#plan.labels.length - 1 - this.#tree;
  }

  #labelDepth(target: number): number {
    return this.#depth + (this.#plan.label.get(target) as number) - this.#tree - 1;
  }

  /** Writes the tree of `node`; control never falls out of its end. */
  #write(node: number): void {
    const { program, label, searches } = this.#plan;
    for (;;) {
      const search = searches.get(node);
      if (search !== undefined) {
        this.#search(search);
        node = search.no;
      } else {
        const [yes, no] = [program.yes[node], program.no[node]];
        // What is written inside an if is a jump, or else the smaller tree.
        const nestYes = this.#plan.weight(yes) <= this.#plan.weight(no);
        this.#branch(this.#plan.test(node), nestYes ? yes : no, nestYes);
        node = nestYes ? no : yes;
      }
      if (node < 0 || label.has(node)) {
        this.#go(node);
        return;
      }
    }
  }

  /** Leads to `target` if the answer to `test` is `when`; else goes on. */
  #branch(test: Test, target: Target, when: boolean): void {
    const c = this.#code;
    if (target < 0) {
      c.const(~target);
      this.#ask(test, when);
      c.brIf(this.#doneDepth()).op(op.drop);
    } else if (this.#plan.label.has(target)) {
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
    this.#load(test.anchor, test.offset, part);
    if (test.kind === "gt") {
      this.#number(part, test.mask);
      c.const(part.value(test.values[0])).op(op.gtU);
      if (!when) c.op(op.eqz);
      return;
    }
    this.#mask(part, part.stored(test.mask));
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

  #load(anchor: Anchor, offset: number, part: Part): void {
    const code = part.bytes === 1 ? mem.load8 : part.bytes === 2 ? mem.load16 : mem.load;
    this.#code.get(BASE + anchor).access(code, offset + part.start);
  }

  #mask(part: Part, mask: number): void {
    if (mask !== part.full) this.#code.const(mask).op(op.and);
  }

  /** Makes what was loaded the number that it is in network order, under `mask` of its word. */
  #number(part: Part, mask: number): void {
    const c = this.#code;
    if (part.bytes === 2) {
      c.tee(WORD).const(8).op(op.shl).get(WORD).const(8).op(op.shrU, op.or);
      c.const(part.value(mask)).op(op.and);
      return;
    }
    if (part.bytes === 4) {
      c.tee(WORD).const(8).op(op.rotl).const(0x00ff00ff).op(op.and);
      c.get(WORD).const(24).op(op.rotl).const(0xff00ff00).op(op.and, op.or);
    }
    this.#mask(part, part.value(mask));
  }

  /** Leads on by the value of a word; goes on if it is none that leads anywhere. */
  #search(search: Search): void {
    const { anchor, offset, mask, part, cases, segments } = search;
    this.#load(anchor, offset, part);
    if (cases !== null) this.#mask(part, part.stored(mask));
    else this.#number(part, mask);
    this.#code.set(WORD).block();
    this.#depth++;
    if (cases !== null) this.#searchCases(cases, 0);
    else this.#searchSegments(segments ?? [], 0);
    this.#depth--;
    this.#code.op(op.end);
  }

  /** `up`: the ifs around, inside the block that is left where nothing matches. */
  #searchCases(cases: readonly Case[], up: number): void {
    const c = this.#code;
    if (cases.length > 4) {
      const mid = cases.length >>> 1;
      c.get(WORD).const(cases[mid].value).op(op.ltU);
      this.#inside(() => this.#searchCases(cases.slice(0, mid), up + 1));
      this.#searchCases(cases.slice(mid), up);
      return;
    }
    for (const { value, target } of cases) {
      if (target < 0) c.const(~target);
      c.get(WORD).const(value).op(op.eq);
      if (target < 0) c.brIf(this.#doneDepth()).op(op.drop);
      else if (this.#plan.label.has(target)) c.brIf(this.#labelDepth(target));
      else this.#inside(() => this.#write(target));
    }
    c.br(up);
  }

  #searchSegments(segments: readonly Segment[], up: number): void {
    if (segments.length > 1) {
      const mid = segments.length >>> 1;
      this.#code.get(WORD).const(segments[mid].start).op(op.ltU);
      this.#inside(() => this.#searchSegments(segments.slice(0, mid), up + 1));
      this.#searchSegments(segments.slice(mid), up);
      return;
    }
    const target = segments[0]?.target ?? null;
    if (target === null) this.#code.br(up);
    else this.#go(target);
  }
}
