// sluice lisp lig: asks the mapping system for an EID, as an ITR does (RFC 6835).

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { CONTROL_PORT } from "../lisp/control/control-channel.js";
import { randomNonce } from "../lisp/control/control-records.js";
import { encapsulatedRequest } from "../lisp/control/map-requests.js";
import { eidRecordText } from "../lisp/control/message-text.js";
import { UNREGISTERED_MINUTES } from "../lisp/map-server/answers.js";
import { parseEid, parseRloc } from "../lisp/mapping.js";
import { addressText } from "../net/address.js";
import { SystemRandom } from "../router/random.js";
import { systemError } from "../router/system-error.js";
import { LispControlError } from "../wire/lisp-control/error.js";
import type { MapReply } from "../wire/lisp-control/map-reply.js";
import { decodeLispControl, encodeLispControl } from "../wire/lisp-control/message.js";
import type { EidRecord } from "../wire/lisp-control/record.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { eidWords, IID_OPTION, usage } from "./lisp-eid.js";
import { recordJson } from "./lisp-json.js";
import { askRouter, controlAddress, registrationProblems } from "./lisp-router.js";
import { numberOption, type OptionSpec, optionHelp, wholeOption } from "./options.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "resolver", value: "yes", valueName: "RLOC", doc: "the Map-Resolver to ask; must be given" },
  { long: "port", value: "yes", valueName: "PORT", doc: "its UDP port (4342)" },
  IID_OPTION,
  {
    long: "source",
    value: "yes",
    valueName: "RLOC",
    doc: "our address, where the answer goes (that of the route)",
  },
  { long: "timeout", value: "yes", valueName: "SECONDS", doc: "how long to wait each time (2)" },
  { long: "tries", value: "yes", valueName: "COUNT", doc: "how often to ask (3)" },
  {
    long: "control",
    value: "yes",
    valueName: "WHERE",
    doc: "a router's ControlSocket, HOST:PORT or a path: say too whether its registrations are confirmed",
  },
  { long: "json", doc: "print the Map-Reply as JSON" },
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice lisp lig [OPTION]... EID --resolver RLOC";

const HELP = `Usage: ${USAGE}

Asks the mapping system for an EID, an address or a prefix, as an ITR does: a
Map-Request in an Encapsulated Control Message to the Map-Resolver. Prints a line for
each record of the Map-Reply: EID-prefix, TTL in minutes, and locators with priority
and weight, or what to do with packets where there are none. A negative answer for one
minute is for a site's EID-prefix that no xTR has registered (RFC 9301, section 8.3).

Exit status 0; 1 when no answer comes.

Options:
${optionHelp(OPTIONS)}
`;

interface Settings {
  readonly eid: string;
  readonly resolver: Uint8Array;
  readonly source: Uint8Array | null;
  readonly port: number;
  readonly iid: number;
  /** Seconds. */
  readonly timeout: number;
  readonly tries: number;
  readonly control: string | null;
  readonly json: boolean;
}

function settingsOf(words: readonly string[]): Settings {
  const { eid, iid, given } = eidWords(words, OPTIONS);
  const resolver = given.get("resolver");
  if (resolver === undefined) throw new UsageError("no Map-Resolver given (--resolver RLOC)");
  const source = given.get("source");
  const settings: Settings = {
    eid,
    resolver: usage(() => parseRloc(resolver)),
    source: source === undefined ? null : usage(() => parseRloc(source)),
    port: wholeOption("port", given.get("port") ?? String(CONTROL_PORT), 1, 65535),
    iid,
    timeout: numberOption("timeout", given.get("timeout") ?? "2", 0.01, 3600),
    tries: wholeOption("tries", given.get("tries") ?? "3", 1, 100),
    control: given.get("control") ?? null,
    json: given.has("json"),
  };
  if (settings.control !== null) controlAddress(settings.control);
  if (settings.source !== null && settings.source.length !== settings.resolver.length)
    throw new UsageError("--source and --resolver are of two address families");
  return settings;
}

const family = (address: Uint8Array): "udp4" | "udp6" => (address.length === 4 ? "udp4" : "udp6");

/** The address that the system would send from. */
async function routeSource({ resolver, port }: Settings): Promise<Uint8Array> {
  const socket = createSocket(family(resolver));
  try {
    socket.connect(port, addressText(resolver));
    await once(socket, "connect");
    return parseRloc(socket.address().address);
  } finally {
    socket.close();
  }
}

interface Answer {
  readonly reply: MapReply;
  readonly from: string;
  /** Milliseconds since the last Map-Request. */
  readonly after: number;
}

/** The Map-Reply with our nonce; null when none comes. Whatever else arrives is passed over. */
async function ask(socket: Socket, settings: Settings, source: Uint8Array): Promise<Answer | null> {
  const { iid, resolver, port, timeout, tries } = settings;
  const nonce = randomNonce(new SystemRandom());
  const question = { iid, eid: parseEid(settings.eid), source: null, smrInvoked: false };
  const ecm = encapsulatedRequest(question, nonce, [source], source, resolver);
  // The Map-Reply goes to the port inside.
  const inner = { ...ecm.inner!, sourcePort: socket.address().port };
  const bytes = encodeLispControl({ ...ecm, inner });
  let sentAt = 0;
  let answered: (answer: Answer) => void = () => {};
  const answer = new Promise<Answer>((resolve) => {
    answered = resolve;
  });
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    try {
      const reply = decodeLispControl(new Uint8Array(message));
      if (reply.type === "map-reply" && reply.nonce === nonce)
        answered({ reply, from: from.address, after: performance.now() - sentAt });
    } catch (e) {
      if (!(e instanceof LispControlError)) throw e;
    }
  });
  for (let i = 0; i < tries; i++) {
    sentAt = performance.now();
    await new Promise<void>((resolve, reject) =>
      socket.send(bytes, port, addressText(resolver), (e) => (e === null ? resolve() : reject(e))),
    );
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, timeout * 1000, null);
    });
    const found = await Promise.race([answer, silence]);
    clearTimeout(timer);
    if (found !== null) return found;
  }
  return null;
}

/** What a Map-Server means by the TTL of a negative answer (RFC 9301, section 8.3). */
function hint({ locators, ttl }: EidRecord): string {
  return locators.length === 0 && ttl === UNREGISTERED_MINUTES
    ? " (a site's: no xTR has registered it, or none was confirmed)"
    : "";
}

async function run(words: readonly string[]): Promise<number> {
  const settings = settingsOf(words);
  const resolver = addressText(settings.resolver);
  const socket = createSocket(family(settings.resolver));
  try {
    const source = settings.source ?? (await routeSource(settings));
    socket.bind(0, addressText(source));
    await once(socket, "listening");
    const answer = await ask(socket, settings, source);
    const problems =
      settings.control === null
        ? []
        : await askRouter(settings.control, settings.timeout, registrationProblems);
    const told = problems.map((p) => `  ${p}\n`).join("");
    if (answer === null) {
      if (!settings.json) process.stdout.write(told);
      throw new CommandError(`no answer from ${resolver}`);
    }
    const { reply, from, after } = answer;
    if (settings.json) {
      const said = settings.control === null ? {} : { problems };
      process.stdout.write(`${JSON.stringify({ from, message: recordJson(reply), ...said })}\n`);
    } else {
      process.stdout.write(`${settings.eid}: answer from ${from} after ${after.toFixed(1)} ms\n`);
      for (const record of reply.records) process.stdout.write(`  ${eidRecordText(record)}${hint(record)}\n`);
      process.stdout.write(told);
    }
    return 0;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).syscall !== undefined)
      throw new CommandError(`${resolver}: ${systemError(e)}`);
    throw e;
  } finally {
    socket.close();
  }
}

export const command: Command = { help: HELP, usage: USAGE, run };
