// The public library.

import { readFileSync } from "node:fs";
import { KernelAlarms } from "./device/alarms.js";
import { Loader } from "./loader.js";
import { checkArgument, OPTIONS, TEXT } from "./options.js";
import { RealClock } from "./router/clock.js";
import { type RouterOptions as CoreOptions, Router as CoreRouter } from "./router/router.js";

export * as layout from "../assembly/layout.js";
export {
  type Announcement,
  type GuestSpec,
  type GuestState,
  type GuestStatus,
  HYPERVISOR,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "./cloud/hypervisor.js";
export {
  MIGRATION_STREAMS,
  type MigrationStreams,
  STREAM_CREDIT,
  type StreamCarrier,
  type StreamEvents,
} from "./cloud/migration-streams.js";
export {
  type FunctionStatus,
  ORCHESTRATOR,
  type Orchestrator,
  OrchestratorError,
} from "./cloud/orchestrator.js";
export { type LinkOptions, makeLink } from "./device/link.js";
export { ARPCache } from "./device/neighbours/arp-cache.js";
export type { ArpTableOffer } from "./device/neighbours/offers.js";
export { MapProvider, SystemProvider } from "./device/provider.js";
export type { ArgSpec, ArgSpecs, ArgTypes, ArgValues } from "./lang/args/spec.js";
export { ConfigurationError, type Diagnostic, diagnosticText, type Landmark } from "./lang/diagnostics.js";
export { Loader, PLUGIN_API } from "./loader.js";
export { type Measurement, type MeasurementListener, MeasurementStream } from "./measure/measurements.js";
export { type PathDocument, PathDocumentError, parsePathDocument } from "./measure/path-document.js";
export type { PathsOffer } from "./measure/path-offer.js";
export { Path, type PathReport, type PathState, PathTable } from "./measure/path-table.js";
export {
  type JitterSummary,
  LOST,
  type RttSummary,
  SampleWindow,
  type WindowSummary,
} from "./measure/sample-window.js";
export { OptionError } from "./options.js";
export { BATCH_MAX, Batch } from "./packet/batch.js";
export { MemoryError, type MemoryOptions, PacketMemory } from "./packet/memory.js";
export { Packet } from "./packet/packet.js";
export { KernelError } from "./packet/plugin-kernels.js";
export { type Clock, RealClock, SimulatedClock } from "./router/clock.js";
export { type Device, DeviceError, type DeviceOptions, type DeviceProvider } from "./router/device.js";
export {
  type CleanupStage,
  Element,
  type ElementClass,
  type ElementInit,
  type ErrorSink,
} from "./router/element.js";
export { Facilities, Facility, FacilityError, type FacilityProvider } from "./router/facility.js";
export { type Handler, type HandlerCode, HandlerError } from "./router/handler.js";
export type { Offers, ToDeviceOffer } from "./router/offers.js";
export { RouterError } from "./router/router-error.js";
export { Simulation, SimulationError } from "./router/simulation.js";
export type { ElementSpec, HandlerSpec } from "./router/spec.js";
export { Task } from "./router/task.js";
export { Timer } from "./router/timer.js";
export { VERSION } from "./router/version.js";
export { LispControlError } from "./wire/lisp-control/error.js";
export {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "./wire/lisp-control/message.js";

/** Everything a router can be made with; the element loader is the built-in one unless another is given. */
export type RouterOptions = Omit<CoreOptions, "loader"> & { readonly loader?: Loader };

/** A router, made from a configuration in Click's language. */
export class Router extends CoreRouter {
  constructor(options: RouterOptions = {}) {
    checkArgument("Router", "the options", options, OPTIONS);
    const { loader = new Loader(), clock = new RealClock(new KernelAlarms()) } = options;
    super({ ...options, loader, clock });
  }

  /** Makes and initializes a router from configuration text. Throws ConfigurationError with everything that is wrong. */
  static async fromText(text: string, options: RouterOptions = {}): Promise<Router> {
    const router = new Router(options);
    await router.start(text);
    return router;
  }

  /** Makes and initializes a router from a configuration file. */
  static fromFile(file: string, options: RouterOptions = {}): Promise<Router> {
    checkArgument("Router.fromFile", "the file's name", file, TEXT);
    return Router.fromText(readFileSync(file, "latin1"), { file, ...options });
  }
}
