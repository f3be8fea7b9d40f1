import { DATABASES, portDatabase } from "../../src/lang/args/databases.js";
import { lookupNumber } from "../../src/lang/args/names.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { prefixOf } from "../../src/router/names.js";
import { CONFIGURE_FIRST, type ElementSpec } from "../../src/router/spec.js";

const args = {
  ENTRIES: { type: "any", rest: true, doc: "`NAME PORT[/PROTOCOL] [ALIAS...]`, ...: what the names mean" },
} as const;

const TCP = 6;
const UDP = 17;

/**
 * Gives names to TCP and UDP ports.
 *
 * Entries look like lines of /etc/services: `http 80/tcp www`. Without a protocol the name is for both; entries of
 * an unknown protocol are skipped. `#` begins a comment. Names are local to the compound that the PortInfo is in.
 *
 * @example PortInfo(lisp-data 4341/udp, lisp-control 4342/udp); Idle -> Discard
 * @see AddressInfo, ScheduleInfo
 */
export class PortInfo extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    configurePhase: CONFIGURE_FIRST,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    for (const entry of values.ENTRIES) {
      const [name, what = "", ...aliases] = splitSpaces(entry);
      if (name === undefined || name.startsWith("#")) continue;
      const parsed = /^(0[xX][0-9a-fA-F]+|[0-9]+)(?:\/(.*))?$/.exec(what);
      const port = Number(parsed?.[1]);
      if (parsed === null || port > 0xffff) {
        errors.error("expected 'NAME PORT/PROTO'");
        continue;
      }
      const end = aliases.findIndex((alias) => alias.startsWith("#"));
      const names = [name, ...(end < 0 ? aliases : aliases.slice(0, end))];
      for (const protocol of this.#protocols(parsed[2])) {
        for (const n of names) this.graph.names.define(portDatabase(protocol), prefixOf(this.name), n, port);
      }
    }
  }

  /** The protocols that `text` names; both where nothing is said, none where it is not known. */
  #protocols(text: string | undefined): number[] {
    if (text === undefined) return [TCP, UDP];
    const protocol = lookupNumber(this.graph.argContext(this), DATABASES.ipProtocols, text);
    return protocol === undefined ? [] : [protocol];
  }
}
