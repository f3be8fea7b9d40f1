// Socket files that a killed program left: nobody listens there, and nobody else can.

import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { connect } from "node:net";

/** Milliseconds in which a listener that is there takes a connection. One that is slower is there all the same. */
const PATIENCE_MS = 1000;

/**
 * Removes the socket file at `path` if it is this user's and nobody listens there. Resolves with null, or with a sentence
 * that says why it stays.
 */
export async function removeStaleSocket(path: string): Promise<string | null> {
  const found = statusOf(path);
  if (found === null) return null;
  if (!found.isSocket()) return "it is there and is no socket";
  if (process.getuid !== undefined && found.uid !== process.getuid())
    return `the socket there belongs to another user (${found.uid})`;
  if (await listened(path)) return "another process listens there";
  // Another program may have taken it over meanwhile.
  const now = statusOf(path);
  if (now === null) return null;
  if (now.ino !== found.ino || now.dev !== found.dev) return "another process listens there";
  unlinkSync(path);
  return null;
}

function listened(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (is: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(is);
    };
    const timer = setTimeout(() => end(true), PATIENCE_MS);
    socket.once("connect", () => end(true));
    // Anything else (EACCES, EPROTOTYPE of a datagram socket, a queue that is full) comes from somebody's socket.
    socket.once("error", (e: NodeJS.ErrnoException) => end(e.code !== "ECONNREFUSED" && e.code !== "ENOENT"));
  });
}

function statusOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
