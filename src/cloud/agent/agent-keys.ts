// The keys of an agent, as configurations write them.

import { addKey, parseKey } from "../../lisp/control/keys.js";
import type { AgentKey } from "./controller.js";

/** `orders`, `looks`: texts `[ID:]SECRET` of keys that may order, and of those that may only look; empty ones are none. Throws KeyError. */
export function parseAgentKeys(orders: readonly string[], looks: readonly string[]): readonly AgentKey[] {
  const known: AgentKey["key"][] = [];
  const read = (text: string, mayOrder: boolean): AgentKey[] => {
    const key = parseKey(text);
    if (key === null) return [];
    addKey(known, key);
    return [{ key, mayOrder }];
  };
  return [...orders.flatMap((text) => read(text, true)), ...looks.flatMap((text) => read(text, false))];
}
