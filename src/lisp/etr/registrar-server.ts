// A Map-Server that a registrar registers with, and how its handlers tell of it.

import { addressText } from "../../net/address.js";
import { prefixText } from "../../net/prefix.js";
import { algorithmName, keyAlgorithm } from "../control/keys.js";
import type { MapServerConfig } from "./map-server-config.js";
import type { OwnRegistrations } from "./own-registrations.js";

export interface RegistrarServer {
  readonly config: MapServerConfig;
  /** Our RLOC of its address family. */
  readonly source: Uint8Array;
  readonly registrations: OwnRegistrations;
}

/** Whether the Map-Server has acknowledged everything. */
export function allAcknowledged(server: RegistrarServer): boolean {
  return acknowledged(server) === server.registrations.size;
}

/** Registrations whose latest content the Map-Server has acknowledged; a refresh under way does not count against it. */
function acknowledged({ registrations }: RegistrarServer): number {
  let count = 0;
  for (const r of registrations.entries()) if (r.acknowledged) count++;
  return count;
}

/** Address, algorithm, registrations that it has acknowledged and all. */
export function serverLine(server: RegistrarServer): string {
  const { address, keys } = server.config;
  const algorithm = algorithmName(keyAlgorithm(keys[0]));
  return `${addressText(address)} ${algorithm} ${acknowledged(server)} ${server.registrations.size}\n`;
}

/** Map-Registers after which a Map-Server that has not answered has a problem, or we have: a lost message is none. */
export const UNCONFIRMED_TRIES = 4;

/** A line where the Map-Server has been told of EID-prefixes several times, and has not confirmed them; else nothing. */
export function problemLine({ config, registrations }: RegistrarServer): string {
  if (!config.wantNotify) return "";
  let waiting = 0;
  let tries = 0;
  for (const r of registrations.entries())
    if (r.state === "registering" && r.tries >= UNCONFIRMED_TRIES) {
      waiting++;
      tries = Math.max(tries, r.tries);
    }
  if (waiting === 0) return "";
  return `Map-Server ${addressText(config.address)} has not confirmed ${waiting} of ${registrations.size} EID-prefixes after ${tries} Map-Registers: ${suspicion(config)}\n`;
}

/** What there is to look for where no answer comes. */
export function suspicion({ keys }: MapServerConfig): string {
  const sent = keys.map((k) => `key ID ${k.id} ${algorithmName(keyAlgorithm(k))}`).join(", ");
  return `it is not there, or refuses them (sent with ${sent}); its log says why`;
}

/** A line for every registration; `now`: steady time, nanoseconds. */
export function registrationLines({ config, registrations }: RegistrarServer, now: number): string {
  return [...registrations.entries()]
    .map((r) => {
      const ago = r.notified === null ? "-" : ((now - r.notified) / 1e9).toFixed(3);
      const next = ((r.due - now) / 1e9).toFixed(3);
      return `${addressText(config.address)} ${r.iid} ${prefixText(r.eid)} ${r.state} ${r.tries} ${ago} ${next}\n`;
    })
    .join("");
}
