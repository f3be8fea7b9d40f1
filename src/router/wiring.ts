// The connections of a graph, resolved: how many ports each element has, which of them pull, and what they lead to.

import type { Diagnostic } from "../lang/diagnostics.js";
import type { FlatConnection } from "../lang/flat.js";
import type { Element } from "./element.js";
import { checkCompleteness, checkPorts, resolvePersonalities } from "./hookup.js";

/** The far end of a connection: an element by its index, and its port. */
export interface FarPort {
  readonly index: number;
  readonly port: number;
}

/** What was found of one element, and the codes that it follows from. */
interface Resolved {
  readonly portCount: string;
  readonly processing: string;
  readonly flow: string;
  readonly ninputs: number;
  readonly noutputs: number;
  readonly pullInputs: readonly boolean[];
  readonly pullOutputs: readonly boolean[];
}

export interface Wiring {
  readonly elements: readonly Resolved[];
  /** Per element and port: the far ends, in the order of the connections. */
  readonly sources: readonly (readonly (readonly FarPort[])[])[];
  readonly targets: readonly (readonly (readonly FarPort[])[])[];
}

/** Gives every element its ports; reports what is wrong, and then the result must not be used. */
export function wire(
  elements: readonly Element[],
  flat: readonly FlatConnection[],
  problems: Diagnostic[],
): Wiring {
  const connections = checkPorts(elements, flat, problems);
  resolvePersonalities(elements, connections, problems);
  checkCompleteness(elements, connections, problems);
  const sources = elements.map((e) => Array.from({ length: e.ninputs }, (): FarPort[] => []));
  const targets = elements.map((e) => Array.from({ length: e.noutputs }, (): FarPort[] => []));
  for (const c of connections) {
    targets[c.from][c.fromPort].push({ index: c.to, port: c.toPort });
    sources[c.to][c.toPort].push({ index: c.from, port: c.fromPort });
  }
  return { elements: elements.map(resolved), sources, targets };
}

function resolved(e: Element): Resolved {
  const { ninputs, noutputs } = e;
  return {
    portCount: e.portCount(),
    processing: e.processing(),
    flow: e.flow(),
    ninputs,
    noutputs,
    pullInputs: Array.from({ length: ninputs }, (_, i) => e.isPullInput(i)),
    pullOutputs: Array.from({ length: noutputs }, (_, i) => e.isPullOutput(i)),
  };
}

/** Gives every element the ports that its namesake had in `wiring`; false when one of them asks for others. */
export function rewire(elements: readonly Element[], wiring: Wiring): boolean {
  if (elements.length !== wiring.elements.length) return false;
  for (const e of elements) {
    const r = wiring.elements[e.index];
    if (e.portCount() !== r.portCount) return false;
    e.ninputs = r.ninputs;
    e.noutputs = r.noutputs;
    if (e.processing() !== r.processing || e.flow() !== r.flow) return false;
    e.setPersonality(r.pullInputs, r.pullOutputs);
  }
  return true;
}
