// The public library of services: `import ... from "sluice/services"`. Apart from `sluice`, whose importers (plug-ins
// among them) need no YAML.

export { OptionError } from "../options.js";
export type {
  EndPair,
  Fault,
  FaultDescriptor,
  FunctionDescriptor,
  Impairments,
  Isolation,
  LinkDescriptor,
  PairDescriptor,
  PathImpairments,
  ServiceDescriptor,
} from "./descriptor/model.js";
export { parseDescriptor, readDescriptor } from "./descriptor/read.js";
export { type End, type Instance, InstanceError } from "./instance/instance.js";
export type { InstanceStats, Protocol } from "./instance/protocol.js";
export { Manager, type ManagerOptions } from "./manager/manager.js";
export { ServiceError } from "./service/error.js";
export type { ManagedFunction } from "./service/function.js";
export { serviceOrchestrator } from "./service/orchestrator.js";
export { type LinkConditions, type PairView, Service, type ServiceOptions } from "./service/service.js";
export { ServiceFolder, StateError } from "./state/folder.js";
export { RealWorld, SimulatedWorld, type World } from "./world.js";
