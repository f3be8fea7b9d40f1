// What a ControlSocket answers.

import { wholeNumber } from "../lang/args/numbers.js";
import { bytesOf } from "../lang/args/text.js";
import type { Element } from "../router/element.js";
import { type Handler, HandlerError, readHandler } from "../router/handler.js";
import type { Router } from "../router/router.js";
import { CodedError } from "../sluice-error.js";
import { CODES } from "./codes.js";
import type { Request } from "./input.js";

/** The first line of every connection. */
export const GREETING = "Click::ControlSocket/1.3\r\n";

const HELP = [
  "Commands supported:",
  "READ handler [arg...]   call read handler, return DATA",
  "READDATA handler len    call read handler with len data bytes, return DATA",
  "READUNTIL handler term  call read handler, take data until term, return DATA",
  "WRITE handler [arg...]  call write handler",
  "WRITEDATA handler len   call write handler, pass len data bytes",
  "WRITEUNTIL handler term call write handler, take data until term",
  "CHECKREAD handler       check if read handler is valid",
  "CHECKWRITE handler      check if write handler is valid",
  "LLRPC elt#number [len]  call LLRPC, pass len data bytes, return DATA",
  "QUIT                    close connection",
];

/** Where requests are answered. */
export interface ControlHost {
  readonly router: Router;
  readonly readOnly: boolean;
  /** Has the handlers in the router's stead, under the names that clients ask for. */
  readonly proxy: Element | null;
  /** A connection spoke HTTP, and is closed. */
  refused(): void;
}

/** A failed request: its code and message. */
class Refusal extends CodedError<number> {}

/** Message lines: all but the last have a hyphen after the code. */
export function reply(code: number, lines: readonly string[]): string {
  return lines.map((line, i) => `${code}${i < lines.length - 1 ? "-" : " "}${printable(line)}\r\n`).join("");
}

/** Control characters as `^X`, those past ASCII as octal escapes. */
function printable(line: string): string {
  return line.replace(/[^ -~]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 32
      ? `^${String.fromCharCode(code + 64)}`
      : `\\${(code & 255).toString(8).padStart(3, "0")}`;
  });
}

/** The answer to `request`, a character a byte. */
export async function answer(
  request: Exclude<Request, { readonly kind: "http" }>,
  host: ControlHost,
): Promise<string> {
  try {
    switch (request.kind) {
      case "read":
        return read(request.handler, request.data, host);
      case "write":
        return await write(request.handler, request.data, host);
      case "check":
        return check(request.handler, request.write, host);
      case "llrpc":
        return llrpc(request.name, host);
      case "help":
        return reply(CODES.OK, HELP);
      case "quit":
        return (
          (request.clean ? "" : reply(CODES.SYNTAX, ["Bad command syntax"])) + reply(CODES.OK, ["Goodbye!"])
        );
      case "error":
        return reply(request.code, [request.message]);
    }
  } catch (e) {
    if (e instanceof Refusal) return reply(e.code, [e.message]);
    return reply(CODES.UNSPECIFIED, [e instanceof Error ? e.message : String(e)]);
  }
}

/** The handler that a client calls `name`: `element.handler`, `NUMBER.handler` (elements count from 1) or `handler`. */
function find(name: string, { router, proxy }: ControlHost): Handler {
  const plain = name.replace(/^0?\./, "");
  if (proxy !== null) {
    const handler = router.handlerOf(proxy, plain);
    if (handler !== undefined && !handler.spec.private) return handler;
    throw new Refusal(CODES.NO_SUCH_HANDLER, `No proxied handler named '${name}'`);
  }
  const dot = plain.indexOf(".");
  let element: Element | null = null;
  if (dot >= 0) {
    const who = plain.slice(0, dot);
    const number = wholeNumber(who);
    const counted = number === null ? undefined : router.elements[Number(number) - 1];
    const found = router.find(who) ?? counted;
    if (found === undefined) throw new Refusal(CODES.NO_SUCH_ELEMENT, `No element named '${who}'`);
    element = found;
  }
  const handler = router.handlerOf(element, plain.slice(dot + 1));
  if (handler === undefined || handler.spec.private)
    throw new Refusal(CODES.NO_SUCH_HANDLER, `No handler named '${name}'`);
  return handler;
}

/** `what`, and the lines of `e` below it. */
function failure(code: number, what: string, e: unknown): string {
  const message = e instanceof Error ? e.message : String(e);
  return message === "" ? reply(code, [what]) : reply(code, [`${what}:`, ...message.split("\n")]);
}

function read(name: string, parameters: string, host: ControlHost): string {
  const handler = find(name, host);
  if (handler.read === undefined) throw new Refusal(CODES.PERMISSION, `Handler '${name}' write-only`);
  let data: string;
  try {
    data = Buffer.from(bytesOf(readHandler(handler, parameters))).toString("latin1");
  } catch (e) {
    return failure(CODES.UNSPECIFIED, `Read handler '${name}' error`, e);
  }
  return `${reply(CODES.OK, [`Read handler '${name}' OK`])}DATA ${data.length}\r\n${data}`;
}

async function write(name: string, data: string, host: ControlHost): Promise<string> {
  const handler = find(name, host);
  if (handler.write === undefined) throw new Refusal(CODES.PERMISSION, `Handler '${name}' read-only`);
  if (host.readOnly) throw new Refusal(CODES.PERMISSION, `Permission denied for '${name}'`);
  try {
    await handler.write(data);
  } catch (e) {
    // A script that ended well but complained on its way.
    if (e instanceof HandlerError && e.status === 0)
      return failure(CODES.OK_WARNING, `Write handler '${name}' OK with warnings`, e);
    return failure(CODES.HANDLER_ERROR, `Write handler '${name}' error`, e);
  }
  return reply(CODES.OK, [`Write handler '${name}' OK`]);
}

function check(name: string, writing: boolean, host: ControlHost): string {
  const handler = find(name, host);
  const ok = (writing ? handler.write : handler.read) !== undefined;
  if (ok && writing && host.readOnly) throw new Refusal(CODES.PERMISSION, `Permission denied for '${name}'`);
  if (ok) return reply(CODES.OK, [`${writing ? "Write" : "Read"} handler '${name}' OK`]);
  throw new Refusal(CODES.NO_SUCH_HANDLER, `Handler '${name}' not ${writing ? "writable" : "readable"}`);
}

/** `element#NUMBER`: no element here has such calls, so that all that can be answered is why not. */
function llrpc(name: string, host: ControlHost): string {
  const hash = name.indexOf("#");
  if (!/^(0[xX])?[\da-fA-F]{1,8}$/.test(name.slice(hash + 1)))
    throw new Refusal(CODES.SYNTAX, `Syntax error in LLRPC name '${name}'`);
  find(`${hash < 0 ? name : name.slice(0, hash)}.name`, host);
  throw new Refusal(CODES.UNIMPLEMENTED, `Cannot call LLRPC '${name}' remotely`);
}
