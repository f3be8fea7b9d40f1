// What the routing elements share: a table of routes, changed by handlers, searched by batches.

import { ANNO_DST_IP, PORT_DROP, SLOT_ANNO, SLOT_PORT } from "../../assembly/layout.js";
import type { ArgContext } from "../../src/lang/args/context.js";
import { parseValue } from "../../src/lang/args/parse.js";
import { shiftSpaces, splitSpaces, uncomment } from "../../src/lang/args/text.js";
import { addressText } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { type Address, addressBytes } from "../../src/packet/prefix-table.js";
import { type Route, RouteTable } from "../../src/packet/route-table.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";

/** The drop reason and the handlers that all of them declare. */
export const ROUTING_DROPS = { no_route: "no route holds its destination annotation" } as const;
export const ROUTING_HANDLERS = {
  add: { write: true, doc: "adds a route: DST/MASK [GATEWAY] OUTPUT; fails when its prefix has one" },
  set: { write: true, doc: "adds a route, or replaces that of its prefix: DST/MASK [GATEWAY] OUTPUT" },
  remove: { write: true, doc: "removes a route: DST/MASK [[GATEWAY] OUTPUT]" },
  ctrl: {
    write: true,
    doc: "lines of `add ROUTE`, `set ROUTE` and `remove ROUTE`; all of them are done, or none",
  },
  lookup: {
    read: true,
    params: true,
    doc: "for an address: the output (-1: none), and the gateway if there is one",
  },
  table: { read: true, expensive: true, doc: "the routes, a line each: prefix, gateway or -, output" },
} as const;

const COMPLAINTS = 5;

/** How one family's routes are read and what it says. */
export interface RouteFamily {
  readonly family: 4 | 6;
  /** Click's words for an argument that is no route. */
  readonly expected: string;
  /** Who says that there is no route. */
  readonly complaint: string;
  /** Between the columns of the table: Click fills IPv4 ones up to tab stops. */
  readonly columns: boolean;
}

/** A route as it is written; `output` is -1 when it is left out. */
export function parseRoute(text: string, family: 4 | 6, context: ArgContext): Route | null {
  const words = splitSpaces(text);
  if (words.length < 1 || words.length > 3) return null;
  let address: Address;
  let length: number;
  if (family === 4) {
    const prefix = parseValue(words[0], { type: "ip_prefix" }, context);
    if ("error" in prefix || prefix.value.length < 0) return null;
    ({ length } = prefix.value);
    address = (prefix.value.address & prefix.value.mask) >>> 0;
  } else {
    const prefix = parseValue(words[0], { type: "ip6_prefix" }, context);
    if ("error" in prefix) return null;
    ({ length } = prefix.value);
    address = prefix.value.address.map(
      (byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))),
    );
  }
  let gateway: Address | null = null;
  let rest = words.slice(1);
  const hop = rest[0] === undefined ? null : parseGateway(rest[0], family, context);
  if (hop !== null) {
    rest = rest.slice(1);
    if (hop !== "none") gateway = hop;
  }
  if (rest.length > 1) return null;
  if (rest.length === 0) return { address, length, gateway, output: -1 };
  const output = parseValue(rest[0], { type: "int" }, context);
  return "error" in output ? null : { address, length, gateway, output: output.value };
}

function parseGateway(word: string, family: 4 | 6, context: ArgContext): Address | "none" | null {
  if (word === "-") return "none";
  if (family === 4) {
    const parsed = parseValue(word, { type: "ip" }, context);
    return "error" in parsed ? null : parsed.value || "none";
  }
  const parsed = parseValue(word, { type: "ip6" }, context);
  if ("error" in parsed) return null;
  return parsed.value.some((byte) => byte !== 0) ? parsed.value : "none";
}

function same(a: Address | null, b: Address | null): boolean {
  if (a === null || b === null || typeof a === "number" || typeof b === "number") return a === b;
  return a.every((byte, i) => byte === b[i]);
}

type Command = "add" | "set" | "remove";

export abstract class RoutingElement extends Element {
  /** The family and its words. */
  protected abstract readonly routing: RouteFamily;
  #table: RouteTable | null = null;
  /** The routes of its configuration. */
  #declared: readonly Route[] = [];
  #complaints = 0;
  #noRoute = 0;

  protected get table(): RouteTable {
    this.#table ??= new RouteTable(this.memory, this.routing.family);
    return this.#table;
  }

  /** Takes the routes of the configuration. Of two with the same prefix the first counts, as in Click. */
  protected configureRoutes(texts: readonly string[], errors: ErrorSink): void {
    const { family, expected } = this.routing;
    const declared: Route[] = [];
    let doubles = 0;
    for (const [i, text] of texts.entries()) {
      const route = this.graph.read(this, this.routing, text, (context) => parseRoute(text, family, context));
      if (route === null || (route.output < 0 && splitSpaces(text).length < 2))
        errors.error(`argument ${i + 1} should be ${expected}`);
      else if (route.output < 0 || route.output >= this.noutputs)
        errors.error(`argument ${i + 1} bad OUTPUT`);
      else if (this.table.exact(route.address, route.length) !== null) doubles++;
      else {
        this.table.set(route);
        declared.push(route);
      }
    }
    if (doubles > 0)
      errors.warning(`${doubles} ${doubles === 1 ? "route" : "routes"} replaced by later versions`);
    this.#declared = declared;
    this.#noRoute = this.counterAddress("no_route");
  }

  override cleanup(): void {
    this.#table?.destroy();
    this.#table = null;
  }

  /**
   * The old element's table goes on, so that routes added while it ran stay. Where the configurations differ, the
   * routes that only the old one declared leave it, and the new one's replace those of the same prefix.
   */
  override takeState(old: Element): void {
    if (!(old instanceof RoutingElement) || old.#table === null) return;
    const table = old.#table;
    if (old.config !== this.config) {
      for (const { address, length, gateway, output } of old.#declared) {
        const now = table.exact(address, length);
        if (now !== null && now.output === output && same(now.gateway, gateway))
          table.remove(address, length);
      }
      for (const route of this.#declared) table.set(route);
    }
    if (this.noutputs < old.noutputs) {
      const gone = [...table.routes()].filter((route) => route.output >= this.noutputs);
      for (const { address, length } of gone) table.remove(address, length);
    }
    // The table of the new configuration goes with the old element.
    old.#table = this.#table;
    this.#table = table;
  }

  override push(_port: number, batch: Batch): void {
    const table = this.#table!;
    const { kernels } = this.memory;
    let missed: number;
    if (table.family === 4) {
      kernels.lpm4LookupAnno(table.prefixes.address, batch.address, batch.count);
      missed = kernels.routeApply4(table.records, batch.address, batch.count);
    } else {
      kernels.lpm6LookupAnno(table.prefixes.address, batch.address, batch.count);
      missed = kernels.routeApply6(table.records, batch.address, batch.count);
    }
    if (missed > 0 && this.#complaints < COMPLAINTS) this.#complain(batch);
    this.dispatch(batch, this.#noRoute);
  }

  #complain(batch: Batch): void {
    for (let i = 0; i < batch.count && this.#complaints < COMPLAINTS; i++) {
      const slot = batch.at(i);
      if (this.memory.u16[(slot + SLOT_PORT) >>> 1] !== PORT_DROP) continue;
      this.#complaints++;
      const at = slot + SLOT_ANNO + ANNO_DST_IP;
      const wanted =
        this.routing.family === 4 ? this.memory.view.getUint32(at) : this.memory.u8.slice(at, at + 16);
      this.router.log(`${this.routing.complaint}: no route for ${textOf(wanted)}`);
    }
  }

  // ---- Handlers ----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      add: { write: (text) => void this.#command("add", text) },
      set: { write: (text) => void this.#command("set", text) },
      remove: { write: (text) => void this.#command("remove", text) },
      ctrl: { write: (text) => this.#control(text) },
      lookup: { read: (text) => this.#lookup(text) },
      table: { read: () => this.#list() },
    };
  }

  /** Does one command; returns what undoes it. Throws HandlerError. */
  #command(command: Command, text: string): () => void {
    const { table } = this;
    const removing = command === "remove";
    const route = parseRoute(uncomment(text), this.routing.family, this.graph.argContext(this));
    if (route === null || (!removing && route.output < 0 && splitSpaces(uncomment(text)).length < 2))
      throw failure(`expected 'ADDR/MASK [GATEWAY${removing ? " OUTPUT]" : "] OUTPUT"}'`);
    if (route.output < (removing ? -1 : 0) || route.output >= this.noutputs) throw failure("bad OUTPUT");
    const old = table.exact(route.address, route.length);
    if (removing) {
      const meant =
        old !== null &&
        (route.output < 0 || (old.output === route.output && same(old.gateway, route.gateway)));
      if (old === null || !meant) throw failure(`route '${this.#text(route)}' not found`);
      table.remove(route.address, route.length);
      return () => void table.set(old);
    }
    if (old !== null && command === "add") throw failure(`conflict with existing route '${this.#text(old)}'`);
    table.set(route);
    return () => void (old === null ? table.remove(route.address, route.length) : table.set(old));
  }

  #control(text: string): void {
    const done: (() => void)[] = [];
    try {
      for (const line of text.split("\n")) {
        const [command, route] = shiftSpaces(line);
        if (command === "") continue;
        if (command !== "add" && command !== "set" && command !== "remove")
          throw failure(`bad command '${command}'`);
        done.push(this.#command(command, route));
      }
    } catch (e) {
      for (const undo of done.reverse()) undo();
      throw e;
    }
  }

  #lookup(text: string): string {
    const type = this.routing.family === 4 ? "ip" : "ip6";
    const parsed = parseValue(uncomment(text).trim(), { type }, this.graph.argContext(this));
    if ("error" in parsed) throw failure("expected IP address");
    const route = this.table.lookup(parsed.value);
    if (route === null) return "-1";
    return route.gateway === null ? String(route.output) : `${route.output} ${textOf(route.gateway)}`;
  }

  #list(): string {
    const lines: string[] = [];
    for (const route of this.table.routes()) {
      const prefix = `${textOf(route.address)}/${route.length}`;
      const gateway = route.gateway === null ? "-" : textOf(route.gateway);
      const wide = this.routing.columns;
      const first = wide && prefix.length < 16 ? "\t\t" : "\t";
      const second = wide && gateway.length < 8 ? "\t\t" : "\t";
      lines.push(`${prefix}${first}${gateway}${second}${route.output}\n`);
    }
    return lines.join("");
  }

  #text({ address, length, gateway, output }: Route): string {
    return `${textOf(address)}/${length} ${gateway === null ? "-" : textOf(gateway)} ${output}`;
  }
}

function textOf(address: Address): string {
  return addressText(addressBytes(address));
}

function failure(message: string): HandlerError {
  return new HandlerError("FAILED", message);
}
