// Joins what goes into a compound or group with what is inside: connections to
// the faces of a compound become connections between real elements.

import { type Compound, type Connection, TUNNEL } from "./definition.js";
import { ExpansionLimit } from "./expand.js";
import { MAX_CONNECTIONS } from "./limits.js";
import type { Report } from "./report.js";
import type { Faces } from "./whole-configuration.js";

/** One port of one face, seen from the side that connections use. */
interface End {
  readonly element: number;
  readonly port: number;
  readonly output: boolean;
  /** The same port seen from the other side of the face. */
  other: End | null;
  /** What the connections at `other` lead to, as element, port, element, port, … */
  readonly peers: number[];
  /** Real ports behind this one, in the same form; null while not known. */
  real: number[] | null;
  visiting: boolean;
}

export class Tunnels {
  readonly #top: Compound;
  readonly #report: Report;
  /** By element * 2 + 1 where it is used as output, then by port. */
  readonly #ends: (Map<number, End> | undefined)[] = [];
  /** For each face, numbered likewise, the element on its other side. */
  readonly #partners = new Map<number, number>();
  #copied = 0;

  constructor(top: Compound, faces: readonly Faces[], report: Report) {
    this.#top = top;
    this.#report = report;
    for (const { outer, input, output } of faces) {
      this.#partners.set(outer * 2, input);
      this.#partners.set(input * 2 + 1, outer);
      this.#partners.set(output * 2, outer);
      this.#partners.set(outer * 2 + 1, output);
    }
  }

  /** The connections between real elements; element numbers are still those of the compound. */
  join(): Connection[] {
    const { connections, elements } = this.#top;
    for (const { from, fromPort, to, toPort } of connections) {
      if (elements[to].type === TUNNEL) this.#end(to, toPort, false)?.other?.peers.push(from, fromPort);
      if (elements[from].type === TUNNEL) this.#end(from, fromPort, true)?.other?.peers.push(to, toPort);
    }
    const joined: Connection[] = [];
    for (const connection of connections) {
      const { from, fromPort, to, toPort, landmark } = connection;
      if (elements[from].type !== TUNNEL && elements[to].type !== TUNNEL) {
        joined.push(connection);
        continue;
      }
      const sources = this.#real(from, fromPort, true);
      const sinks = this.#real(to, toPort, false);
      for (let s = 0; s < sources.length; s += 2) {
        for (let t = 0; t < sinks.length; t += 2) {
          if (joined.length >= MAX_CONNECTIONS) {
            throw new ExpansionLimit(`configuration has more than ${MAX_CONNECTIONS} connections`);
          }
          joined.push({
            from: sources[s],
            fromPort: sources[s + 1],
            to: sinks[t],
            toPort: sinks[t + 1],
            landmark,
          });
        }
      }
    }
    return joined;
  }

  #end(element: number, port: number, output: boolean): End | null {
    const side = element * 2 + (output ? 1 : 0);
    const known = this.#ends[side]?.get(port);
    if (known !== undefined) return known;
    const partner = this.#partners.get(side);
    if (partner === undefined) return null;
    const end = this.#make(element, port, output);
    const other = this.#make(partner, port, !output);
    end.other = other;
    other.other = end;
    return end;
  }

  #make(element: number, port: number, output: boolean): End {
    const end: End = { port, element, output, other: null, peers: [], real: null, visiting: false };
    const side = element * 2 + (output ? 1 : 0);
    this.#ends[side] ??= new Map();
    this.#ends[side].set(port, end);
    return end;
  }

  #real(element: number, port: number, output: boolean): readonly number[] {
    if (this.#top.elements[element].type !== TUNNEL) return [element, port];
    const end = this.#end(element, port, output);
    if (end !== null) return this.#follow(end);
    if (this.#partners.has(element * 2 + (output ? 0 : 1))) {
      const { name, landmark } = this.#top.elements[element];
      this.#report.error("pseudo-element", landmark, `'${name}' used as ${output ? "output" : "input"}`);
    }
    return [];
  }

  /** Real ports behind `first`. A loop of faces leads nowhere. */
  #follow(first: End): readonly number[] {
    if (first.real !== null) return first.real;
    const stack: { end: End; at: number; out: number[] }[] = [];
    const enter = (end: End) => {
      end.visiting = true;
      if (end.peers.length === 0) this.#unconnected(end);
      stack.push({ end, at: 0, out: [] });
    };
    enter(first);
    while (stack.length > 0) {
      const frame = stack[stack.length - 1];
      const { end, at } = frame;
      if (at >= end.peers.length) {
        end.real = frame.out;
        stack.pop();
        continue;
      }
      const element = end.peers[at];
      const port = end.peers[at + 1];
      if (this.#top.elements[element].type !== TUNNEL) frame.out.push(element, port);
      else {
        const peer = this.#end(element, port, end.output);
        if (peer === null) this.#real(element, port, end.output);
        else if (peer.real === null && !peer.visiting) {
          enter(peer);
          continue; // and look at the same peer again, then known
        } else if (peer.real !== null) {
          // Alone it needs no copy, so that a long chain of groups stays cheap.
          if (end.peers.length === 2) frame.out = peer.real;
          else {
            this.#copied += peer.real.length;
            if (this.#copied > MAX_CONNECTIONS * 4) {
              throw new ExpansionLimit(`configuration has more than ${MAX_CONNECTIONS} connections`);
            }
            for (const n of peer.real) frame.out.push(n);
          }
        }
      }
      frame.at += 2;
    }
    return first.real ?? [];
  }

  #unconnected(end: End): void {
    const { elements } = this.#top;
    const [into, out] = end.output ? [end.other!, end] : [end, end.other!];
    const inner = elements[into.element];
    const outer = elements[out.element];
    if (`${inner.name}/input` === outer.name) {
      const message = end.output ? `input ${into.port} unused` : `has no input ${into.port}`;
      this.#report.error("compound-port", inner.landmark, `'${inner.name}' ${message}`);
    } else if (inner.name === `${outer.name}/output`) {
      const message = end.output ? `has no output ${out.port}` : `output ${out.port} unused`;
      this.#report.error("compound-port", outer.landmark, `'${outer.name}' ${message}`);
    }
  }
}
