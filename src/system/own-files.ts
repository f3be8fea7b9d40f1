// Files and folders that nobody but this user can have made or changed: what they say is believed, and may be removed.
// The rules are those of OpenSSH for its keys; they hold for root too.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { dirname, join, parse, resolve, sep } from "node:path";
import { SluiceError } from "../sluice-error.js";

/** A file or folder that another user has, or could have changed. */
export class NotOwnError extends SluiceError {
  readonly code = "NOT_OWN";
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const STICKY = 0o1000;
/** Symbolic links on the way to a folder, as the kernel has it. */
const LINKS_MAX = 40;
/** Absent on Windows, where folders of users are protected otherwise. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
/** A FIFO in the place of a file would hold up whoever opens it. */
const NO_WAIT = constants.O_NONBLOCK ?? 0;

/**
 * Throws NotOwnError unless `path` is a folder of this user, no symbolic link, that nobody else may write to, and nobody
 * else could put another in its place. Throws what the system says when it is not there.
 */
export function checkOwnFolder(path: string): void {
  const full = resolve(path);
  const status = lstatSync(full);
  if (status.isSymbolicLink()) throw new NotOwnError(`${full} is a symbolic link`);
  if (!status.isDirectory()) throw new NotOwnError(`${full} is no folder`);
  checkOwner(full, status);
  checkMode(full, status, GROUP_WRITE | OTHERS_WRITE);
  checkWay(dirname(full));
}

/** Throws NotOwnError where somebody else could put something in the place of what lies in the folder at `path`. */
export function checkWay(path: string): void {
  follow(resolve(path), { links: 0 });
}

function follow(path: string, seen: { links: number }): void {
  const { root } = parse(path);
  let at = root;
  for (const name of ["", ...path.slice(root.length).split(sep)]) {
    at = join(at, name);
    const status = lstatSync(at);
    if (!mayBeOnWay(status.uid)) throw new NotOwnError(`${at} belongs to another user (${status.uid})`);
    if (status.isSymbolicLink()) {
      if (++seen.links > LINKS_MAX) throw new NotOwnError(`${at} leads round in a circle`);
      const target = resolve(dirname(at), readlinkSync(at));
      follow(target, seen);
      at = target;
      continue;
    }
    // In a sticky folder only the owner can move a thing.
    if ((status.mode & STICKY) !== 0) continue;
    // The group of one user's own has his number, where each has one.
    const others = status.gid === status.uid ? OTHERS_WRITE : GROUP_WRITE | OTHERS_WRITE;
    checkMode(at, status, others);
  }
}

/** Root can do everything; so can whoever has `/`, who is root seen from a user namespace. */
function mayBeOnWay(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid() || uid === 0 || uid === lstatSync("/").uid;
}

function checkOwner(path: string, { uid }: Stats): void {
  if (process.getuid !== undefined && uid !== process.getuid())
    throw new NotOwnError(`${path} belongs to another user (${uid})`);
}

function checkMode(path: string, { mode }: Stats, refused: number): void {
  if (process.getuid === undefined || (mode & refused) === 0) return;
  const may = (mode & refused & 0o022) === 0 ? "read" : "written to";
  throw new NotOwnError(
    `${path} may be ${may} by other users (mode ${(mode & 0o7777).toString(8)}): 'chmod ${may === "read" ? "go-rw" : "go-w"}' it if it is yours`,
  );
}

export interface OwnFileOptions {
  /** Others may not even read it. Default: they may. */
  readonly secret?: boolean;
  /** Make it when it is not there, readable by its owner only. */
  readonly create?: boolean;
  /** Take a file that others may read or write, and keep them out from now on: its content is not believed. */
  readonly tighten?: boolean;
}

/**
 * Opens a file that is this user's alone: regular, under one name, no symbolic link, not writable by others. Throws
 * NotOwnError, or what the system says. The folders on its way are `checkOwnFolder`'s business.
 */
export function openOwnFile(path: string, access: "r" | "r+" | "a", options: OwnFileOptions = {}): number {
  const { create = false, secret = false, tighten = false } = options;
  const { O_RDONLY, O_RDWR, O_WRONLY, O_APPEND, O_CREAT } = constants;
  const way = { r: O_RDONLY, "r+": O_RDWR, a: O_WRONLY | O_APPEND }[access];
  let fd: number;
  try {
    fd = openSync(path, way | NO_FOLLOW | NO_WAIT | (create ? O_CREAT : 0), 0o600);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === "ELOOP") throw new NotOwnError(`${path} is a symbolic link`);
    if (code === "ENXIO") throw new NotOwnError(`${path} is no regular file`);
    throw e;
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new NotOwnError(`${path} is no regular file`);
    checkOwner(path, status);
    if (status.nlink > 1) throw new NotOwnError(`${path} has another name, too (a hard link)`);
    if (tighten && (status.mode & 0o077) !== 0) fchmodSync(fd, 0o600);
    else checkMode(path, status, secret ? 0o077 : GROUP_WRITE | OTHERS_WRITE);
    return fd;
  } catch (e) {
    closeSync(fd);
    throw e;
  }
}

/** The text of a file that is this user's alone. Throws NotOwnError, or what the system says. */
export function readOwnFile(path: string, options: Pick<OwnFileOptions, "secret"> = {}): string {
  const fd = openOwnFile(path, "r", options);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
