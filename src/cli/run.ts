// sluice run: Click's driver.

import { closeSync, openSync, writeSync } from "node:fs";
import { SystemProvider } from "../device/provider.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import type { FlatElement } from "../lang/flat.js";
import { flatText } from "../lang/flat-text.js";
import { Loader } from "../loader.js";
import { RealClock, SimulatedClock } from "../router/clock.js";
import { HandlerError, readHandler } from "../router/handler.js";
import { Router } from "../router/router.js";
import { VERSION } from "../router/version.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { selectHandlers } from "./handlers.js";
import { libraryReader, readInput, systemMessage, variable } from "./input.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import { type ReportFormat, report, verdict } from "./report.js";

const OPTIONS: readonly OptionSpec[] = [
  {
    long: "file",
    short: "f",
    value: "yes",
    valueName: "FILE",
    doc: "read the configuration from FILE ('-': standard input)",
  },
  { long: "expression", short: "e", value: "yes", valueName: "EXPR", doc: "use EXPR as the configuration" },
  {
    long: "handler",
    short: "h",
    value: "yes",
    valueName: "ELEMENT.H",
    doc: "after running, print read handler H",
  },
  {
    long: "exit-handler",
    short: "x",
    value: "yes",
    valueName: "ELEMENT.H",
    doc: "exit with the status that handler H gives",
  },
  {
    long: "output",
    short: "o",
    value: "yes",
    valueName: "FILE",
    doc: "write the flattened configuration to FILE",
  },
  { long: "quit", short: "q", doc: "do not run the router, only start it" },
  { long: "time", short: "t", doc: "say how long it ran" },
  { long: "no-warnings", short: "w", doc: "print no warnings" },
  {
    long: "allow-reconfigure",
    short: "R",
    doc: "let the 'hotconfig' handler replace the running configuration",
  },
  {
    long: "port",
    short: "p",
    value: "yes",
    valueName: "PORT",
    doc: "serve handlers on a TCP port ('PORT+': or a later one)",
  },
  {
    long: "unix-socket",
    short: "u",
    value: "yes",
    valueName: "FILE",
    doc: "serve handlers on a Unix socket",
  },
  {
    long: "socket",
    value: "yes",
    valueName: "FD",
    doc: "serve handlers on a descriptor that is open already",
  },
  {
    long: "simtime",
    value: "maybe",
    valueName: "TIME",
    doc: "simulate time, from TIME (default 1000000000) seconds",
  },
  {
    long: "seed",
    value: "yes",
    valueName: "N",
    doc: "seed of the random numbers in simulated time (default 0)",
  },
  {
    long: "clickpath",
    short: "C",
    value: "yes",
    valueName: "PATH",
    doc: "folders with libraries, parted by ':'",
  },
  {
    long: "memory",
    value: "yes",
    valueName: "MIB",
    doc: "address space for packets and tables (default 256)",
  },
  { long: "format", value: "yes", valueName: "FORMAT", doc: "how to print errors: text (default) or json" },
  { long: "version", short: "v", doc: "print the version and exit" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice [run] [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Runs a router configuration in Click's language until something stops it.
VAR=VALUE gives the configuration's variable $VAR a value. Without ROUTERFILE
and -e the configuration is read from standard input.

Options:
${optionHelp(OPTIONS)}

Examples:
  sluice -e 'InfiniteSource(LIMIT 5) -> Print(x) -> Discard'
  sluice conf/ip-router.click ETH0=veth0 ETH1=veth1
`;

interface Settings {
  file: string | null;
  expression: string | null;
  readonly handlers: string[];
  exitHandler: string | null;
  output: string | null;
  quit: boolean;
  time: boolean;
  warnings: boolean;
  hotSwap: boolean;
  readonly control: Omit<FlatElement, "name" | "landmark">[];
  simtime: number | null;
  seed: number;
  clickpath: string;
  memory: number;
  format: ReportFormat;
  readonly variables: Record<string, string>;
}

function settings(words: readonly string[]): Settings | "version" {
  const s: Settings = {
    file: null,
    expression: null,
    handlers: [],
    exitHandler: null,
    output: null,
    quit: false,
    time: false,
    warnings: true,
    hotSwap: false,
    control: [],
    simtime: null,
    seed: 0,
    clickpath: process.env.CLICKPATH ?? "",
    memory: 256,
    format: "text",
    variables: {},
  };
  const control = (config: string): void => {
    s.control.push({ className: "ControlSocket", config });
  };
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    switch (name) {
      case "file":
        if (s.file !== null) throw new UsageError("router configuration specified twice");
        s.file = value;
        break;
      case "expression":
        if (s.expression !== null) throw new UsageError("router configuration specified twice");
        s.expression = value;
        break;
      case "handler":
        s.handlers.push(value);
        break;
      case "exit-handler":
        s.exitHandler = value;
        break;
      case "output":
        s.output = value;
        break;
      case "quit":
        s.quit = true;
        break;
      case "time":
        s.time = true;
        break;
      case "no-warnings":
        s.warnings = false;
        break;
      case "allow-reconfigure":
        s.hotSwap = true;
        break;
      case "port":
        control(`TCP, ${value}`);
        break;
      case "unix-socket":
        control(`UNIX, ${value}`);
        break;
      case "socket":
        control(`SOCKET, ${value}`);
        break;
      case "simtime":
        s.simtime = value === "" ? 1_000_000_000 : number(value, "--simtime", 0);
        break;
      case "seed":
        s.seed = number(value, "--seed", 0);
        break;
      case "clickpath":
        s.clickpath = value;
        break;
      case "memory":
        s.memory = number(value, "--memory", 1);
        break;
      case "format":
        if (value !== "text" && value !== "json")
          throw new UsageError(`--format is text or json, not ‘${value}’`);
        s.format = value;
        break;
      case "version":
        return "version";
      default: {
        const assignment = variable(value);
        if (assignment !== null) s.variables[assignment[0]] = assignment[1];
        else if (s.file !== null) throw new UsageError("router configuration specified twice");
        else s.file = value;
      }
    }
  }
  return s;
}

function number(text: string, option: string, least: number): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n) || n < least)
    throw new UsageError(`${option} needs a number of at least ${least}, not ‘${text}’`);
  return n;
}

async function makeRouter(s: Settings, text: string, file: string): Promise<Router> {
  const landmark = { file: "<command line>", line: 1 };
  const router = new Router({
    file,
    loader: new Loader(),
    clock: s.simtime === null ? new RealClock() : new SimulatedClock(s.simtime),
    seed: s.seed,
    devices: new SystemProvider(),
    memory: { bytes: s.memory * 2 ** 20 },
    variables: s.variables,
    readLibrary: libraryReader(s.clickpath),
    hotSwap: s.hotSwap,
    warnings: s.warnings,
    // Click's name for the elements that its options add.
    extra: s.control.map((c, i) => ({
      ...c,
      landmark,
      name: `click_driver@@ControlSocket${i === 0 ? "" : `@${i}`}`,
    })),
  });
  await router.start(text);
  return router;
}

async function run(words: readonly string[]): Promise<number> {
  const s = settings(words);
  if (s === "version") {
    process.stdout.write(`sluice ${VERSION}\n`);
    return 0;
  }
  const { text, file } = readInput(s.file, s.expression);
  let router: Router;
  try {
    router = await makeRouter(s, text, file);
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    const forPeople = process.stderr.isTTY && s.format === "text" ? text : undefined;
    process.stderr.write(
      report(e.diagnostics, s.format, forPeople) + (s.format === "text" ? verdict(e) : ""),
    );
    return 1;
  }
  try {
    return await drive(router, s, file);
  } finally {
    router.close();
  }
}

async function drive(router: Router, s: Settings, file: string): Promise<number> {
  if (router.elements.length === 0 && s.warnings)
    process.stderr.write(`warning: ${file}: configuration has no elements, exiting\n`);
  if (s.output !== null) writeOut(s.output, flatText(router.graph.flat));
  const started = performance.now();
  const before = process.cpuUsage();
  if (!s.quit && router.elements.length > 0) await untilStopped(router);
  if (s.time) {
    const { user, system } = process.cpuUsage(before);
    const real = (performance.now() - started) / 1000;
    process.stdout.write(
      `${(user / 1e6).toFixed(3)}u ${(system / 1e6).toFixed(3)}s ${Math.floor(real / 60)}:${(real % 60).toFixed(2).padStart(5, "0")}\n`,
    );
  }
  let status = 0;
  try {
    const selected = s.handlers.flatMap((h) => selectHandlers(router, h));
    for (const { path, handler } of selected) {
      const value = readHandler(handler);
      const line = value === "" || value.endsWith("\n") || handler.spec.raw ? value : `${value}\n`;
      process.stdout.write(selected.length === 1 ? line : `${path}:\n${line}\n`);
    }
    if (s.exitHandler !== null) status = exitStatus(router, s.exitHandler);
  } catch (e) {
    if (!(e instanceof HandlerError)) throw e;
    process.stderr.write(`${e.message}\n`);
    return 1;
  }
  return status;
}

/** Runs the router; the first interrupt stops it in order, a second ends the process. */
async function untilStopped(router: Router): Promise<void> {
  const stop = (): void => {
    process.once("SIGINT", () => process.exit(130));
    router.driver.interrupt();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    await router.run();
  } finally {
    process.removeAllListeners("SIGINT");
    process.removeAllListeners("SIGTERM");
  }
}

function writeOut(file: string, text: string): void {
  if (file === "-") {
    process.stdout.write(text);
    return;
  }
  try {
    const fd = openSync(file, "w");
    writeSync(fd, text, null, "latin1");
    closeSync(fd);
  } catch (e) {
    throw new CommandError(`${file}: ${systemMessage(e)}`);
  }
}

/** The exit status that handler `path` asks for: an integer, or a truth value (true = 0). */
function exitStatus(router: Router, path: string): number {
  const value = router.read(path).trim();
  if (/^-?\d+$/.test(value)) return Number(value) & 0xff;
  if (/^(true|yes|t|y)$/.test(value)) return 0;
  if (/^(false|no|f|n)$/.test(value)) return 1;
  process.stderr.write(`exit handler value should be integer\n`);
  return 1;
}

export const command: Command = { help: HELP, run };
