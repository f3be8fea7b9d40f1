// Notifiers: how an element that waits for packets (or for room) sleeps until there are some.

import type { Element } from "./element.js";
import { searchDownstream, searchUpstream } from "./flow.js";

/** What a notifier wakes: a task, or an element between that passes the word on. */
export interface Listener {
  reschedule(): void;
}

/** `empty`: packets may be pulled. `full`: packets may be pushed. Click's names. */
export type SignalKind = "empty" | "full";

/** One element's announcement that pulling (or pushing) is worth while. */
export class Notifier {
  #active: boolean;
  readonly #listeners: Listener[] = [];

  /** A notifier starts active unless it is made asleep. */
  constructor(active = true) {
    this.#active = active;
  }

  get active(): boolean {
    return this.#active;
  }

  listen(listener: Listener): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  /** Announces that it is worth while; listeners that slept run again. */
  wake(): void {
    if (this.#active) return;
    this.#active = true;
    for (const listener of this.#listeners) listener.reschedule();
  }

  /** Announces that it is not. */
  sleep(): void {
    this.#active = false;
  }
}

/** What a listener asks: is any of the notifiers upstream (downstream) active? Busy when some element has none. */
export class Signal {
  readonly #notifiers: readonly Notifier[];
  readonly #busy: boolean;

  constructor(notifiers: readonly Notifier[], busy: boolean) {
    this.#notifiers = notifiers;
    this.#busy = busy;
  }

  /** False only when every source is known to be asleep. */
  get active(): boolean {
    if (this.#busy) return true;
    for (const notifier of this.#notifiers) if (notifier.active) return true;
    return false;
  }
}

/**
 * The signal for pulls by `element` on input `port`: found by walking upstream along flows until elements that
 * have an `empty` notifier. `task` is rescheduled when one of them wakes.
 */
export function upstreamEmptySignal(element: Element, port: number, task?: Listener): Signal {
  const notifiers: Notifier[] = [];
  let busy = false;
  searchUpstream(element, port, (found, output) => {
    const notifier = found.notifier("empty", output);
    if (notifier !== null) {
      notifiers.push(notifier);
      return "stop";
    }
    // Where pull becomes push, or flow begins, nobody can say: always busy.
    if (!found.isPullOutput(output) || found.ninputs === 0) {
      if (found.spec.flags?.includes("S0") !== true) busy = true;
      return "stop";
    }
    if (!found.inputs.some((_, i) => found.isPullInput(i))) {
      busy = true;
      return "stop";
    }
    return "go";
  });
  if (task !== undefined) for (const notifier of notifiers) notifier.listen(task);
  return new Signal(notifiers, busy);
}

/** The signal for pushes by `element` from output `port`: active while some queue downstream has room. */
export function downstreamFullSignal(element: Element, port: number, task?: Listener): Signal {
  const notifiers: Notifier[] = [];
  let busy = false;
  searchDownstream(element, port, (found, input) => {
    const notifier = found.notifier("full", input);
    if (notifier !== null) {
      notifiers.push(notifier);
      return "stop";
    }
    if (found.isPullInput(input) || found.noutputs === 0) {
      busy = true;
      return "stop";
    }
    return "go";
  });
  if (task !== undefined) for (const notifier of notifiers) notifier.listen(task);
  return new Signal(notifiers, busy || notifiers.length === 0);
}
