// What ARPResponder and IP6NDAdvertiser share: questions become their answers in place; entries are read alike.

import { PACKET_HOST } from "../../assembly/layout.js";
import { parseValue } from "../../src/lang/args/parse.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";

/** The drop reason that both declare. */
export const RESPONDER_DROPS = {
  unanswered: "it has no answer for it, and output 1 is not connected",
} as const;

/** What is wrong with an entry, in Click's words for the element. */
export interface EntryErrors {
  /** Stands between the argument's number and the error. */
  readonly separator: string;
  readonly unknown: string;
  readonly secondEther: string;
  readonly noPrefix: string;
  readonly noEther: string;
}

/** What it answers for, and the hardware address (6 bytes) that it answers with. */
export type Entry<Prefix> = Prefix & { readonly mac: Uint8Array };

/** An element whose first counter is of questions answered; `Prefix` is what it answers for. */
export abstract class NeighbourResponder<Prefix extends object> extends Element {
  readonly #packet = new Packet(this.memory);
  protected abstract readonly entryErrors: EntryErrors;

  /** The prefix that a word of an entry gives, null when it is none. */
  protected abstract parsePrefix(word: string): Prefix | null;

  /** The frame that answers the one in `frame`; null when that asks nothing, or nothing it has an entry for. */
  protected abstract answer(frame: Uint8Array): Uint8Array | null;

  /** Called with a packet just answered: sets where its headers are. Its data begin with the link-layer header. */
  protected abstract mark(packet: Packet): void;

  /** Reads all entries of a configuration; null when one is wrong, which is reported. */
  protected parseEntries(texts: readonly string[], errors: ErrorSink): Entry<Prefix>[] | null {
    const entries: Entry<Prefix>[] = [];
    let wrong = false;
    for (const [i, text] of texts.entries()) {
      const parsed = this.parseEntry(text);
      if (typeof parsed === "string") {
        errors.error(`argument ${i}${this.entryErrors.separator}${parsed}`);
        wrong = true;
      } else entries.push(...parsed);
    }
    return wrong ? null : entries;
  }

  /** The entries that `PREFIX [PREFIX...] ETH` gives, or what is wrong with it. */
  protected parseEntry(text: string): Entry<Prefix>[] | string {
    const words = splitSpaces(text);
    const prefixes: Prefix[] = [];
    let mac: Uint8Array | null = null;
    for (const word of words) {
      const prefix = this.parsePrefix(word);
      if (prefix !== null) {
        prefixes.push(prefix);
        continue;
      }
      const ether = this.#ether(word);
      if (ether === null) return this.entryErrors.unknown;
      if (mac !== null) return this.entryErrors.secondEther;
      mac = ether;
    }
    // A name may stand for both.
    for (const word of words) mac ??= this.#ether(word);
    if (prefixes.length === 0) return this.entryErrors.noPrefix;
    if (mac === null) return this.entryErrors.noEther;
    const found = mac;
    return prefixes.map((prefix) => ({ ...prefix, mac: found }));
  }

  #ether(word: string): Uint8Array | null {
    const ether = parseValue(word, { type: "ether" }, this.graph.argContext(this));
    return "value" in ether ? ether.value : null;
  }

  override process(batch: Batch): void {
    const others = this.rejectUnless(batch, (slot) => this.#answered(slot));
    this.memory.add64(this.state, batch.count);
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("unanswered"), others);
  }

  /** Makes the question in `slot` its answer; false, and nothing changed, where there is none. */
  #answered(slot: number): boolean {
    const packet = this.#packet.at(slot);
    const answer = this.answer(packet.bytes());
    if (answer === null) return false;
    packet.setBytes(answer);
    packet.macHeader = packet.data;
    packet.packetType = PACKET_HOST;
    this.mark(packet);
    return true;
  }
}
