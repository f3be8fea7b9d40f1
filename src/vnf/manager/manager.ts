// The manager of one service: the service, its API, and what the program knows of it from outside.

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { checkArgument, checkOptions, FUNCTION, having, type Kind, PORT, TEXT } from "../../options.js";
import { systemError } from "../../router/system-error.js";
import { NotOwnError } from "../../system/own-files.js";
import { processIdentity, processRuns } from "../../system/processes.js";
import { metricsText } from "../api/metrics.js";
import type { ApplyBody } from "../api/routes.js";
import { ApiServer } from "../api/server.js";
import { DESCRIPTOR, type ServiceDescriptor } from "../descriptor/model.js";
import { inside, parseDescriptor, parseFault } from "../descriptor/read.js";
import { ServiceError } from "../service/error.js";
import { Service } from "../service/service.js";
import { type ServiceFolder, type ServiceRecord, StateError } from "../state/folder.js";
import { Ledger } from "../state/ledger.js";
import { WORLD, type World } from "../world.js";

export interface ManagerOptions {
  readonly world: World;
  readonly folder: ServiceFolder;
  /** TCP port of the API; 0: any that is free. */
  readonly port: number;
  readonly clickpath?: string;
  /** What is otherwise than descriptors say, those that are applied later, too. Default: nothing. */
  readonly adjust?: (descriptor: ServiceDescriptor) => ServiceDescriptor;
}

const OPTION_KINDS: Readonly<Record<keyof ManagerOptions, Kind>> = {
  world: WORLD,
  folder: having("a ServiceFolder", "claim", "write", "remove"),
  port: PORT,
  clickpath: TEXT,
  adjust: FUNCTION,
};

export class Manager {
  readonly service: Service;
  readonly url: string;
  /** What the API's callers must show. */
  readonly token: string;
  /** Resolves when the service is terminated, by the API or `terminate`. */
  readonly terminated: Promise<void>;
  readonly #folder: ServiceFolder;
  readonly #ledger: Ledger;
  readonly #api: ApiServer;
  /** What callers of the API may name lies in here. */
  readonly #root: string;
  readonly #adjust: (descriptor: ServiceDescriptor) => ServiceDescriptor;
  #resolve: () => void = () => {};
  #ending: Promise<void> | null = null;

  private constructor(
    service: Service,
    folder: ServiceFolder,
    ledger: Ledger,
    api: ApiServer,
    token: string,
    adjust: (descriptor: ServiceDescriptor) => ServiceDescriptor,
  ) {
    this.#adjust = adjust;
    this.service = service;
    this.#folder = folder;
    this.#ledger = ledger;
    this.#root = commonFolder(service.descriptor);
    this.terminated = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#api = api;
    this.url = api.url;
    this.token = token;
  }

  /**
   * Instantiates the service of the descriptor `given` and offers its API; nothing is started yet. What a killed manager left of
   * a service of the same name is taken away first. Rejects with ServiceError when one runs, or the folder or the port
   * cannot be had, with ConfigurationError, or with DeviceError; nothing is left then.
   */
  static async instantiate(given: ServiceDescriptor, options: ManagerOptions): Promise<Manager> {
    checkArgument("Manager.instantiate", "the descriptor", given, DESCRIPTOR);
    checkOptions("Manager.instantiate", options, OPTION_KINDS, ["world", "folder", "port"]);
    const { folder, adjust = same } = options;
    const descriptor = adjust(given);
    await claim(folder, descriptor);
    const ledger = new Ledger(folder.ledgerFile);
    try {
      return await Manager.#make(descriptor, options, ledger);
    } catch (e) {
      await released(ledger, folder);
      throw e;
    }
  }

  static async #make(
    descriptor: ServiceDescriptor,
    { folder, world, port, clickpath, adjust = same }: ManagerOptions,
    ledger: Ledger,
  ): Promise<Manager> {
    const service = await Service.instantiate(descriptor, { world, clickpath, book: ledger });
    let manager: Manager | null = null;
    const actions = {
      apply: (body: ApplyBody) => manager!.#apply(body),
      terminate: async () => manager!.#terminateSoon(),
      fault: (document: unknown) => manager!.#fault(document),
      metrics: (pairs: boolean) => metricsText(service, pairs),
    };
    const token = folder.newToken();
    try {
      const api = await ApiServer.listen({ service, actions, token, port });
      manager = new Manager(service, folder, ledger, api, token, adjust);
    } catch (e) {
      await service.terminate();
      throw new ServiceError("PORT", `the API cannot have port ${port}: ${systemError(e)}`);
    }
    folder.write(recordOf(descriptor, manager.url));
    return manager;
  }

  /** Terminates the service, its API, and all trace of both. Once. */
  terminate(): Promise<void> {
    this.#ending ??= this.#terminate();
    return this.#ending;
  }

  async #terminate(): Promise<void> {
    try {
      await this.service.terminate();
    } finally {
      await this.#api.close();
      await released(this.#ledger, this.#folder);
      this.#resolve();
    }
  }

  /** After the caller has its answer. */
  #terminateSoon(): void {
    setImmediate(() => void this.terminate());
  }

  async #apply(body: ApplyBody): Promise<string[]> {
    const { file } = this.service.descriptor;
    const apply = (text: string, from: string): Promise<string[]> =>
      this.service.apply(this.#adjust(parseDescriptor(text, from, this.#root)));
    if ("descriptor" in body) return apply(body.descriptor, file);
    const path = resolve(dirname(file), body.file);
    let text: string;
    try {
      if (!inside(path, this.#root))
        throw new ServiceError("OUTSIDE", `${path} lies outside of ${this.#root}`);
      text = readFileSync(path, "utf8");
    } catch (e) {
      if (e instanceof ServiceError) throw e;
      throw new ServiceError("NO_FILE", `${path} cannot be read`);
    }
    return apply(text, path);
  }

  #fault(document: unknown): void {
    const faults = parseFault(document, this.service.descriptor);
    if (this.service.world.simulation === null && faults.some((f) => f.kind === "store"))
      throw new ServiceError("UNSUPPORTED", "stores can be made to fail under --simtime only");
    for (const fault of faults) this.service.schedule(fault);
  }
}

function same<T>(thing: T): T {
  return thing;
}

/** Takes away what is left of this process's service. What cannot be stays noted, for 'sluice down'. */
async function released(ledger: Ledger, folder: ServiceFolder): Promise<void> {
  const { stays } = await ledger.release();
  if (stays.length === 0) folder.remove(processIdentity(process.pid));
}

/**
 * Makes the service's folder its own, after what a killed manager left in it is away. Rejects with ServiceError or
 * StateError, and takes away nothing, where the folder is something else, or holds something else.
 */
async function claim(folder: ServiceFolder, descriptor: ServiceDescriptor): Promise<void> {
  const { name } = descriptor;
  try {
    while (!folder.claim(recordOf(descriptor, ""))) {
      const left = folder.read();
      if (left === null) continue;
      if (processRuns(left))
        throw new ServiceError(
          "RUNS",
          `service '${name}' runs already (process ${left.pid}): 'sluice down ${name}' ends it`,
        );
      const foreign = folder.foreign();
      if (foreign.length > 0)
        throw new ServiceError(
          "FOLDER",
          `${folder.path} is not taken over: it holds what is no service's: ${foreign.join(", ")}`,
        );
      const { stays } = await new Ledger(folder.ledgerFile).release();
      if (stays.length > 0)
        throw new ServiceError("LEFT", `a killed manager left what cannot be removed: ${stays.join("; ")}`);
      folder.remove(left);
    }
  } catch (e) {
    if (e instanceof ServiceError || e instanceof StateError) throw e;
    const why = e instanceof NotOwnError ? "is not used" : "cannot be written";
    throw new ServiceError(
      "FOLDER",
      `${folder.path} ${why}: ${systemError(e)} (--state or SLUICE_STATE name another place)`,
    );
  }
}

function recordOf(descriptor: ServiceDescriptor, url: string): ServiceRecord {
  return {
    name: descriptor.name,
    ...processIdentity(process.pid),
    url,
    file: resolve(descriptor.file),
    since: new Date().toISOString(),
  };
}

/** The folder in which the descriptor and all graphs lie. */
function commonFolder(descriptor: ServiceDescriptor): string {
  const files = [resolve(descriptor.file), ...[...descriptor.functions.values()].map((f) => f.graph)];
  let folder = dirname(files[0]);
  while (!files.every((f) => f.startsWith(folder === "/" ? "/" : `${folder}/`))) folder = dirname(folder);
  return folder;
}
