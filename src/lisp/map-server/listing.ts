// Registrations as text, for handlers.

import { splitSpaces } from "../../lang/args/text.js";
import { addressText } from "../../net/address.js";
import { coversEid, type EidPrefix, eidText } from "../../net/eid.js";
import { LINES, linesOf } from "../../router/lines.js";
import { rlocText } from "../control/message-text.js";
import type { Entry, Registration } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { MappingError, mappingText, parseEidAndInstance } from "../mapping.js";
import { readRawRecord } from "./records.js";
import { idsName, type Place, type Subscription, type Subscriptions } from "./subscriptions.js";

/**
 * One line a registration, of all or of those within an EID-prefix: `[EID-PREFIX [iid N]] [from EID-PREFIX [iid N]]`, in
 * parts (`linesOf`). `now`: steady nanoseconds. Throws MappingError.
 */
export function registrationsText(database: RegistrationDatabase, now: number, text: string): string {
  const [within, from] = ranges(text);
  if (within !== null && from !== null && !coversEid(within, from))
    throw new MappingError(`${eidText(from)} is not within ${eidText(within)}`);
  const entries =
    within === null ? database.entries(from ?? undefined) : database.subtree(within, from?.eid ?? within.eid);
  return linesOf(
    entries,
    (entry) => entryText(entry, now),
    (next) => [...(within === null ? [] : [eidText(within)]), `from ${eidText(next)}`].join(" "),
  );
}

/** What is listed, and from where on; null: all. */
function ranges(text: string): readonly [EidPrefix | null, EidPrefix | null] {
  const words = splitSpaces(text.trim());
  const at = words.indexOf("from");
  const read = (some: readonly string[]): EidPrefix => parseEidAndInstance(some.join(" "));
  const within = at < 0 ? words : words.slice(0, at);
  return [within.length === 0 ? null : read(within), at < 0 ? null : read(words.slice(at + 1))];
}

/**
 * Subscriptions: prefix, where the subscriber is, its xTR-ID and the nonce of what it was last told; in parts (`linesOf`),
 * those behind `EID-PREFIX [iid N] xtr XTR-ID.SITE-ID`. Throws MappingError.
 */
export function subscriptionsText(subscriptions: Subscriptions, text: string): string {
  return linesOf(
    subscriptions.page(placeOf(text), LINES + 1),
    ({ subscription }) => subscriptionLine(subscription!),
    (_next, { prefix, subscription }) => `${eidText(prefix)} xtr ${idsName(subscription!.ids)}`,
  );
}

function placeOf(text: string): Place | null {
  const [prefix, ids] = text.trim().split(/\s+xtr\s+/);
  return prefix === ""
    ? null
    : { prefix: parseEidAndInstance(prefix), name: ids ?? "", subscription: null, number: 0 };
}

function subscriptionLine({ prefix, to, ids, nonce }: Subscription): string {
  return `${eidText(prefix)} ${addressText(to)} xtr ${Buffer.from(ids.xtrId).toString("hex")} nonce ${nonce.toString(16)}\n`;
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
