// A flat graph as configuration text: what Click prints for `-o` and in its
// `flatconfig` handler.

import { quote } from "./args/text.js";
import type { FlatGraph } from "./flat.js";

/** The graph as text that parses to the same graph. */
export function flatText(graph: FlatGraph): string {
  const out: string[] = [];
  const requirements = graph.requirements.filter((r) => r.kind !== "library");
  if (requirements.length > 0) {
    const words = requirements.map((r) => (r.value === "" ? r.kind : `${r.kind} ${quote(r.value)}`));
    out.push(`require(${words.join(", ")});\n\n`);
  }
  for (const { name, className, config } of graph.elements) {
    out.push(`${name} :: ${className}${config === "" ? "" : `(${config})`};\n`);
  }
  if (graph.elements.length > 0) out.push("\n");
  chains(graph, out);
  return out.join("");
}

/** Long chains first: from each connection that nothing leads to, on and on while output leads to input. */
function chains(graph: FlatGraph, out: string[]): void {
  const { connections, elements } = graph;
  const key = (element: number, port: number) => `${element}:${port}`;
  const leaving = new Map<string, number[]>();
  connections.forEach(({ from, fromPort }, i) => {
    const list = leaving.get(key(from, fromPort));
    if (list === undefined) leaving.set(key(from, fromPort), [i]);
    else list.push(i);
  });
  const starts = connections.map(() => true);
  // A chain goes on from [0]x to x[0], best to another [0], else to the last connection there is.
  const follower = new Map<string, number>();
  for (const [place, list] of leaving) {
    follower.set(place, list.find((i) => connections[i].toPort === 0) ?? list[list.length - 1]);
  }
  const next = connections.map((c, i) => {
    const place = key(c.to, 0);
    let result = c.toPort === 0 ? (follower.get(place) ?? -1) : -1;
    if (result === i) {
      const others = leaving.get(place)!.filter((d) => d !== i);
      result = others.find((d) => connections[d].toPort === 0) ?? others[others.length - 1] ?? -1;
    }
    if (result >= 0) starts[result] = false;
    return result;
  });
  const used = connections.map(() => false);
  const chain = (first: number) => {
    const { from, fromPort } = connections[first];
    out.push(elements[from].name, fromPort > 0 ? ` [${fromPort}]` : "");
    for (let d = first; d >= 0 && !used[d]; d = next[d]) {
      const { to, toPort } = connections[d];
      out.push(d === first ? " -> " : "\n    -> ", toPort > 0 ? `[${toPort}] ` : "", elements[to].name);
      used[d] = true;
    }
    out.push(";\n");
  };
  for (let i = 0; i < connections.length; i++) if (starts[i] && !used[i]) chain(i);
  // What is left are loops: each is opened at its first connection.
  for (let i = 0; i < connections.length; i++) if (!used[i]) chain(i);
}
