// Signals of the operating system, shared by the program (stop on Ctrl-C) and by elements that wait for them.

import { constants } from "node:os";

export interface Signals {
  /** The number of this process. */
  readonly pid: number;
  /** Sends signal number `signo` to process `pid`. Throws what the system says against it. */
  send(pid: number, signo: number): void;
  /** The number of `name` (`INT`, `SIGINT`); undefined when the system has none of that name. */
  number(name: string): number | undefined;
  /**
   * Calls `handler` each time signal number `signo` arrives, in place of what was called for it before; that
   * returns when the function it gives is called. Undefined when there is no such signal, or it cannot be caught.
   */
  catch(signo: number, handler: () => void): (() => void) | undefined;
}

/** The signals of this process. One object may serve any number of routers: the newest handlers get the signal. */
export class ProcessSignals implements Signals {
  readonly #handlers = new Map<NodeJS.Signals, (() => void)[]>();

  get pid(): number {
    return process.pid;
  }

  send(pid: number, signo: number): void {
    process.kill(pid, signo);
  }

  number(name: string): number | undefined {
    const full = name.startsWith("SIG") ? name : `SIG${name}`;
    return (constants.signals as Record<string, number | undefined>)[full];
  }

  catch(signo: number, handler: () => void): (() => void) | undefined {
    const entry = Object.entries(constants.signals).find(([, n]) => n === signo);
    if (entry === undefined) return undefined;
    const signal = entry[0] as NodeJS.Signals;
    let handlers = this.#handlers.get(signal);
    if (handlers === undefined) {
      handlers = [];
      this.#handlers.set(signal, handlers);
    }
    const list = handlers;
    const listener = (): void => {
      if (list[list.length - 1] === handler) handler();
    };
    try {
      process.on(signal, listener);
    } catch {
      return undefined;
    }
    list.push(handler);
    return () => {
      process.removeListener(signal, listener);
      const at = list.lastIndexOf(handler);
      if (at >= 0) list.splice(at, 1);
    };
  }
}
