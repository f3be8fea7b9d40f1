// sluice check: everything that can be wrong with a configuration, without starting it.

import { createHash } from "node:crypto";
import { splitArgs, unquote } from "../lang/args/text.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import { Loader, libraryReader } from "../loader.js";
import type { PacketMemory } from "../packet/memory.js";
import { SimulatedClock } from "../router/clock.js";
import { type AddressKind, type Device, type DeviceProvider, NO_DEVICES } from "../router/device.js";
import type { Graph } from "../router/graph.js";
import { Router } from "../router/router.js";
import { type Command, UsageError } from "./command.js";
import { INPUT_OPTIONS, type Input, readInput, variable } from "./input.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import { type ReportFormat, report } from "./report.js";

const OPTIONS: readonly OptionSpec[] = [
  ...INPUT_OPTIONS,
  { long: "json", doc: "print what is wrong as JSON" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice check [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Reads a configuration, makes its elements and checks their arguments,
connections, push and pull; opens no device, capture or socket and runs nothing. Keys
that stand in files or in the environment must be there.
Exit status 0 when it is right, 1 when it is not.

Options:
${optionHelp(OPTIONS)}
`;

/** The devices of a configuration that is not going to run: none opens, but those it names have addresses. */
class AbsentDevices implements DeviceProvider {
  readonly #names = new Set<string>();

  /** Learns the names of the devices that `graph` would open. */
  learn(graph: Graph): void {
    for (const { className, config } of graph.elements)
      if (/^(From|To)Device$/.test(className)) this.#names.add(unquote(splitArgs(config)[0] ?? ""));
  }

  open(name: string, memory: PacketMemory): Device {
    return NO_DEVICES.open(name, memory);
  }

  address(name: string, kind: AddressKind): Uint8Array | null {
    return this.#names.has(name) ? addressLike(name, { ether: 6, ip: 4, ip6: 16 }[kind]) : null;
  }

  close(): void {}
}

/** An address that stands for the one of device `name`: others' differ. */
function addressLike(name: string, size: number): Uint8Array {
  return new Uint8Array(createHash("sha256").update(name).digest().subarray(0, size));
}

export interface CheckSettings {
  readonly input: Input;
  readonly format: ReportFormat;
  readonly router: Router;
  readonly devices: AbsentDevices;
  /** Print secrets as they are written. */
  readonly secrets: boolean;
}

/** Reads the words that `check` and `flatten` share, and the configuration; the router has no graph yet. */
export function checkSettings(words: readonly string[], options: readonly OptionSpec[]): CheckSettings {
  let file: string | null = null;
  let expression: string | null = null;
  let format: ReportFormat = "text";
  let path = process.env.CLICKPATH ?? "";
  let secrets = false;
  const variables: Record<string, string> = {};
  for (const { name, value } of parseOptions(words, options)) {
    const assignment = name === null ? variable(value) : null;
    if (assignment !== null) variables[assignment[0]] = assignment[1];
    else if (name === null || name === "file") {
      if (file !== null) throw new UsageError("router configuration specified twice");
      file = value;
    } else if (name === "expression") expression = value;
    else if (name === "clickpath") path = value;
    else if (name === "json") format = "json";
    else if (name === "secrets") secrets = true;
  }
  const input = readInput(file, expression);
  const devices = new AbsentDevices();
  const router = new Router({
    file: input.file,
    loader: new Loader(),
    clock: new SimulatedClock(),
    devices,
    variables,
    readLibrary: libraryReader(path),
  });
  return { input, format, router, devices, secrets };
}

/** Prints what is wrong, for a terminal with its place shown; the exit status is 1. */
export function printProblems(error: ConfigurationError, format: ReportFormat, input: Input): number {
  const stream = format === "json" ? process.stdout : process.stderr;
  stream.write(report(error.diagnostics, format, stream.isTTY && format === "text" ? input : undefined));
  return 1;
}

async function run(words: readonly string[]): Promise<number> {
  const { input, format, router, devices } = checkSettings(words, OPTIONS);
  try {
    const graph = await router.prepare(input.text, input.file);
    devices.learn(graph);
    graph.configure();
    graph.close();
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return printProblems(e, format, input);
  } finally {
    router.close();
  }
  if (format === "json") process.stdout.write("[]\n");
  return 0;
}

export const command: Command = { help: HELP, run };
