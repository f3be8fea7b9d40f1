// Registrations as text, for handlers.

import { addressText } from "../../net/address.js";
import { rlocText } from "../control/message-text.js";
import type { Entry, Registration } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { mappingText, parseEidAndInstance } from "../mapping.js";
import { readRawRecord } from "./records.js";

/** One line a registration, of all or of those within an EID-prefix; `now`: steady nanoseconds. Throws MappingError. */
export function registrationsText(database: RegistrationDatabase, now: number, within: string): string {
  const entries = within.trim() === "" ? database.entries() : database.subtree(parseEidAndInstance(within));
  let text = "";
  for (const entry of entries) text += entryText(entry, now);
  return text;
}

function entryText(entry: Entry, now: number): string {
  return entry.registrations.map((r) => `${registrationText(r, now)}\n`).join("");
}

/** The locators in the order in which they were registered, where some are no IP addresses: a mapping has only those that are. */
function locatorTexts({ raw }: Registration): readonly string[] | undefined {
  return raw === null ? undefined : readRawRecord(raw)?.locators.map(rlocText);
}

/** The mapping, then site, source, seconds left, xTR-ID, and `proxy` and `merge` where the xTR asked for them. */
function registrationText(r: Registration, now: number): string {
  const words = [
    mappingText(r.mapping, r.mapping.ttl, locatorTexts(r)),
    "site",
    r.site,
    "from",
    addressText(r.source),
  ];
  words.push("left", String(Math.max(0, Math.ceil((r.expiry - now) / 1e9))));
  if (r.xtrId !== null) words.push("xtr", Buffer.from(r.xtrId).toString("hex"));
  if (r.proxy) words.push("proxy");
  if (r.merge) words.push("merge");
  return words.join(" ");
}
