// The packets of a capture file, all at once.

import { closeSync, openSync, readSync } from "node:fs";
import { DeviceError } from "../router/device.js";
import { LINKTYPE_ETHERNET, PcapReader, pcapLinkHeader } from "../wire/pcap.js";

export interface Recorded {
  readonly linkType: "ethernet" | "ip";
  readonly frames: readonly Uint8Array[];
  /** Packets left out because they were longer than `longest`. */
  readonly tooLong: number;
  /** Whether there were more than `most`. */
  readonly more: boolean;
}

/** Reads at most `most` packets of at most `longest` bytes from capture file `file`. Throws DeviceError `BAD_FILE`. */
export function readRecorded(file: string, longest: number, most: number): Recorded {
  const frames: Uint8Array[] = [];
  let tooLong = 0;
  let fd = -1;
  try {
    fd = openSync(file, "r");
    const reader = new PcapReader((into) => readSync(fd, into));
    const { linkType } = reader.header;
    const skip = pcapLinkHeader(linkType);
    if (skip < 0) throw new Error(`link type ${linkType} is not supported`);
    let more = false;
    while (reader.next()) {
      if (frames.length === most) {
        more = true;
        break;
      }
      const frame = reader.buffer.slice(reader.start + skip, reader.start + reader.captured);
      if (frame.length > longest) tooLong++;
      else if (frame.length > 0) frames.push(frame);
    }
    return { linkType: linkType === LINKTYPE_ETHERNET ? "ethernet" : "ip", frames, tooLong, more };
  } catch (e) {
    throw new DeviceError("BAD_FILE", `${file}: ${e instanceof Error ? e.message : e}`);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
