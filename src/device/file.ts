// Files of devices, opened synchronously.

import { openSync } from "node:fs";
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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
