// The options of sluice bench.

import { parseTraffic, SIZE_DEFAULT, TRAFFIC_WORDS, type Traffic, TrafficError } from "../device/traffic.js";
import { BATCH_MAX } from "../packet/batch.js";
import { MEMORY_MIB } from "../packet/memory.js";
import { UsageError } from "./command.js";
import { INPUT_OPTIONS, variable } from "./input.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import { mebibytes } from "./run-options.js";

const OPTIONS: readonly OptionSpec[] = [
  ...INPUT_OPTIONS,
  { long: "seconds", value: "yes", valueName: "S", doc: "length of a run (default 1)" },
  { long: "packets", value: "yes", valueName: "N", doc: "end a run after N packets from each device" },
  { long: "runs", value: "yes", valueName: "N", doc: "number of runs (default 5), after one to warm up" },
  {
    long: "burst",
    value: "yes",
    valueName: "N",
    doc: `most packets a device gives at a time (default ${BATCH_MAX}; the element's BURST counts too)`,
  },
  {
    long: "traffic",
    value: "yes",
    valueName: "WORDS",
    doc: "packets that come in, see below; several take turns",
  },
  {
    long: "size",
    value: "yes",
    valueName: "BYTES",
    doc: `length of generated IP packets (default ${SIZE_DEFAULT})`,
  },
  {
    long: "frames",
    value: "yes",
    valueName: "N",
    doc: "different packets generated for each device (default 4096)",
  },
  {
    long: "pcap",
    value: "yes",
    valueName: "FILE",
    doc: "packets that come in, from a capture file, over and over",
  },
  { long: "seed", value: "yes", valueName: "N", doc: "seed of the generated packets (default 0)" },
  {
    long: "memory",
    value: "yes",
    valueName: "MIB",
    doc: `MiB of address space for packets and tables (default ${MEMORY_MIB}, the most)`,
  },
  { long: "json", doc: "print the figures as JSON" },
  { long: "help", doc: "print this and exit" },
];

export const HELP = `Usage: sluice bench [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Runs a configuration as fast as it goes and says what a packet costs. Every
device that it names is replaced: one that is read always has packets, made
from --traffic or --pcap; what is sent to a device is counted and forgotten,
but ARP requests and Neighbor Solicitations get an answer. A configuration with
sources of its own (InfiniteSource) just runs. What elements print is not shown.

The cost of a packet is that of the whole program, generator included. Each
element's share comes from a further run in which every call is timed; there
the cost of the clock is taken off.

Options:
${optionHelp(OPTIONS)}

Words for --traffic:
${TRAFFIC_WORDS.split("\n")
  .map((line) => `  ${line}`)
  .join("\n")}

Examples:
  sluice bench -e 'InfiniteSource(LENGTH 64, BURST 64) -> Counter -> Discard'
  sluice bench --traffic 'dst 10.2.0.0/16' -e 'FromDevice(eth0) -> ToDevice(eth1)'
`;

export interface BenchSettings {
  file: string | null;
  expression: string | null;
  clickpath: string;
  seconds: number;
  /** Packets a run and device; Infinity: as many as there is time for. */
  packets: number;
  runs: number;
  burst: number;
  traffic: readonly Traffic[];
  frames: number;
  pcap: string | null;
  seed: number;
  /** MiB; null: as much as there is. */
  memory: number | null;
  json: boolean;
  readonly variables: Record<string, string>;
}

function number(option: string, text: string, least: number, most: number, whole: boolean): number {
  const n = Number(text);
  if (text.trim() === "" || !(n >= least && n <= most) || (whole && !Number.isInteger(n))) {
    const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`--${option} needs a ${whole ? "whole " : ""}number ${range}, not ‘${text}’`);
  }
  return n;
}

/** Reads the words of `bench`. Throws UsageError. */
export function benchSettings(words: readonly string[]): BenchSettings {
  const s: BenchSettings = {
    file: null,
    expression: null,
    clickpath: process.env.CLICKPATH ?? "",
    seconds: 1,
    packets: Number.POSITIVE_INFINITY,
    runs: 5,
    burst: BATCH_MAX,
    traffic: [],
    frames: 4096,
    pcap: null,
    seed: 0,
    memory: null,
    json: false,
    variables: {},
  };
  const traffic: string[] = [];
  let size = SIZE_DEFAULT;
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    const whole = (least: number, most = Number.POSITIVE_INFINITY): number =>
      number(name!, value, least, most, true);
    switch (name) {
      case "expression":
        s.expression = value;
        break;
      case "clickpath":
        s.clickpath = value;
        break;
      case "seconds":
        s.seconds = number(name, value, 0.001, 86_400, false);
        break;
      case "packets":
        s.packets = whole(1);
        break;
      case "runs":
        s.runs = whole(1, 10_000);
        break;
      case "burst":
        s.burst = whole(1, BATCH_MAX);
        break;
      case "traffic":
        traffic.push(value);
        break;
      case "size":
        size = whole(1, 65535);
        break;
      case "frames":
        s.frames = whole(1, 1_000_000);
        break;
      case "pcap":
        s.pcap = value;
        break;
      case "seed":
        s.seed = whole(0, 0xffffffff);
        break;
      case "memory":
        s.memory = mebibytes(value);
        break;
      case "json":
        s.json = true;
        break;
      default: {
        const assignment = name === null ? variable(value) : null;
        if (assignment !== null) s.variables[assignment[0]] = assignment[1];
        else if (s.file !== null) throw new UsageError("router configuration specified twice");
        else s.file = value;
      }
    }
  }
  if (s.pcap !== null && traffic.length > 0)
    throw new UsageError("--pcap and --traffic cannot stand together");
  try {
    s.traffic = (traffic.length === 0 ? [""] : traffic).map((t) => parseTraffic(t, size));
  } catch (e) {
    if (e instanceof TrafficError) throw new UsageError(`--traffic: ${e.message}`);
    throw e;
  }
  return s;
}
