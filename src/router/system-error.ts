// What the system says of a failed call, in C's words.

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
  const { code } = error as NodeJS.ErrnoException;
  return (code !== undefined && WORDS[code]) || error.message;
}
