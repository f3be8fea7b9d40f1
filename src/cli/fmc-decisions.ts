// sluice fmc decisions: what a Follow-Me Cloud's controller has decided.

import { columns } from "./columns.js";
import type { Command } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [{ long: "json", doc: "print JSON" }, ...CONTROLLER_OPTIONS];

const USAGE = "sluice fmc decisions [OPTION]...";

const HELP = `Usage: ${USAGE}

Lists the decisions that the controller keeps, the first first: number, seconds since the
controller began, what it was about, the policy, and whether virtual machines migrate and
why. 'sluice fmc why N' tells all of one.

Options:
${optionHelp(OPTIONS)}
`;

interface DecisionView {
  readonly number: number;
  readonly seconds: number;
  readonly reason: string;
  readonly user: string | null;
  readonly service: string;
  /** null: it was ordered. */
  readonly policy: string | null;
  readonly transfers: readonly { readonly vm: string; readonly from: string; readonly to: string }[];
  readonly why: string;
}

async function run(words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "options only", 0, 0);
  const controller = await controllerOf(options);
  const decisions = await controller.objects<DecisionView>("FMCDecision", "decisions_json");
  if (options.has("json")) process.stdout.write(`${JSON.stringify(decisions, null, 2)}\n`);
  else process.stdout.write(decisions.length === 0 ? "no decisions\n" : decisionsText(decisions));
  return 0;
}

function decisionsText(decisions: readonly DecisionView[]): string {
  const rows = decisions.map((d) => {
    const moves = d.transfers.map(({ vm, from, to }) => `${vm} from ${from} to ${to}`).join(", ");
    const about = d.user === null ? d.reason : `${d.user} ${d.reason}`;
    return [
      String(d.number),
      d.seconds.toFixed(3),
      d.service,
      about,
      d.policy ?? "-",
      moves || "stay",
      d.why,
    ];
  });
  return columns([["N", "AT", "SERVICE", "ABOUT", "POLICY", "DECIDED", "WHY"], ...rows], ">>");
}

export const command: Command = { help: HELP, usage: USAGE, run };
