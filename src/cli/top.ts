// sluice top: what the functions of a running service do.

import type { ApiClient } from "../vnf/api/client.js";
import type { FunctionView } from "../vnf/api/routes.js";
import type { InstanceStats } from "../vnf/instance/protocol.js";
import { type Command, UsageError } from "./command.js";
import { type OptionSpec, optionHelp, wholeOption } from "./options.js";
import { asking, connect, interruption, parseWords, SERVICE_OPTIONS } from "./running.js";
import { type Look, Screen, TopView } from "./top-view.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "interval", short: "i", value: "yes", valueName: "SECONDS", doc: "between two looks (1)" },
  { long: "count", short: "n", value: "yes", valueName: "N", doc: "looks, then the end (until Ctrl-C)" },
  { long: "elements", short: "e", value: "yes", valueName: "N", doc: "elements shown of each function (5)" },
  { long: "json", doc: "print each look as JSON, a line each: totals since the start" },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice top [OPTION]... [FUNCTION]";

const HELP = `Usage: ${USAGE}

Shows what the functions of a running service do: packets a second in and out, drops,
packets held; of devices what they lost; and of their busiest elements batches and packets a second, packets in a
batch, nanoseconds a packet (the element's own) and drops by reason since the start.
Lines with ‘!’ say what is wrong, such as a Map-Server that confirms no registration.
While it is looked at, each function counts and times what passes its elements, which
costs it some speed.

Options:
${optionHelp(OPTIONS)}
`;

/** Asks for everything once. */
export async function look(api: ApiClient, only?: string): Promise<Look[]> {
  const views = await api.get<FunctionView[]>("/v1/functions");
  const chosen = views.filter((v) => only === undefined || v.name === only);
  return Promise.all(
    chosen.map(async (view) => {
      const path = `/v1/functions/${encodeURIComponent(view.name)}/stats?meter=true`;
      // It may have ended between the two questions.
      const stats = view.state === "started" ? await api.get<InstanceStats>(path).catch(() => null) : null;
      return { view, stats };
    }),
  );
}

export function positive(text: string, option: string): number {
  const n = Number(text);
  if (!(n > 0 && n < Number.POSITIVE_INFINITY))
    throw new UsageError(`${option} needs a number above 0, not ‘${text}’`);
  return n;
}

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "at most one function", 0, 1);
  const interval = positive(options.get("interval") ?? "1", "--interval");
  const count = options.has("count")
    ? wholeOption("count", options.get("count")!, 1, 1e9)
    : Number.POSITIVE_INFINITY;
  const elements = wholeOption("elements", options.get("elements") ?? "5", 0, 100_000);
  const api = connect(options);
  if (plain.length > 0) await asking(api.get(`/v1/functions/${encodeURIComponent(plain[0])}`));
  const view = new TopView({ elements });
  const screen = new Screen();
  const { signal, release } = interruption();
  // Rates need two looks.
  view.lines(await asking(look(api, plain[0])));
  for (let i = 0; i < count && !signal.aborted; i++) {
    await pause(interval * 1000, signal);
    if (signal.aborted) break;
    const seen = await asking(look(api, plain[0]));
    if (options.has("json")) process.stdout.write(`${JSON.stringify(seen)}\n`);
    else screen.show(view.lines(seen));
  }
  release();
  return 0;
}

/** Waits, until `signal` at most. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

export const command: Command = { help: HELP, usage: USAGE, run };
