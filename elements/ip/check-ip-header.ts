import * as layout from "../../assembly/ip-layout.js";
import { SLOT_REASON } from "../../assembly/layout.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues, IPPrefix } from "../../src/lang/args/spec.js";
import { AddressList } from "../../src/packet/address-list.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  "BADSRC*": {
    type: "any",
    positional: true,
    doc: "old syntax: BADSRC, with 0.0.0.0 and 255.255.255.255 added",
  },
  OFFSET: {
    type: "unsigned",
    positional: true,
    default: "0",
    doc: "bytes before the IP header; alone, it may be the first argument",
  },
  INTERFACES: {
    type: "ip_prefix_list",
    doc: "this router's addresses with their prefixes: sets GOODDST to them, and BADSRC to their broadcast addresses, 0.0.0.0 and 255.255.255.255",
  },
  BADSRC: { type: "ip_list", doc: "source addresses that packets must not have" },
  GOODDST: { type: "ip_list", doc: "destination addresses whose packets may have them all the same" },
  CHECKSUM: { type: "bool", default: "true", doc: "check the header checksum" },
  VERBOSE: {
    type: "bool",
    default: "false",
    doc: "print a message for every bad packet, not just the first",
  },
  DETAILS: {
    type: "bool",
    default: "false",
    doc: "accepted for Click's sake: reasons are always counted",
  },
} as const;

const drops = {
  tiny: "tiny packet",
  version: "bad IP version",
  header_length: "bad IP header length",
  length: "bad IP length",
  checksum: "bad IP checksum",
  source: "bad source address",
} as const;
const REASONS = Object.values(drops);

/**
 * Checks the IPv4 header: lengths, version, checksum, source address (RFC 1812 sections 4.2.2 and 5.3.7).
 *
 * Good packets leave on output 0, cut to the length in their header (Ethernet pads short ones), with their header
 * annotations set and their destination address in the destination annotation. Bad ones leave on output 1, or are
 * dropped when that is not connected; the first one is reported.
 *
 * @input 0 IPv4 packets
 * @output 0 good packets
 * @output 1 bad packets (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> Discard
 * @see CheckIPHeader2, MarkIPHeader, SetIPChecksum, CheckIP6Header
 */
export class CheckIPHeader extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops,
    state: layout.IP_CHECK_SIZE - layout.IP_CHECK_OFFSET,
    handlers: {
      drops: { read: true, doc: "bad packets so far" },
      drop_details: { read: true, doc: "bad packets by reason, a line each: count, reason" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #verbose = false;
  #reported = false;
  readonly #bad = new AddressList(this.memory, 4);
  readonly #good = new AddressList(this.memory, 4);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    let offset = values.OFFSET;
    const bad: number[] = [...(values.BADSRC ?? [])];
    const good: number[] = [...(values.GOODDST ?? [])];
    for (const { address, mask } of values.INTERFACES ?? []) {
      bad.push(broadcast({ address, mask }));
      good.push(address);
    }
    if (values.INTERFACES !== undefined) bad.push(0, 0xffffffff);
    const old = values["BADSRC*"];
    if (old !== undefined) {
      const context = this.graph.argContext(this);
      const number = parseValue(old, { type: "unsigned" }, context);
      const list = parseValue(old, { type: "ip_list" }, context);
      if ("value" in number) offset = number.value;
      else if ("error" in list) {
        errors.error(`BADSRC: ${list.error}`);
        return;
      } else bad.push(...list.value, 0, 0xffffffff);
    }
    this.#verbose = values.VERBOSE;
    this.#bad.set(bad);
    this.#good.set(good);
    const set = (at: number, value: number): void => this.memory.set32(this.state + at, value);
    set(layout.IP_CHECK_OFFSET, offset);
    set(layout.IP_CHECK_SUM, values.CHECKSUM && this.verifies() ? 1 : 0);
    set(layout.IP_CHECK_BADSRC, this.#bad.address);
    set(layout.IP_CHECK_BADSRC_COUNT, this.#bad.count);
    set(layout.IP_CHECK_GOODDST, this.#good.address);
    set(layout.IP_CHECK_GOODDST_COUNT, this.#good.count);
  }

  /** Whether it looks at checksums at all. */
  protected verifies(): boolean {
    return true;
  }

  override cleanup(): void {
    this.#bad.free();
    this.#good.free();
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.ipCheckHeader(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good, 1, this.#report);
  }

  readonly #report = (bad: Batch): void => {
    for (let i = 0; i < bad.count && (this.#verbose || !this.#reported); i++) {
      this.#reported = true;
      const reason = REASONS[this.memory.u16[(bad.at(i) + SLOT_REASON) >>> 1]];
      this.router.log(`${this.name}: IP header check failed: ${reason}`);
    }
  };

  override handlers(): Record<string, HandlerCode> {
    return {
      drops: { read: () => this.dropTotal },
      drop_details: {
        read: () =>
          Object.entries(drops)
            .map(([name, reason]) => `${this.memory.get64(this.counterAddress(name))}\t${reason}\n`)
            .join(""),
      },
    };
  }
}

function broadcast({ address, mask }: Pick<IPPrefix, "address" | "mask">): number {
  return ((address & mask) | ~mask) >>> 0;
}
