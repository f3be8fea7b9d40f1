// The manager of one service: the service, its API, and what the program knows of it from outside.

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { metricsText } from "../api/metrics.js";
import type { ApplyBody } from "../api/routes.js";
import { ApiServer } from "../api/server.js";
import type { ServiceDescriptor } from "../descriptor/model.js";
import { inside, parseDescriptor, parseFault } from "../descriptor/read.js";
import { Service, ServiceError } from "../service/service.js";
import { processRuns, processStart, type ServiceFolder } from "../state/folder.js";
import { Ledger } from "../state/ledger.js";
import type { World } from "../world.js";

export interface ManagerOptions {
  readonly world: World;
  readonly folder: ServiceFolder;
  /** TCP port of the API; 0: any that is free. */
  readonly port: number;
  readonly clickpath?: string;
}

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
  #resolve: () => void = () => {};
  #ending: Promise<void> | null = null;

  private constructor(
    service: Service,
    folder: ServiceFolder,
    ledger: Ledger,
    api: ApiServer,
    token: string,
  ) {
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
   * Instantiates the service of `descriptor` and offers its API; nothing is started yet. What a killed manager left of
   * a service of the same name is taken away first. Rejects with ServiceError when one runs, or with ConfigurationError.
   */
  static async instantiate(descriptor: ServiceDescriptor, options: ManagerOptions): Promise<Manager> {
    const { folder, world, port, clickpath } = options;
    const other = folder.read();
    if (other !== null && processRuns(other.pid, other.started))
      throw new ServiceError(
        "RUNS",
        `service '${descriptor.name}' runs already (process ${other.pid}): 'sluice down ${descriptor.name}' ends it`,
      );
    const ledger = new Ledger(folder.ledgerFile);
    await ledger.release();
    folder.remove();
    folder.create();
    const service = await Service.instantiate(descriptor, { world, clickpath, book: ledger });
    let manager: Manager | null = null;
    const actions = {
      apply: (body: ApplyBody) => manager!.#apply(body),
      terminate: async () => manager!.#terminateSoon(),
      fault: (document: unknown) => manager!.#fault(document),
      metrics: () => metricsText(service),
    };
    const token = folder.newToken();
    const api = await ApiServer.listen({ service, actions, token, port });
    manager = new Manager(service, folder, ledger, api, token);
    folder.write({
      name: descriptor.name,
      pid: process.pid,
      started: processStart(process.pid),
      url: api.url,
      file: resolve(descriptor.file),
      since: new Date().toISOString(),
    });
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
      await this.#ledger.release();
    } finally {
      await this.#api.close();
      this.#folder.remove();
      this.#resolve();
    }
  }

  /** After the caller has its answer. */
  #terminateSoon(): void {
    setImmediate(() => void this.terminate());
  }

  async #apply(body: ApplyBody): Promise<string[]> {
    const { file } = this.service.descriptor;
    if ("descriptor" in body) return this.service.apply(parseDescriptor(body.descriptor, file, this.#root));
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
    return this.service.apply(parseDescriptor(text, path, this.#root));
  }

  #fault(document: unknown): void {
    for (const fault of parseFault(document, this.service.descriptor)) this.service.schedule(fault);
  }
}

/** The folder in which the descriptor and all graphs lie. */
function commonFolder(descriptor: ServiceDescriptor): string {
  const files = [resolve(descriptor.file), ...[...descriptor.functions.values()].map((f) => f.graph)];
  let folder = dirname(files[0]);
  while (!files.every((f) => f.startsWith(folder === "/" ? "/" : `${folder}/`))) folder = dirname(folder);
  return folder;
}
