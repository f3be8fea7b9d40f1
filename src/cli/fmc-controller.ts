// The controller of a running Follow-Me Cloud, as the commands talk to it: the handlers of its elements, by class.

import { nearest } from "../lang/nearest.js";
import type { ApiClient } from "../vnf/api/client.js";
import type { FunctionView } from "../vnf/api/routes.js";
import type { InstanceStats } from "../vnf/instance/protocol.js";
import { CommandError } from "./command.js";
import type { OptionSpec } from "./options.js";
import { asking, connect, SERVICE_OPTIONS } from "./running.js";

/** The options of every command that asks a controller. */
export const CONTROLLER_OPTIONS: readonly OptionSpec[] = [
  {
    long: "function",
    value: "yes",
    valueName: "NAME",
    doc: "the controller (default: the function that has a Follow-Me Cloud's elements)",
  },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

/** The elements that commands ask. */
export type ControllerClass = "FMCCatalogue" | "FMCMobilityTracker" | "FMCDecision" | "FMCMigration";

const MORE = "more: ";

export class Controller {
  readonly name: string;
  readonly #api: ApiClient;
  /** Its elements: name by class. */
  readonly #elements: ReadonlyMap<string, string>;

  constructor(name: string, api: ApiClient, elements: ReadonlyMap<string, string>) {
    this.name = name;
    this.#api = api;
    this.#elements = elements;
  }

  /** Throws CommandError: it has no such element. */
  #path(className: ControllerClass, handler: string): string {
    const element = this.#elements.get(className);
    if (element === undefined) throw new CommandError(`${this.name} has no ${className}`);
    return `/v1/functions/${encodeURIComponent(this.name)}/handlers/${encodeURIComponent(`${element}.${handler}`)}`;
  }

  async read(className: ControllerClass, handler: string, parameters = ""): Promise<string> {
    const path = this.#path(className, handler);
    const query = parameters === "" ? "" : `?${new URLSearchParams({ parameters })}`;
    return (await asking(this.#api.get<{ readonly value: string }>(`${path}${query}`))).value;
  }

  async write(className: ControllerClass, handler: string, value: string): Promise<void> {
    await asking(this.#api.call("PUT", this.#path(className, handler), { value }));
  }

  /** The objects of a handler that lists one a line, all of its parts. */
  async objects<T>(className: ControllerClass, handler: string, parameters = ""): Promise<T[]> {
    const found: T[] = [];
    for (let from = parameters; ; ) {
      const lines = (await this.read(className, handler, from)).split("\n").filter((line) => line !== "");
      const next = lines.at(-1)?.startsWith(MORE) ? lines.pop()!.slice(MORE.length) : null;
      for (const line of lines) found.push(JSON.parse(line) as T);
      if (next === null) return found;
      from = next;
    }
  }

  /** Names of the catalogue's entries of a kind. */
  async names(kind: "dc" | "vm"): Promise<string[]> {
    const entries = await this.objects<{ readonly name: string }>("FMCCatalogue", "entries_json", kind);
    return entries.map(({ name }) => name);
  }

  /** Throws CommandError where the catalogue has no such entry, with the name that may be meant. */
  async expect(kind: "dc" | "vm", name: string): Promise<void> {
    const known = await this.names(kind);
    if (known.includes(name)) return;
    const what = kind === "dc" ? "data centre" : "virtual machine";
    const near = nearest(name, known);
    const hint = near !== null ? `is it '${near}'?` : known.length > 0 ? some(known) : "there is none";
    throw new CommandError(`there is no ${what} '${name}' (${hint})`);
  }
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return `there ${names.length === 1 ? "is" : "are"} ${shown}${names.length > 10 ? ", ..." : ""}`;
}

/** The controller that the options name, or the only one there is. Throws CommandError. */
export async function controllerOf(options: ReadonlyMap<string, string>): Promise<Controller> {
  const api = connect(options);
  const functions = await asking(api.get<FunctionView[]>("/v1/functions"));
  const named = options.get("function");
  if (named !== undefined && !functions.some(({ name }) => name === named))
    throw new CommandError(
      `there is no function '${named}' (there are: ${functions.map((f) => f.name).join(", ")})`,
    );
  const found: Controller[] = [];
  for (const { name, state } of functions) {
    if ((named !== undefined && name !== named) || state !== "started") continue;
    const { elements } = await asking(
      api.get<InstanceStats>(`/v1/functions/${encodeURIComponent(name)}/stats`),
    );
    const classes = new Map(elements.map((e) => [e.className, e.name]));
    if (classes.has("FMCCatalogue")) found.push(new Controller(name, api, classes));
  }
  if (found.length === 1) return found[0];
  if (found.length > 1)
    throw new CommandError(
      `several functions are controllers (${found.map((c) => c.name).join(", ")}): say which with --function`,
    );
  throw new CommandError(
    named === undefined
      ? "no function that runs in this service is a Follow-Me Cloud's controller (conf/fmc-controller.click)"
      : `${named} is no controller, or does not run: it has no FMCCatalogue`,
  );
}
