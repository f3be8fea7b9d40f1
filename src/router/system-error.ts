// What the system says of a failed call, in C's words.

import { getSystemErrorMap } from "node:util";

/** Where Node's words are others than C's, and the usual ones. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EEXIST: "File exists",
  EFBIG: "File too large",
  EISDIR: "Is a directory",
  EMFILE: "Too many open files",
  ENOENT: "No such file or directory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  EPERM: "Operation not permitted",
  EPIPE: "Broken pipe",
  EROFS: "Read-only file system",
};

/** The sentence for an error that Node threw: strerror's where it is known, else Node's own. */
export function systemError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  const words = (code !== undefined && WORDS[code]) || (errno !== undefined && nodeWords(errno));
  return words || error.message;
}

/** Node's words for an error number, which mostly are C's but for their first letter. */
function nodeWords(errno: number): string | undefined {
  const words = getSystemErrorMap().get(errno)?.[1];
  return words === undefined ? undefined : words.charAt(0).toUpperCase() + words.slice(1);
}
