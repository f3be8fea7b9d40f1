// The options of sluice run: Click's, and a few of ours.

import { EMPTY_CONTEXT, parseValue } from "../lang/args/parse.js";
import { quote } from "../lang/args/text.js";
import { addressText, findIp, findIp6 } from "../net/address.js";
import { MEMORY_MIB } from "../packet/memory.js";
import { UsageError } from "./command.js";
import { INPUT_OPTIONS, variable } from "./input.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import type { ReportFormat } from "./report.js";

const OPTIONS: readonly OptionSpec[] = [
  ...INPUT_OPTIONS,
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
    doc: "write the flattened configuration to FILE, without secrets",
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
    valueName: "[ADDR:]PORT",
    doc: "serve handlers on a TCP port of 127.0.0.1, or of ADDR ('PORT+': or a later one)",
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
    long: "memory",
    value: "yes",
    valueName: "MIB",
    doc: `MiB of address space for packets and tables; only what is used takes memory (default ${MEMORY_MIB}, the most)`,
  },
  { long: "json", doc: "print errors as JSON" },
  { long: "version", short: "v", doc: "print the version and exit" },
  { long: "help", doc: "print this and exit" },
];

export const HELP = `Usage: sluice [run] [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Runs a router configuration in Click's language until something stops it.
VAR=VALUE gives the configuration's variable $VAR a value. Without ROUTERFILE
and -e the configuration is read from standard input.

Options:
${optionHelp(OPTIONS)}

Examples:
  sluice -e 'InfiniteSource(LIMIT 5) -> Print(x) -> Discard'
  sluice conf/ip-router.click ETH0=veth0 ETH1=veth1
`;

/** What the words of `run` ask for. */
export interface Settings {
  file: string | null;
  expression: string | null;
  readonly handlers: string[];
  exitHandler: string | null;
  output: string | null;
  quit: boolean;
  time: boolean;
  warnings: boolean;
  hotSwap: boolean;
  /** Configurations of ControlSocket elements. */
  control: readonly string[];
  simtime: number | null;
  seed: number;
  clickpath: string;
  /** MiB; null: as much as there is. */
  memory: number | null;
  format: ReportFormat;
  readonly variables: Record<string, string>;
}

/** Reads the words of `run`. Throws UsageError. */
export function settings(words: readonly string[]): Settings | "version" {
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
    memory: null,
    format: "text",
    variables: {},
  };
  // Click's order, whatever that of the options.
  const control: Record<"TCP" | "UNIX" | "SOCKET", string[]> = { TCP: [], UNIX: [], SOCKET: [] };
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
        if (s.exitHandler !== null) throw new UsageError("--exit-handler specified twice");
        s.exitHandler = value;
        break;
      case "output":
        if (s.output !== null) throw new UsageError("output file specified twice");
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
        control.TCP.push(port(value));
        break;
      case "unix-socket":
        control.UNIX.push(quote(value));
        break;
      case "socket":
        control.SOCKET.push(String(descriptor(value)));
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
        s.memory = mebibytes(value);
        break;
      case "json":
        s.format = "json";
        break;
      case "version":
        return "version";
      default: {
        const assignment = variable(value);
        if (assignment !== null) {
          if (Object.hasOwn(s.variables, assignment[0]))
            throw new UsageError(`parameter '${assignment[0]}' multiply defined`);
          s.variables[assignment[0]] = assignment[1];
        } else if (s.file !== null) throw new UsageError("router configuration specified twice");
        else s.file = value;
      }
    }
  }
  s.control = Object.entries(control).flatMap(([kind, all]) => all.map((where) => `${kind}, ${where}`));
  return s;
}

/**
 * Where handlers are served over TCP, as a configuration's arguments: a port by number or name, or `NUMBER+`, on the
 * loopback address; `ADDRESS:PORT` on another one (`[ADDRESS]:PORT` for IPv6), `*:PORT` on all of IPv4.
 */
function port(text: string): string {
  const [, bracketed, plain, word] = /^(?:\[([^\]]*)\]:|([^:]*):)?([^:]*)$/.exec(text) ?? [];
  const wanted = text.includes(":") ? "ADDRESS:PORT, an IPv6 ADDRESS in brackets" : "a TCP port number";
  const shown = `‘--port’ expects ${wanted}, not ‘${text}’`;
  if (word === undefined) throw new UsageError(shown);
  const upward = word.endsWith("+");
  const parsed = parseValue(upward ? word.slice(0, -1) : word, { type: "ip_port" }, EMPTY_CONTEXT);
  if ("error" in parsed || (upward && parsed.value === 0)) throw new UsageError(shown);
  const where = `${parsed.value}${upward ? "+" : ""}`;
  const host = bracketed ?? plain;
  if (host === undefined || host === "localhost") return `${where}, LOCALHOST true`;
  if (host === "*") return where;
  const address = bracketed === undefined ? findIp(host) : findIp6(host);
  if (address === null) throw new UsageError(shown);
  return `${where}, ADDRESS ${addressText(address)}`;
}

function descriptor(text: string): number {
  const parsed = parseValue(text, { type: "int", min: 0 }, EMPTY_CONTEXT);
  if ("error" in parsed) throw new UsageError(`‘--socket’ expects an open descriptor, not ‘${text}’`);
  return parsed.value;
}

/** The value of `--memory`. Throws UsageError. */
export function mebibytes(text: string): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isInteger(n) || n < 1 || n > MEMORY_MIB)
    throw new UsageError(`--memory needs a whole number of MiB from 1 to ${MEMORY_MIB}, not ‘${text}’`);
  return n;
}

function number(text: string, option: string, least: number): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n) || n < least)
    throw new UsageError(`${option} needs a number of at least ${least}, not ‘${text}’`);
  return n;
}
