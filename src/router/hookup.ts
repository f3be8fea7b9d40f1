// Checks of a graph's connections, in Click's order and words: port counts, push and pull, completeness.

import type { Diagnostic } from "../lang/diagnostics.js";
import type { FlatConnection } from "../lang/flat.js";
import type { Element } from "./element.js";
import { flows } from "./flow.js";

export type Personality = "push" | "pull" | "agnostic";

interface PortRange {
  readonly low: number;
  readonly high: number;
}

function problem(code: string, message: string, hint?: string): Diagnostic {
  return { severity: "error", code, landmark: null, message, hint };
}

function side(text: string): PortRange {
  const dash = text.indexOf("-");
  if (dash < 0) return { low: Number(text), high: Number(text) };
  return {
    low: dash === 0 ? 0 : Number(text.slice(0, dash)),
    high: dash === text.length - 1 ? Number.POSITIVE_INFINITY : Number(text.slice(dash + 1)),
  };
}

/**
 * Click's port-count code: `1/1`, `1-2/0`, `1/-6`, `2-/-`, `3` (both sides), `1-/=` (as many outputs as inputs),
 * `1-/=+` (one more). Gives the numbers of ports an element has when `inputs` and `outputs` are connected.
 */
export function portNumbers(
  code: string,
  inputs: number,
  outputs: number,
): { inputs: number; outputs: number } {
  const slash = code.indexOf("/");
  const first = slash < 0 ? code : code.slice(0, slash);
  const second = slash < 0 ? code : code.slice(slash + 1);
  const ins = side(first);
  let n = Math.min(Math.max(inputs, ins.low), ins.high);
  if (second.startsWith("=")) {
    // The outputs may be what asks for more inputs.
    const extra = second.length - 1;
    n = Math.min(Math.max(n, outputs - extra), ins.high);
    return { inputs: n, outputs: n + extra };
  }
  const outs = side(second);
  return { inputs: n, outputs: Math.min(Math.max(outputs, outs.low), outs.high) };
}

/** Sets every element's port numbers; complains of connections to ports it does not have, and returns the others. */
export function checkPorts(
  elements: readonly Element[],
  connections: readonly FlatConnection[],
  problems: Diagnostic[],
): FlatConnection[] {
  const ins = elements.map(() => 0);
  const outs = elements.map(() => 0);
  for (const c of connections) {
    outs[c.from] = Math.max(outs[c.from], c.fromPort + 1);
    ins[c.to] = Math.max(ins[c.to], c.toPort + 1);
  }
  for (const e of elements) {
    const n = portNumbers(e.portCount(), ins[e.index], outs[e.index]);
    e.ninputs = n.inputs;
    e.noutputs = n.outputs;
  }
  const said = new Set<string>();
  return connections.filter((c) => {
    const missing: string[] = [];
    const [from, to] = [elements[c.from], elements[c.to]];
    if (c.fromPort >= from.noutputs) missing.push(`'${from.declaration}' has no output ${c.fromPort}`);
    if (c.toPort >= to.ninputs) missing.push(`'${to.declaration}' has no input ${c.toPort}`);
    for (const message of missing) {
      if (said.has(message)) continue;
      said.add(message);
      problems.push(problem("no-such-port", message));
    }
    return missing.length === 0;
  });
}

/** The personalities `code` gives to `count` ports. */
function personalities(code: string, count: number): Personality[] {
  const letters = { h: "push", l: "pull", a: "agnostic" } as const;
  return Array.from({ length: count }, (_, i) => letters[(code[i] ?? code.at(-1)) as "h" | "l" | "a"]);
}

function bothSides(code: string): [string, string] {
  const slash = code.indexOf("/");
  return slash < 0 ? [code, code] : [code.slice(0, slash), code.slice(slash + 1)];
}

/** What the processing code of `element` says of each of its ports. */
export function portKinds(element: Element): {
  readonly inputs: readonly Personality[];
  readonly outputs: readonly Personality[];
} {
  const [ins, outs] = bothSides(element.processing());
  return { inputs: personalities(ins, element.ninputs), outputs: personalities(outs, element.noutputs) };
}

interface PortNode {
  readonly element: Element;
  readonly output: boolean;
  readonly port: number;
  readonly agnostic: boolean;
  personality: Personality;
  /** Ports that must be of the same kind: the far ends, and agnostic ports its packets flow through to. */
  readonly ties: PortNode[];
}

const describe = (n: PortNode): string => `${n.personality} ${n.output ? "output" : "input"} ${n.port}`;

/** Decides push or pull for every port; complains of conflicts. */
export function resolvePersonalities(
  elements: readonly Element[],
  connections: readonly FlatConnection[],
  problems: Diagnostic[],
): void {
  const nodes = elements.map((element) => {
    const { inputs, outputs } = portKinds(element);
    const make = (output: boolean) => (personality: Personality, port: number) => ({
      element,
      output,
      port,
      personality,
      agnostic: personality === "agnostic",
      ties: [] as PortNode[],
    });
    return {
      ins: inputs.map(make(false)),
      outs: outputs.map(make(true)),
    };
  });
  for (const e of elements) {
    for (const a of nodes[e.index].ins) {
      if (!a.agnostic) continue;
      for (const b of nodes[e.index].outs) {
        if (!b.agnostic || !flows(e.flow(), a.port, b.port)) continue;
        a.ties.push(b);
        b.ties.push(a);
      }
    }
  }
  for (const c of connections) {
    const [a, b] = [nodes[c.from].outs[c.fromPort], nodes[c.to].ins[c.toPort]];
    a.ties.push(b);
    b.ties.push(a);
  }
  const all = nodes.flatMap((n) => [...n.ins, ...n.outs]);
  // Breadth first from every fixed port at once, so that a conflict shows where the two sides meet.
  const work = all.filter((n) => n.personality !== "agnostic");
  const said = new Set<string>();
  for (let next = 0; next < work.length; next++) {
    const at = work[next];
    for (const tied of at.ties) {
      if (tied.personality === "agnostic") {
        tied.personality = at.personality;
        work.push(tied);
      } else if (tied.personality !== at.personality) {
        complain(at, tied, said, problems);
      }
    }
  }
  for (const n of all) if (n.personality === "agnostic") n.personality = "push";
  for (const e of elements) {
    const pull = (n: PortNode) => n.personality === "pull";
    e.setPersonality(nodes[e.index].ins.map(pull), nodes[e.index].outs.map(pull));
  }
}

function complain(a: PortNode, b: PortNode, said: Set<string>, problems: Diagnostic[]): void {
  let message: string;
  if (a.element === b.element && a.output !== b.output && a.agnostic && b.agnostic) {
    const [input, output] = a.output ? [b, a] : [a, b];
    message = `agnostic '${a.element.declaration}' in mixed context: ${describe(input)}, ${describe(output)}`;
  } else {
    const [from, to] = a.output ? [a, b] : [b, a];
    message = `'${from.element.declaration}' ${describe(from)} connected to '${to.element.declaration}' ${describe(to)}`;
  }
  if (said.has(message)) return;
  said.add(message);
  problems.push(
    problem(
      "push-pull-conflict",
      message,
      "put a Queue where push meets pull, an Unqueue where pull meets push",
    ),
  );
}

/** Complains of unconnected ports, and of push outputs and pull inputs with more than one peer. */
export function checkCompleteness(
  elements: readonly Element[],
  connections: readonly FlatConnection[],
  problems: Diagnostic[],
): void {
  const used = new Map<string, number>();
  // The same connection written twice is one connection.
  const distinct = new Set(connections.map((c) => `${c.from}.${c.fromPort}.${c.to}.${c.toPort}`));
  for (const c of distinct) {
    const [from, fromPort, to, toPort] = c.split(".");
    for (const end of [`o${from}.${fromPort}`, `i${to}.${toPort}`]) used.set(end, (used.get(end) ?? 0) + 1);
  }
  for (const e of elements) {
    const check = (output: boolean, count: number): void => {
      const kind = output ? "output" : "input";
      for (let port = 0; port < count; port++) {
        const n = used.get(`${output ? "o" : "i"}${e.index}.${port}`) ?? 0;
        const pull = output ? e.isPullOutput(port) : e.isPullInput(port);
        if (n === 0) problems.push(problem("unused-port", `'${e.declaration}' ${kind} ${port} unused`));
        else if (n > 1 && pull !== output)
          problems.push(
            problem(
              "port-reuse",
              `illegal reuse of '${e.declaration}' ${pull ? "pull" : "push"} ${kind} ${port}`,
            ),
          );
      }
    };
    check(false, e.ninputs);
    check(true, e.noutputs);
  }
}
