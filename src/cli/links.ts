// sluice links: what the links of a running service do to packets, as a whole and pair by pair.

import type { LinkView, ServiceView } from "../vnf/api/routes.js";
import type { Command } from "./command.js";
import { table } from "./measure.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { asking, connect, parseWords, SERVICE_OPTIONS } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "json", doc: "print JSON" },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice links [OPTION]... [LINK [FROM [TO]]]";

const HELP = `Usage: ${USAGE}

Lists the links of a running service with what they do to packets now, faults included. Of
LINK it lists the pairs of ends that have a delay, jitter or loss of their own or have
carried packets, with what was lost and why; only those from FROM, or from FROM to TO,
where they are named. An end is an instance, or INSTANCE:DEVICE.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a link and its ends", 0, 3);
  const api = connect(options);
  const [link, from, to] = plain;
  const get = (name: string, query = ""): Promise<LinkView> =>
    asking(api.get<LinkView>(`/v1/links/${encodeURIComponent(name)}${query}`));
  if (link === undefined) {
    const { links } = await asking(api.get<ServiceView>("/v1/service"));
    const views: LinkView[] = [];
    for (const { name } of links) views.push(await get(name));
    process.stdout.write(options.has("json") ? `${JSON.stringify(views, null, 2)}\n` : linksText(views));
    return 0;
  }
  const query = new URLSearchParams({ pairs: "true" });
  if (from !== undefined) query.set("from", from);
  if (to !== undefined) query.set("to", to);
  const view = await get(link, `?${query}`);
  process.stdout.write(options.has("json") ? `${JSON.stringify(view, null, 2)}\n` : pairsText(view));
  return 0;
}

function linksText(links: readonly LinkView[]): string {
  const rows = links.map((l) => [
    l.name,
    String(l.ends.length),
    ...path(l),
    rate(l.rate),
    state(l),
    String(l.lost),
  ]);
  return table([["LINK", "ENDS", "DELAY", "JITTER", "LOSS", "RATE", "STATE", "LOST"], ...rows]);
}

function pairsText({ pairs }: LinkView): string {
  const rows = pairs.map((p) => {
    const counts = [p.packets, p.lost, p.downs, p.no_room].map(String);
    return [`${p.from} > ${p.to}`, ...path(p), state(p), ...counts];
  });
  return table([["PAIR", "DELAY", "JITTER", "LOSS", "STATE", "PACKETS", "LOST", "DOWN", "NO ROOM"], ...rows]);
}

/** What happens on the way; times in ms, as `5ms`. */
function path({ delay, jitter, loss }: Pick<LinkView, "delay" | "jitter" | "loss">): string[] {
  const ms = (seconds: number): string => `${Number((seconds * 1000).toFixed(6))}ms`;
  return [ms(delay), ms(jitter), `${Number((loss * 100).toFixed(6))}%`];
}

function rate(bits: number): string {
  return bits === 0 ? "-" : `${Number((bits / 1e6).toFixed(6))}Mbps`;
}

function state({ cut }: { readonly cut: boolean }): string {
  return cut ? "down" : "up";
}

export const command: Command = { help: HELP, usage: USAGE, run };
