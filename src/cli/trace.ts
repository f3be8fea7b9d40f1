// sluice trace: packets' ways through the elements of a running function.

import { closeSync, openSync } from "node:fs";
import { systemError } from "../router/system-error.js";
import { writeAll } from "../system/write-all.js";
import { TRACE_PACKETS, TRACE_SECONDS, type TracedPacket, type TraceEnd } from "../trace/traced.js";
import type { ApiClient } from "../vnf/api/client.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { type OptionSpec, optionHelp, wholeOption } from "./options.js";
import { asking, connect, interruption, parseWords, SERVICE_OPTIONS } from "./running.js";
import { TraceCapture, traceText } from "./trace-view.js";

const OPTIONS: readonly OptionSpec[] = [
  {
    long: "filter",
    short: "f",
    value: "yes",
    valueName: "PATTERN",
    doc: "only packets that match, as IPClassifier's patterns say (default: all)",
  },
  { long: "count", short: "n", value: "yes", valueName: "N", doc: "follow so many packets (10)" },
  { long: "seconds", value: "yes", valueName: "S", doc: "for at most so many seconds (10)" },
  { long: "json", doc: "print JSON, an object a line" },
  { long: "pcapng", doc: "write a capture" },
  { long: "output", short: "o", value: "yes", valueName: "FILE", doc: "write there (standard output)" },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice trace [OPTION]... FUNCTION";

const HELP = `Usage: ${USAGE}

Follows packets of a running function through its elements and prints their ways: where each
came in, the elements in order with the time since, what each did to it, and where it ended:
dropped and why, sent, kept. A packet is followed from where it first matches, through queues
too; copies are followed as packets of their own. Packets may still have their Ethernet
header; of IPv6 packets only protocol and ports are looked at.

With --pcapng, every element is an interface, and every element that a packet enters a packet of
the file, with what happened there as its comment.

Options:
${optionHelp(OPTIONS)}

  sluice trace xtr1 --filter 'udp port 4342' -n 10
  sluice trace xtr1 --filter icmp --pcapng -o ping.pcapng
`;

const FORMATS = ["json", "pcapng"];

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a function", 1, 1);
  const asked = FORMATS.filter((name) => options.has(name));
  if (asked.length > 1) throw new UsageError("--json and --pcapng cannot stand together");
  const format = asked[0] ?? "text";
  const file = options.get("output");
  if (format === "pcapng" && file === undefined && process.stdout.isTTY)
    throw new UsageError("a capture is not for the terminal: say -o FILE");
  const query = new URLSearchParams({
    filter: options.get("filter") ?? "",
    count: String(wholeOption("count", options.get("count") ?? "10", 1, TRACE_PACKETS)),
    seconds: String(wholeOption("seconds", options.get("seconds") ?? "10", 1, TRACE_SECONDS)),
    bytes: String(format === "pcapng"),
  });
  const api = connect(options);
  const fd = file === undefined ? null : open(file);
  const write: Write = (data) => {
    if (fd === null) process.stdout.write(data);
    else save(fd, file!, data);
  };
  try {
    await asking(follow(api, `/v1/functions/${encodeURIComponent(plain[0])}/trace?${query}`, format, write));
  } finally {
    if (fd !== null) closeSync(fd);
  }
  return 0;
}

type Write = (data: string | Uint8Array) => void;

async function follow(api: ApiClient, path: string, format: string, write: Write): Promise<void> {
  const capture = format === "pcapng" ? new TraceCapture(write) : null;
  const { signal, release } = interruption();
  let found = 0;
  for await (const line of api.lines<TracedPacket | TraceEnd>(path, signal)) {
    if ("end" in line) {
      if (line.missed > 0)
        process.stderr.write(`${line.missed} more were not followed: they came too fast\n`);
      continue;
    }
    found++;
    if (capture !== null) capture.add(line);
    else write(format === "json" ? `${JSON.stringify(line)}\n` : traceText(line));
  }
  if (found === 0) process.stderr.write("no packet matched\n");
  release();
}

function open(file: string): number {
  try {
    return openSync(file, "w");
  } catch (e) {
    throw new CommandError(`${file}: ${systemError(e)}`);
  }
}

function save(fd: number, file: string, data: string | Uint8Array): void {
  try {
    writeAll(fd, Buffer.from(data));
  } catch (e) {
    throw new CommandError(`${file}: ${systemError(e)}`);
  }
}

export const command: Command = { help: HELP, usage: USAGE, run };
