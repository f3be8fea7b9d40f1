// Files of devices, opened and written synchronously: a batch is not left half done.

import { openSync, writeSync } from "node:fs";
import { DeviceError } from "../router/device.js";

/** A packet of a capture cannot be larger than IP allows. */
export const CAPTURE_MTU = 65535;

/** Opens a capture file. Throws DeviceError `BAD_FILE`. */
export function openFile(file: string, flags: "r" | "w"): number {
  try {
    return openSync(file, flags);
  } catch (error) {
    throw new DeviceError("BAD_FILE", `${file}: ${messageOf(error)}`);
  }
}

/** Writes all of `bytes`. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
