// Secrets that stand outside of a configuration: in a file, or in the environment of the process.
//
// A file is refused as OpenSSH refuses a private key that others may read. It may be another user's, as root's that a
// group may read, and behind a symbolic link, as orchestrators mount theirs: whoever can put another in its place can
// keep us out, but learns nothing.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { SluiceError } from "../sluice-error.js";
import { systemError } from "./system-error.js";

/** A secret that cannot be had. What it says is fit for anybody's eyes. */
export class SecretError extends SluiceError {
  readonly code = "SECRET";
}

/** Bytes of the longest secret in a file: more is another file than was meant. */
const LONGEST = 4096;

const GROUP_READ = 0o040;
const GROUP_WRITE = 0o020;
const OTHERS = 0o006;
const NO_WAIT = constants.O_NONBLOCK ?? 0;

/**
 * The secret that `file:PATH` or `env:NAME` says; null where `text` is neither: then it may be a secret itself. Throws
 * SecretError.
 */
export function referredSecret(text: string): Uint8Array | null {
  const [, kind, name] = /^(file|env):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return null;
  return kind === "file" ? secretFile(name) : secretVariable(name);
}

/** The bytes of a file without the newline at its end. */
function secretFile(name: string): Uint8Array {
  // Who has written a secret in place of a path shall not find it in an error.
  const shown = /[/.]/.test(name) ? `secret file '${printable(name)}'` : "the file behind 'file:'";
  if (name === "") throw new SecretError("there is no path behind 'file:'");
  if (name.includes("\0")) throw new SecretError(`${shown}: a path has no zero byte`);
  const path = name.startsWith("~/") ? join(homedir(), name.slice(2)) : name;
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | NO_WAIT);
    const status = fstatSync(fd);
    if (!status.isFile()) throw new SecretError(`${shown} is no regular file`);
    const refused = refusedMode(status);
    if (refused !== null) throw new SecretError(`${shown} ${refused}`);
    const bytes = Buffer.alloc(LONGEST + 3);
    let length = 0;
    for (let got = 1; got > 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, null);
    const secret = withoutNewline(bytes.subarray(0, length));
    if (secret.length === 0) throw new SecretError(`${shown} is empty`);
    if (secret.length > LONGEST) throw new SecretError(`${shown} has more than ${LONGEST} bytes`);
    return Uint8Array.from(secret);
  } catch (e) {
    if (e instanceof SecretError) throw e;
    throw new SecretError(`${shown}: ${systemError(e)}`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Why a file with these rights holds no secret; null where it may. */
function refusedMode({ mode, uid }: { readonly mode: number; readonly uid: number }): string | null {
  // Absent on Windows, where files are protected otherwise.
  if (process.geteuid === undefined) return null;
  const rights = `(mode ${(mode & 0o7777).toString(8)})`;
  const own = uid === process.geteuid();
  if ((mode & (OTHERS | GROUP_WRITE | (own ? GROUP_READ : 0))) === 0) return null;
  return `may be read or changed by others ${rights}: 'chmod 600' it`;
}

function withoutNewline(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (end < bytes.length && bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}

function secretVariable(name: string): Uint8Array {
  const shown = /^[A-Z_][A-Z0-9_]*$/.test(name)
    ? `environment variable ${name}`
    : "the variable behind 'env:'";
  if (name === "") throw new SecretError("there is no name behind 'env:'");
  const value = process.env[name];
  if (value === undefined) throw new SecretError(`${shown} is not set`);
  if (value === "") throw new SecretError(`${shown} is empty`);
  return new TextEncoder().encode(value);
}

function printable(text: string): string {
  return text.slice(0, 200).replace(/[^ -~]/g, "?");
}
