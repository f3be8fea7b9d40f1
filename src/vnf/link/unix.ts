// Links of functions that are processes, where namespaces are refused: pairs of Unix sockets in a folder of the service.

import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseUnixName, UNIX_PATH_MAX } from "../../device/unix-socket.js";
import { DeviceError } from "../../router/device.js";
import { checkWay } from "../../system/own-files.js";
import type { Resource } from "../state/ledger.js";
import { removeSocketFolder, socketFolderIn } from "../state/socket-folder.js";
import type { KernelPair, PairEnd, Pairs, ResourceBook } from "./pairs.js";

/** What the names of our folder and the sockets in it may need of a path. */
const ROOM = 40;

export class UnixPairs implements Pairs {
  readonly #book: ResourceBook;
  #folder: (Resource & { kind: "path" }) | null = null;
  #count = 0;

  constructor(book: ResourceBook) {
    this.#book = book;
  }

  async lay(ends: readonly [PairEnd, PairEnd]): Promise<KernelPair> {
    const folder = this.#folder ?? this.#makeFolder();
    this.#folder = folder;
    const pair = join(folder.path, String(++this.#count));
    const [a, b] = [`${pair}a`, `${pair}b`];
    return [
      { namespace: null, device: `unix:${a}:${b}`, mac: ends[0].mac },
      { namespace: null, device: `unix:${b}:${a}`, mac: ends[1].mac },
    ];
  }

  /** Those of a process that was killed are still there. */
  async remove(pair: KernelPair): Promise<void> {
    for (const { device } of pair) rmSync(parseUnixName(device).own, { force: true });
  }

  async namespace(): Promise<null> {
    return null;
  }

  async removeNamespace(): Promise<void> {}

  async close(): Promise<void> {
    if (this.#folder === null) return;
    removeSocketFolder(this.#folder.path);
    this.#book.forget(this.#folder);
    this.#folder = null;
  }

  /** Not the state folder: paths of sockets are short, and those of users may not be. Only its owner has access. */
  #makeFolder(): Resource & { kind: "path" } {
    const folder = { kind: "path", path: socketFolderIn(parentFolder()) } as const;
    this.#book.note(folder);
    mkdirSync(folder.path, { mode: 0o700 });
    return folder;
  }
}

/** Where sockets' paths are short and nobody else can put others in their place. Throws DeviceError where that is nowhere. */
function parentFolder(): string {
  let why = "its path is too long, or has a ':'";
  for (const path of [tmpdir(), "/tmp"]) {
    if (path.includes(":") || Buffer.byteLength(path) + ROOM > UNIX_PATH_MAX) continue;
    try {
      checkWay(path);
      return path;
    } catch (e) {
      why = (e as Error).message;
    }
  }
  throw new DeviceError(
    "PERMISSION",
    `sockets cannot lie in ${tmpdir()}: ${why} (TMPDIR names another place)`,
  );
}
