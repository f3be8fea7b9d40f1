// A Map-Server that a registrar registers with, and how its handlers tell of it.

import { splitSpaces } from "../../lang/args/text.js";
import { addressText } from "../../net/address.js";
import { eidText } from "../../net/eid.js";
import { prefixText } from "../../net/prefix.js";
import { linesOf } from "../../router/lines.js";
import { algorithmName, keyAlgorithm } from "../control/keys.js";
import { MappingError, parseEidAndInstance } from "../mapping.js";
import type { MapServerConfig } from "./map-server-config.js";
import type { OwnRegistration, OwnRegistrations } from "./own-registrations.js";

export interface RegistrarServer {
  readonly config: MapServerConfig;
  /** Our RLOC of its address family. */
  readonly source: Uint8Array;
  readonly registrations: OwnRegistrations;
}

/** Whether the Map-Server has acknowledged everything. */
export function allAcknowledged(server: RegistrarServer): boolean {
  return server.registrations.acknowledgedCount === server.registrations.size;
}

/** Address, algorithm, registrations that it has acknowledged and all. */
export function serverLine(server: RegistrarServer): string {
  const { address, keys } = server.config;
  const algorithm = algorithmName(keyAlgorithm(keys[0]));
  return `${addressText(address)} ${algorithm} ${server.registrations.acknowledgedCount} ${server.registrations.size}\n`;
}

/** A line where the Map-Server has been told of EID-prefixes several times, and has not confirmed them; else nothing. */
export function problemLine({ config, registrations }: RegistrarServer): string {
  if (!config.wantNotify) return "";
  const { count, tries } = registrations.unconfirmed;
  if (count === 0) return "";
  return `Map-Server ${addressText(config.address)} has not confirmed ${count} of ${registrations.size} EID-prefixes after ${tries} Map-Registers: ${suspicion(config)}\n`;
}

/** What there is to look for where no answer comes. */
export function suspicion({ keys }: MapServerConfig): string {
  const sent = keys.map((k) => `key ID ${k.id} ${algorithmName(keyAlgorithm(k))}`).join(", ");
  return `it is not there, or refuses them (sent with ${sent}); its log says why`;
}

/**
 * A line for every registration, in parts (`linesOf`): those from `ADDRESS EID-PREFIX [iid N]` on, where ADDRESS is the
 * Map-Server's. `now`: steady time, nanoseconds. Throws MappingError.
 */
export function registrationLines(servers: readonly RegistrarServer[], now: number, from: string): string {
  const [address = "", ...prefix] = splitSpaces(from.trim());
  return linesOf(
    registrationsFrom(servers, address, prefix.join(" ")),
    ([server, r]) => {
      const ago = r.notified === null ? "-" : ((now - r.notified) / 1e9).toFixed(3);
      const next = ((r.due - now) / 1e9).toFixed(3);
      return `${server} ${r.iid} ${prefixText(r.eid)} ${r.state} ${r.tries} ${ago} ${next}\n`;
    },
    ([server, r]) => `${server} ${eidText(r)}`,
  );
}

function* registrationsFrom(
  servers: readonly RegistrarServer[],
  from: string,
  prefix: string,
): IterableIterator<readonly [string, OwnRegistration]> {
  const start = from === "" ? 0 : servers.findIndex((s) => addressText(s.config.address) === from);
  if (start < 0) throw new MappingError(`${from} is no Map-Server`);
  for (const [i, { config, registrations }] of servers.slice(start).entries()) {
    const first = i === 0 && prefix !== "" ? parseEidAndInstance(prefix) : undefined;
    for (const r of registrations.entries(first)) yield [addressText(config.address), r];
  }
}
