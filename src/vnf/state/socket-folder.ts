// Folders for the Unix sockets of one service, in the folder for temporary files.

import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { checkOwnFolder } from "../../system/own-files.js";

const NAME = /^sluice-[0-9a-f]{16}$/;
const SOCKET = /^\d+[ab]$/;

/** A name that nobody else has or can guess, in folder `parent`. */
export function socketFolderIn(parent: string): string {
  return join(parent, `sluice-${randomBytes(8).toString("hex")}`);
}

/**
 * Removes such a folder and the sockets in it; false when it was not there. Throws, before anything is removed, where it
 * is another's, or holds something else.
 */
export function removeSocketFolder(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  if (!NAME.test(basename(path))) throw new Error("it is no folder of sockets");
  checkOwnFolder(path);
  const entries = readdirSync(path, { withFileTypes: true });
  const other = entries.find((entry) => !entry.isSocket() || !SOCKET.test(entry.name));
  if (other !== undefined) throw new Error(`it holds '${other.name}', which is no socket of a service`);
  for (const { name } of entries) unlinkSync(join(path, name));
  rmdirSync(path);
  return true;
}
