import type { ElementSpec } from "../../src/router/spec.js";
import { CheckIPHeader } from "./check-ip-header.js";

/**
 * Checks the IPv4 header as CheckIPHeader does, but for its checksum.
 *
 * @input 0 IPv4 packets
 * @output 0 good packets
 * @output 1 bad packets (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader2 -> Discard
 * @see CheckIPHeader
 */
export class CheckIPHeader2 extends CheckIPHeader {
  static override readonly spec = { ...CheckIPHeader.spec } as const satisfies ElementSpec;

  protected override verifies(): boolean {
    return false;
  }
}
