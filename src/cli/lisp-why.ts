// sluice lisp why: asks a running router why packets to an EID go where they go.

import type { ControlClient } from "../control/client.js";
import type { Explanation } from "../lisp/itr/explanation.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { eidWords, IID_OPTION } from "./lisp-eid.js";
import { askRouter, elementsOf, registrationProblems } from "./lisp-router.js";
import { explanationText } from "./lisp-why-text.js";
import { numberOption, type OptionSpec, optionHelp } from "./options.js";

const OPTIONS: readonly OptionSpec[] = [
  {
    long: "control",
    value: "yes",
    valueName: "WHERE",
    doc: "the router's ControlSocket: HOST:PORT, or the path of a Unix socket; must be given",
  },
  { long: "element", value: "yes", valueName: "NAME", doc: "its LISPResolver (the only one there is)" },
  IID_OPTION,
  { long: "timeout", value: "yes", valueName: "SECONDS", doc: "how long to wait for the router (10)" },
  { long: "json", doc: "print what the router says as JSON" },
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice lisp why [OPTION]... EID --control HOST:PORT|PATH";

const HELP = `Usage: ${USAGE}

Asks a running router why packets to an EID, an address or a prefix, go where they go.
Prints the timeline of the last resolution about it: the packet without a mapping, each
Map-Request with its Map-Resolver and nonce, the Map-Reply, what of that went into the
map-cache, and what became of the packets that were held. Then the mapping that packets
get now: where it is from, until when it is good, and why each locator is chosen or not.
Last, which Map-Servers have not confirmed the router's own registrations: then others
do not find the way back. TTLs of Map-Replies are minutes, all others seconds. Of a prefix its first address counts.

The router needs a ControlSocket: 'sluice run -u PATH' or 'sluice run -p PORT'. Its
LISPResolver remembers the last 128 resolutions (HISTORY).

Exit status 0; 1 when the router cannot be asked, or has neither a mapping for the EID
nor a memory of a resolution about it.

Options:
${optionHelp(OPTIONS)}

Examples:
  sluice run -u /run/xtr.sock conf/xtr.click
  sluice lisp why 192.168.2.10 --control /run/xtr.sock
`;

interface Settings {
  readonly eid: string;
  readonly control: string;
  readonly element: string | null;
  readonly iid: number;
  /** Seconds. */
  readonly timeout: number;
  readonly json: boolean;
}

function settingsOf(words: readonly string[]): Settings {
  const { eid, iid, given } = eidWords(words, OPTIONS);
  const control = given.get("control");
  if (control === undefined) throw new UsageError("no ControlSocket given (--control HOST:PORT|PATH)");
  const element = given.get("element") ?? null;
  if (element !== null && !/^\S+$/.test(element)) throw new UsageError(`--element ‘${element}’ is no name`);
  const timeout = numberOption("timeout", given.get("timeout") ?? "10", 0.01, 3600);
  return { eid, control, element, iid, timeout, json: given.has("json") };
}

async function onlyResolver(client: ControlClient, control: string): Promise<string> {
  const found = await elementsOf(client, "LISPResolver");
  if (found.length === 1) return found[0];
  throw new CommandError(
    found.length === 0
      ? `${control}: this router has no LISPResolver`
      : `${control}: this router has several LISPResolvers: ${found.join(", ")}; say which with --element`,
  );
}

async function ask(client: ControlClient, { control, element, eid, iid }: Settings): Promise<Explanation> {
  const resolver = element ?? (await onlyResolver(client, control));
  const text = await client.read(`${resolver}.why`, `${eid} iid ${iid}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError(`${control}: ${resolver}.why does not answer in JSON: is it a LISPResolver?`);
  }
}

async function run(words: readonly string[]): Promise<number> {
  const settings = settingsOf(words);
  const { control, eid, json } = settings;
  return askRouter(control, settings.timeout, async (client) => {
    const explanation = await ask(client, settings);
    if (explanation.mapping === null && explanation.resolution === null)
      throw new CommandError(
        `${eid}: no mapping in the map-cache, and no resolution about it among the last ${explanation.remembered}`,
      );
    const problems = await registrationProblems(client);
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...explanation, problems })}\n`
        : [explanationText(explanation), ...problems.map((p) => `${p}\n`)].join("\n"),
    );
    return 0;
  });
}

export const command: Command = { help: HELP, usage: USAGE, run };
