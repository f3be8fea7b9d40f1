// UDP ports held for a router's graph: sockets that nobody reads. Packets to them are the graph's business, which takes
// them from the interface; without a socket the kernel would answer them with "port unreachable".

import { DeviceError } from "../router/device.js";
import * as sys from "./syscalls.js";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/**
 * Binds each of `ports` on every address of both families and leaves them so until the function returned is called.
 * What arrives fills the smallest of buffers, and is dropped then. Throws DeviceError; nothing is held then.
 */
export function holdUdpPorts(calls: sys.Syscalls, ports: readonly number[]): () => void {
  const held: number[] = [];
  const release = (): void => {
    for (const fd of held.splice(0)) calls.close(fd);
  };
  for (const port of ports) {
    // A machine may do without one of the families.
    const bound = [sys.AF_INET, sys.AF_INET6].map((family) => bindPort(calls, family, port, held));
    const failure =
      bound.find((errno) => errno === sys.EADDRINUSE) ?? (bound.every((errno) => errno !== 0) ? bound[0] : 0);
    if (failure === 0) continue;
    release();
    const why =
      failure === sys.EADDRINUSE ? "another program has it (`ss -ulpn` shows which)" : sys.errorText(failure);
    throw new DeviceError(
      failure === sys.EADDRINUSE ? "IO" : "PERMISSION",
      `cannot hold UDP port ${port}: ${why}`,
    );
  }
  return release;
}

/** Binds one port of one family and adds its descriptor to `held`; returns 0 or the error number. */
function bindPort(calls: sys.Syscalls, family: number, port: number, held: number[]): number {
  const fd = calls.socket(family, sys.SOCK_DGRAM | sys.SOCK_FLAGS, 0);
  if (fd < 0) return calls.errno;
  const one = Uint8Array.of(1, 0, 0, 0);
  calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, one, 4);
  if (family === sys.AF_INET6) calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4);
  const address = new Uint8Array(family === sys.AF_INET6 ? 28 : 16);
  address.set([family, 0, port >> 8, port & 255]);
  if (calls.bind(fd, address, address.length) < 0) {
    const { errno } = calls;
    calls.close(fd);
    return errno;
  }
  held.push(fd);
  return 0;
}
