// The one owner of system calls. koffi is loaded here, and only once a device
// of the kernel is opened: everything else runs without it.

import { createRequire } from "node:module";
import { getSystemErrorMap, getSystemErrorName } from "node:util";
import type { PacketMemory } from "../packet/memory.js";
import { DeviceError } from "../router/device.js";

type Koffi = typeof import("koffi")["default"];

// Architectures whose structures and ioctl numbers are those written below (64-bit, little-endian, asm-generic).
const ARCHITECTURES: readonly string[] = ["x64", "arm64", "riscv64", "loong64"];

export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_FLAGS: number = O_NONBLOCK | O_CLOEXEC;
export const MSG_DONTWAIT = 0x40;

const CLOCK_MONOTONIC = 1;

export const ENOENT = 2;
export const ENXIO = 6;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const EACCES = 13;
export const EPERM = 1;
export const EFAULT = 14;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const ENETDOWN = 100;
export const EADDRINUSE = 98;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ENOTCONN = 107;
export const ECONNREFUSED = 111;

/** Waits for one descriptor inside Node's own event loop; the process stays alive while it does. */
export interface Waiter {
  /** Calls `ready` once, as soon as the descriptor can be used or has failed. While waiting, only replaces `ready`. */
  wait(ready: () => void): void;
  /** Releases it; to be called before the descriptor is closed. */
  close(): void;
}

/** System calls by name. Each returns what the kernel returns, -1 with `errno` set on failure; addresses are the process's. */
export class Syscalls {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly connect: (fd: number, address: Uint8Array, length: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly getsockopt: (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: Uint8Array,
  ) => number;
  readonly recvmmsg: (fd: number, messages: number, count: number, flags: number, timeout: number) => number;
  readonly sendmmsg: (fd: number, messages: number, count: number, flags: number) => number;
  readonly open: (path: string, flags: number) => number;
  readonly close: (fd: number) => number;
  readonly dup: (fd: number) => number;
  readonly flock: (fd: number, operation: number) => number;
  readonly ioctl: (fd: number, request: number, argument: Uint8Array) => number;
  /** For the requests whose argument is a number, not an address. */
  readonly ioctlNumber: (fd: number, request: number, argument: number) => number;
  readonly readv: (fd: number, iov: number, count: number) => number;
  readonly writev: (fd: number, iov: number, count: number) => number;
  /** 0 where there is no interface of this name. */
  readonly interfaceIndex: (name: string) => number;
  readonly timerSet: (fd: number, flags: number, value: Uint8Array, former: number) => number;
  readonly #koffi: Koffi;
  readonly #timerCreate: (clock: number, flags: number) => number;

  /** Throws DeviceError `UNSUPPORTED` where system calls cannot be made. */
  constructor() {
    if (process.platform !== "linux" || !ARCHITECTURES.includes(process.arch))
      throw unsupported(`they need 64-bit Linux, this is ${process.platform} on ${process.arch}`);
    let koffi: Koffi;
    try {
      koffi = createRequire(import.meta.url)("koffi") as Koffi;
    } catch (error) {
      throw unsupported(`the package koffi cannot be loaded (${firstLine(error)})`);
    }
    this.#koffi = koffi;
    // Node itself is linked with the C library, whichever that is: its own symbols serve.
    const c = koffi.load(null);
    this.socket = c.func("int socket(int, int, int)");
    this.bind = c.func("int bind(int, const void *, uint32_t)");
    this.connect = c.func("int connect(int, const void *, uint32_t)");
    this.setsockopt = c.func("int setsockopt(int, int, int, const void *, uint32_t)");
    this.getsockopt = c.func("int getsockopt(int, int, int, void *, void *)");
    this.recvmmsg = c.func("int recvmmsg(int, uintptr_t, uint32_t, int, uintptr_t)");
    this.sendmmsg = c.func("int sendmmsg(int, uintptr_t, uint32_t, int)");
    this.open = c.func("int open(const char *, int)");
    this.close = c.func("int close(int)");
    this.dup = c.func("int dup(int)");
    this.flock = c.func("int flock(int, int)");
    this.ioctl = c.func("int ioctl(int, unsigned long, void *)");
    this.ioctlNumber = c.func("ioctl", "int", ["int", "unsigned long", "uintptr_t"]);
    this.readv = c.func("intptr_t readv(int, uintptr_t, int)");
    this.writev = c.func("intptr_t writev(int, uintptr_t, int)");
    this.interfaceIndex = c.func("unsigned int if_nametoindex(const char *)");
    this.timerSet = c.func("int timerfd_settime(int, int, const void *, uintptr_t)");
    this.#timerCreate = c.func("int timerfd_create(int, int)");
  }

  /** The error of the last call that failed. */
  get errno(): number {
    return this.#koffi.errno();
  }

  /** A timer of steady time that is not set. */
  timer(): number {
    return this.#timerCreate(CLOCK_MONOTONIC, SOCK_FLAGS);
  }

  /** Where the router's memory lies in the process. It never moves. */
  address(memory: PacketMemory): number {
    return Number(this.#koffi.address(new Uint8Array(memory.memory.buffer)));
  }

  /** A waiter for `fd`; one descriptor has one waiter at most. */
  waiter(fd: number, direction: "read" | "write"): Waiter {
    return new PollWaiter(this.#koffi, fd, direction);
  }
}

/** `EPERM: operation not permitted`. */
export function errorText(errno: number): string {
  const entry = getSystemErrorMap().get(-errno);
  return entry === undefined ? `error ${errno}` : `${getSystemErrorName(-errno)}: ${entry[1]}`;
}

export function isInterfaceName(name: string): boolean {
  return /^[^\s/:]{1,15}$/.test(name) && name !== "." && name !== "..";
}

/** Throws DeviceError `NO_SUCH_DEVICE` unless `name` is one that Linux accepts for an interface. */
export function checkInterfaceName(name: string): void {
  if (!isInterfaceName(name))
    throw new DeviceError(
      "NO_SUCH_DEVICE",
      `'${name}' is no interface name (1 to 15 characters, no space, / or :)`,
    );
}

function unsupported(why: string): DeviceError {
  return new DeviceError(
    "UNSUPPORTED",
    `devices of the kernel are not available here: ${why}; pcap files (pcap:FILE) and in-process links work without`,
  );
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0];
}

class PollWaiter implements Waiter {
  readonly #handle: ReturnType<Koffi["node"]["poll"]>;
  readonly #event: (ev: unknown) => void;
  readonly #events: { readonly readable: boolean; readonly writable: boolean };
  #ready: (() => void) | null = null;
  #started = true;
  #closed = false;

  constructor(koffi: Koffi, fd: number, direction: "read" | "write") {
    this.#events = { readable: direction === "read", writable: direction === "write" };
    // koffi calls straight from libuv's poll phase, outside of Node's callback scope: promises and errors are
    // not looked after there. The work is done in the check phase that follows at once.
    const deliver = () => {
      const ready = this.#ready;
      this.#ready = null;
      ready?.();
    };
    // An error on the descriptor counts as ready: the next call on it will say what it is.
    this.#event = () => {
      this.#halt();
      setImmediate(deliver);
    };
    this.#handle = koffi.node.poll(fd, this.#events, this.#event);
    this.#halt();
  }

  wait(ready: () => void): void {
    if (this.#closed) return;
    // Between the event and its delivery a new wait only replaces who is told.
    const pending = this.#ready !== null;
    this.#ready = ready;
    if (pending) return;
    this.#started = true;
    this.#handle.start(this.#events, this.#event);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ready = null;
    this.#handle.close();
  }

  #halt(): void {
    if (this.#started && !this.#closed) this.#handle.stop();
    this.#started = false;
  }
}
