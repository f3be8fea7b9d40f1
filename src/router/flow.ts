// Walks along the graph: which elements packets come from and go to.

import type { Element } from "./element.js";

/** `go`: walk on past this element; `stop`: not beyond it. */
export type Step = "go" | "stop";

/**
 * Does flow code `code` let a packet that came in on `input` leave on `output`?
 * Codes: letters match letters, `[abc]` any of them, `[^abc]` none of them, `#` its own port number; the
 * last item repeats; inputs and outputs are parted by `/`.
 */
export function flows(code: string, input: number, output: number): boolean {
  const [ins, outs] = splitFlow(code);
  const a = flowItem(ins, input);
  const b = flowItem(outs, output);
  return a.letters.some((letter) => b.letters.includes(letter) !== b.inverted);
}

interface FlowItem {
  readonly letters: readonly string[];
  readonly inverted: boolean;
}

function splitFlow(code: string): [string, string] {
  const slash = code.indexOf("/");
  return slash < 0 ? [code, code] : [code.slice(0, slash), code.slice(slash + 1)];
}

function flowItem(items: string, port: number): FlowItem {
  let found: FlowItem = { letters: [], inverted: false };
  let i = 0;
  for (let n = 0; i < items.length && n <= port; n++) {
    if (items[i] === "[") {
      const end = items.indexOf("]", i);
      const inverted = items[i + 1] === "^";
      found = { letters: [...items.slice(i + (inverted ? 2 : 1), end < 0 ? undefined : end)], inverted };
      i = end < 0 ? items.length : end + 1;
    } else {
      found = { letters: [items[i]], inverted: false };
      i++;
    }
  }
  return { letters: found.letters.map((x) => (x === "#" ? `#${port}` : x)), inverted: found.inverted };
}

/**
 * Visits, breadth first, every (element, output) from which packets can reach `element`'s input `port`.
 * Each is visited once; the visitor says whether to walk past it.
 */
export function searchUpstream(
  element: Element,
  port: number,
  visit: (found: Element, output: number) => Step,
): void {
  search(
    element,
    port,
    visit,
    (e, p) => e.graph.sourcesOf(e, p),
    (e, output) => portsWhere(e.ninputs, (i) => flows(e.flow(), i, output)),
  );
}

/** Visits every (element, input) that packets leaving `element`'s output `port` can reach. */
export function searchDownstream(
  element: Element,
  port: number,
  visit: (found: Element, input: number) => Step,
): void {
  search(
    element,
    port,
    visit,
    (e, p) => e.graph.targetsOf(e, p),
    (e, input) => portsWhere(e.noutputs, (o) => flows(e.flow(), input, o)),
  );
}

export interface PortOf {
  readonly element: Element;
  readonly port: number;
}

function search(
  element: Element,
  port: number,
  visit: (found: Element, port: number) => Step,
  across: (element: Element, port: number) => readonly PortOf[],
  through: (element: Element, port: number) => number[],
): void {
  const seen = new Set<string>();
  const queue: PortOf[] = [{ element, port }];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const far of across(at.element, at.port)) {
      const key = `${far.element.index}:${far.port}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (visit(far.element, far.port) === "stop") continue;
      for (const next of through(far.element, far.port)) queue.push({ element: far.element, port: next });
    }
  }
}

function portsWhere(count: number, test: (port: number) => boolean): number[] {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) if (test(i)) ports.push(i);
  return ports;
}
