import type { ArgValues } from "../../src/lang/args/spec.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  PORT: {
    type: "unsigned",
    positional: true,
    rest: true,
    min: 1,
    max: 65535,
    doc: "UDP ports to hold, over IPv4 and IPv6",
  },
} as const;

/**
 * Keeps the host's kernel from answering UDP packets that the graph takes care of.
 *
 * For a graph that shares an interface's address with the kernel: the kernel sees the same packets as FromDevice, and
 * answers those to a port without a socket with "port unreachable". This element binds sockets to the ports and never
 * reads them. In a simulation, or on links inside the process, there is no such kernel and it does nothing.
 *
 * @example HoldUDPPorts(4341, 4342)
 * @see FromDevice
 */
export class HoldUDPPorts extends Element {
  static readonly spec = { ports: "0/0", args } as const satisfies ElementSpec;

  #ports: readonly number[] = [];
  #release: (() => void) | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#ports = values.PORT;
    if (values.PORT.length === 0) errors.error("PORT: required argument missing");
  }

  override initialize(errors: ErrorSink): void {
    // A graph that replaces another takes over the sockets of its namesake.
    if (this.hotswapElement instanceof HoldUDPPorts) return;
    this.#hold(errors);
  }

  override takeState(old: Element, errors: ErrorSink): void {
    if (!(old instanceof HoldUDPPorts)) return;
    old.cleanup("router-initialized");
    this.#hold(errors);
  }

  override cleanup(_stage: CleanupStage): void {
    this.#release?.();
    this.#release = null;
  }

  #hold(errors: ErrorSink): void {
    try {
      this.#release = this.router.devices.holdUdpPorts?.(this.#ports) ?? null;
    } catch (e) {
      errors.error((e as Error).message);
    }
  }
}
