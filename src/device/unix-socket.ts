// A link to another process of the same machine that needs no rights: Unix datagram sockets (unix(7)), a frame a
// datagram, as QEMU's `-netdev dgram` has them. One socket is bound to its own path and connected to its peer's.
// Connected both ways the kernel limits what is under way by bytes; one way only, by net.unix.max_dgram_qlen frames.

import { createHash } from "node:crypto";
import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { resolve } from "node:path";
import * as io from "../../assembly/device-layout.js";
import { DeviceError, type DeviceOptions } from "../router/device.js";
import { type KernelContext, KernelDevice } from "./kernel-device.js";
import * as sys from "./syscalls.js";

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const FIONREAD = 0x541b;
const SEND_BUFFER = 4 * 2 ** 20;
const DEFAULT_MTU = 1500;
/** Largest length of a path, bytes: struct sockaddr_un without its last zero. */
export const UNIX_PATH_MAX = 107;
/** Milliseconds between looks whether the peer came, went, or is another one. */
const LOOK_MS = 100;

/** The two paths of a `unix:OWN:PEER`. */
export interface UnixName {
  readonly name: string;
  readonly own: string;
  readonly peer: string;
}

/** Reads a device name `unix:OWN:PEER`. Throws DeviceError `NO_SUCH_DEVICE`. */
export function parseUnixName(name: string): UnixName {
  const paths = name
    .slice(name.indexOf(":") + 1)
    .split(":")
    .map((path) => path.trim());
  const [own, peer] = paths;
  const wrong = (why: string): DeviceError =>
    new DeviceError("NO_SUCH_DEVICE", `'${name}' is no device: ${why}`);
  if (paths.length !== 2 || own === "" || peer === "") throw wrong("it takes two paths, unix:OWN:PEER");
  for (const path of [own, peer]) {
    const length = Buffer.byteLength(path);
    if (length > UNIX_PATH_MAX)
      throw wrong(`a socket's path has ${UNIX_PATH_MAX} bytes at most, ${path} has ${length}`);
    if (path.includes("\0")) throw wrong("a path holds no zero byte");
  }
  if (resolve(own) === resolve(peer)) throw wrong("its own path and its peer's are the same");
  return { name, own, peer };
}

/** A locally administered hardware address for the end at `own`, the same in every run. */
export function unixAddress({ own }: UnixName): Uint8Array {
  const hash = createHash("sha256").update(resolve(own)).digest();
  return Uint8Array.of(2, ...hash.subarray(0, 5));
}

export class UnixSocketDevice extends KernelDevice {
  readonly mac: Uint8Array;
  readonly linkType = "ethernet";
  readonly mtu: number;
  readonly #paths: UnixName;
  readonly #file: string;
  readonly #peerAddress: Buffer;
  #fd = -1;
  #waitFd = -1;
  /** The socket file as we made it; null before: then nobody can send to us. */
  #made: Stats | null = null;
  #joined = false;
  #look: NodeJS.Timeout | undefined;

  /** Throws DeviceError `PERMISSION`, `BUSY`, `IO` or `UNSUPPORTED`. The peer need not be there. */
  constructor(paths: UnixName, context: KernelContext, options: DeviceOptions = {}) {
    super(paths.name, context);
    this.#paths = paths;
    this.#file = resolve(paths.own);
    this.#peerAddress = address(paths.peer);
    this.mac = options.hardware ?? unixAddress(paths);
    this.mtu = options.mtu ?? DEFAULT_MTU;
    try {
      this.#fd = this.#socket();
      const size = Buffer.alloc(4);
      size.writeInt32LE(SEND_BUFFER);
      // The forced size goes beyond net.core.wmem_max, but needs CAP_NET_ADMIN.
      if (this.syscalls.setsockopt(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, size, 4) < 0)
        this.syscalls.setsockopt(this.#fd, SOL_SOCKET, SO_SNDBUF, size, 4);
      if (options.sendOnly !== true) this.#bind();
      this.makeStates(false, io.IO_BATCH, true);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#join();
    this.#look = setInterval(() => this.#watch(), LOOK_MS);
    this.#look.unref();
  }

  /** Starts receiving on a device that was opened for sending only. Throws DeviceError. */
  startReceiving(): void {
    if (this.#made === null && !this.closed) this.#bind();
  }

  protected override get joined(): boolean {
    return this.#joined;
  }

  protected get receiveFd(): number {
    return this.#made === null ? -1 : this.#fd;
  }

  /** Waiting to read and waiting to write need a descriptor each. */
  protected get sendFd(): number {
    if (this.#waitFd < 0) this.#waitFd = this.syscalls.dup(this.#fd);
    return this.#waitFd;
  }

  protected read(ready: number): number {
    const { syscalls } = this;
    const messages = this.base + this.rx + io.RX_MSGS;
    let n = syscalls.recvmmsg(this.#fd, messages, ready, sys.MSG_DONTWAIT, 0);
    // Said once, when the peer turned to somebody else: no frame was lost by it.
    if (n < 0 && syscalls.errno === sys.ECONNRESET) {
      this.#joined = false;
      n = syscalls.recvmmsg(this.#fd, messages, ready, sys.MSG_DONTWAIT, 0);
    }
    // Who sends is there; but the failure that is asked for next is that of reading.
    if (n > 0 && !this.#joined) this.#join();
    return n;
  }

  protected write(count: number): number {
    const { syscalls } = this;
    const messages = this.base + this.tx + io.TX_MSGS;
    if (this.#joined) {
      const n = syscalls.sendmmsg(this.#fd, messages, count, sys.MSG_DONTWAIT);
      if (n >= 0 || !peerLost(syscalls.errno)) return n;
    }
    // There may be another one by now.
    if (this.#join()) return syscalls.sendmmsg(this.#fd, messages, count, sys.MSG_DONTWAIT);
    this.fall(`${this.name} is down: ${this.#whyNot(syscalls.errno)}`);
    return -1;
  }

  protected exists(): boolean {
    return !this.closed;
  }

  /** Nothing is dropped: a sender waits. */
  protected kernelDrops(): number {
    return 0;
  }

  protected closeDescriptors(): void {
    clearInterval(this.#look);
    if (this.#waitFd >= 0) this.syscalls.close(this.#waitFd);
    if (this.#fd >= 0) this.syscalls.close(this.#fd);
    this.#fd = this.#waitFd = -1;
    const made = this.#made;
    this.#made = null;
    if (made === null) return;
    const file = statusOf(this.#file);
    // Another one may have taken the path meanwhile.
    if (file?.ino === made.ino && file.dev === made.dev) removeFile(this.#file);
  }

  /** Connects to the peer, or to whoever has its path by now; false, with `errno`, where nobody has. */
  #join(): boolean {
    const { syscalls } = this;
    this.#joined = syscalls.connect(this.#fd, this.#peerAddress, this.#peerAddress.length) === 0;
    if (this.#joined) this.revive();
    return this.#joined;
  }

  #watch(): void {
    const was = this.#joined;
    if (this.#join() || !was) return;
    // A peer that comes now is refused as long as we are connected to the last one. Parting throws away what that one
    // still sent, so it is read first.
    const waiting = Buffer.alloc(4);
    this.syscalls.ioctl(this.#fd, FIONREAD, waiting);
    if (waiting.readInt32LE() > 0) this.#joined = true;
    else this.syscalls.connect(this.#fd, NOBODY, NOBODY.length);
  }

  #bind(): void {
    const { own } = this.#paths;
    const bytes = address(own);
    let failed = this.syscalls.bind(this.#fd, bytes, bytes.length) < 0;
    if (failed && this.syscalls.errno === sys.EADDRINUSE) {
      this.#removeStale(bytes);
      failed = this.syscalls.bind(this.#fd, bytes, bytes.length) < 0;
    }
    if (failed) throw this.#error(`make the socket ${own}`);
    this.#made = statusOf(this.#file);
  }

  /** Removes a socket that nobody has any more. Throws DeviceError where somebody has, or it is none. */
  #removeStale(bytes: Buffer): void {
    const file = statusOf(this.#file);
    if (file !== null && !file.isSocket())
      throw new DeviceError("IO", `${this.name}: ${this.#paths.own} is there and is no socket`);
    if (file !== null && process.getuid !== undefined && file.uid !== process.getuid())
      throw new DeviceError(
        "BUSY",
        `${this.name}: the socket ${this.#paths.own} belongs to another user (${file.uid})`,
      );
    const probe = this.#socket();
    const dead = this.syscalls.connect(probe, bytes, bytes.length) < 0;
    const { errno } = this.syscalls;
    this.syscalls.close(probe);
    if (!dead || errno !== sys.ECONNREFUSED)
      throw new DeviceError("BUSY", `${this.name}: another process has the socket ${this.#paths.own}`);
    // Another program may have taken it over meanwhile.
    const now = statusOf(this.#file);
    if (now?.ino === file?.ino && now?.dev === file?.dev) removeFile(this.#file);
  }

  #socket(): number {
    const fd = this.syscalls.socket(sys.AF_UNIX, sys.SOCK_DGRAM | sys.SOCK_FLAGS, 0);
    if (fd < 0) throw this.#error("open a Unix socket");
    return fd;
  }

  #whyNot(errno: number): string {
    const { peer } = this.#paths;
    if (errno === sys.ENOENT || errno === sys.ECONNREFUSED) return `nobody has the socket ${peer}`;
    if (errno === sys.EPERM) return `${peer} is joined to another socket`;
    if (errno === sys.EACCES) return `the socket ${peer} may not be written to by this user`;
    return `${peer} cannot be reached (${sys.errorText(errno)})`;
  }

  #error(what: string): DeviceError {
    const { errno } = this.syscalls;
    const denied = errno === sys.EACCES || errno === sys.EPERM;
    const why = errno === sys.ENOENT ? "there is no such folder" : sys.errorText(errno);
    return new DeviceError(denied ? "PERMISSION" : "IO", `${this.name}: cannot ${what} (${why})`);
  }
}

const NOBODY = Buffer.alloc(16); // AF_UNSPEC

/** A struct sockaddr_un. */
function address(path: string): Buffer {
  const bytes = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  bytes.writeUInt16LE(sys.AF_UNIX, 0);
  bytes.write(path, 2);
  return bytes;
}

/** EPERM: it is connected to another one. */
function peerLost(errno: number): boolean {
  return [sys.ECONNREFUSED, sys.ENOTCONN, sys.ECONNRESET, sys.EPERM].includes(errno);
}

function statusOf(file: string): Stats | null {
  try {
    return lstatSync(file);
  } catch {
    return null;
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // somebody was faster, or the folder is gone
  }
}
