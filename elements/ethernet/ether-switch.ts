import { SWITCH_NO_SLOT } from "../../assembly/ether-switch-layout.js";
import { PORT_ALL } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { MAX_PORTS, Stations } from "../../src/packet/stations.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  TIMEOUT: {
    type: "seconds",
    default: "300",
    max: 86400 * 365,
    doc: "time after which a station not heard of is forgotten; 0: nothing is learned, all frames go to all ports",
  },
  CAPACITY: { type: "unsigned", default: "4096", min: 4, max: 1048576, doc: "stations it knows at most" },
} as const;

/**
 * A learning Ethernet switch with as many ports as it has inputs and outputs.
 *
 * From the source address of a frame it learns the port of a station; a frame to a station that it knows leaves on
 * that station's port only, all others leave on every port but the one they came in on. A frame whose station is on
 * the port that it came from is dropped.
 *
 * The table of stations has a fixed size. Where it is full, the station that was not heard of for longest (of four
 * that share a place) makes room. Ages are those of the router's clock, not of the frames' timestamps as in Click.
 * There is no spanning tree: switches in a loop send frames round for ever.
 *
 * @input any Ethernet frames from port N
 * @output N Ethernet frames to port N
 * @example
 * Idle -> [0] s :: EtherSwitch [0] -> Discard;
 * Idle -> [1] s [1] -> Discard;
 * Idle -> [2] s [2] -> Discard;
 * @see LineSwitch, Tee, HostEtherFilter
 */
export class EtherSwitch extends Element {
  static readonly spec = {
    ports: "-/=",
    processing: "h/h",
    flow: "#/[^#]",
    args,
    counters: {
      flooded: "frames sent to all ports but their own",
      replaced: "stations that made room for others before their time",
    },
    drops: {
      same_port: "its station is on the port that it came from",
      short: "shorter than an Ethernet header",
      no_slot: "the packet pool was exhausted, so a copy was not made",
    },
    handlers: {
      table: { read: true, doc: "a line a station, by address: hardware address, port" },
      timeout: { read: true, write: true, doc: "seconds after which a station not heard of is forgotten" },
      clear: { write: true, button: true, doc: "forgets all stations" },
    },
  } as const satisfies ElementSpec;

  #stations: Stations | null = null;
  readonly #noSlot = this.state + SWITCH_NO_SLOT;

  override configure({ CAPACITY, TIMEOUT }: ArgValues<typeof args>, errors: ErrorSink): void {
    if (this.noutputs > MAX_PORTS) errors.error(`a switch has at most ${MAX_PORTS} ports`);
    this.#stations = new Stations(this.memory, CAPACITY, TIMEOUT, this.router.random.u32());
  }

  override cleanup(_stage: CleanupStage): void {
    this.#stations?.destroy();
    this.#stations = null;
  }

  /** Stations stay where they are while the ports are the same in number. */
  override takeState(old: Element): void {
    if (!(old instanceof EtherSwitch) || old.noutputs !== this.noutputs || old.#stations === null) return;
    this.#stations!.take(old.#stations, Array.from(this.outputs.keys()));
  }

  override push(port: number, batch: Batch): void {
    const { kernels } = this.memory;
    const now = Stations.ticks(this.router.clock.recent);
    const table = this.#stations!.address;
    const common = kernels.etherSwitch(this.state, table, batch.address, batch.count, port, now);
    if (common >= 0 && common < this.noutputs) {
      this.outputs[common].push(batch);
      return;
    }
    if (common === PORT_ALL) {
      this.#flood(port, batch);
      return;
    }
    const all = this.router.batches.acquire();
    all.count = kernels.batchSplit(batch.address, batch.count, PORT_ALL, all.address);
    batch.count -= all.count;
    this.#flood(port, all);
    this.router.batches.release(all);
    this.dispatch(batch);
  }

  /** Sends `batch` to all outputs but `port`; the last of them gets the packets themselves. */
  #flood(port: number, batch: Batch): void {
    if (batch.count === 0) return;
    const last = port === this.noutputs - 1 ? port - 1 : this.noutputs - 1;
    for (let i = 0; i < last; i++) {
      if (i !== port) this.pushCopies(i, batch, this.#noSlot);
    }
    if (last >= 0) this.outputs[last].push(batch);
    else batch.kill();
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      table: { read: () => this.#stations!.text(this.router.clock.recent, String) },
      timeout: valueHandler(
        args.TIMEOUT,
        () => this.#stations!.timeout,
        (seconds) => {
          this.#stations!.timeout = seconds;
        },
      ),
      clear: { write: () => this.#stations!.clear() },
    };
  }
}
