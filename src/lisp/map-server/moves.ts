// Whom to tell that an EID has other locators now: the xTRs that had it (RFC
// 9301, section 5.7; Follow-Me-Cloud: an EID that moves is registered as a host
// prefix, out of the subnet of its first xTR).

import type { Change } from "../database/history.js";
import type { Entry, Registration } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { sameAnswer, sameXtr } from "./entries.js";

/** The registrations whose xTRs do not know yet what `change` says: that others have the EID-prefix, or nobody any more. */
export function toldOfMove(database: RegistrationDatabase, change: Change): readonly Registration[] {
  const { after, before } = change;
  // What nobody has any more is again the business of those who have the prefix around it.
  if (after === null)
    return (around(database, change)?.registrations ?? []).filter(
      (r) => before?.registrations.some((b) => sameXtr(b, r)) !== true,
    );
  const former = before ?? around(database, change);
  if (former === null) return [];
  const others = former.registrations.filter((r) => !after.registrations.some((a) => sameXtr(a, r)));
  if (before === null) return others;
  // Nothing has moved where another xTR of the site registers the same, as those do that do not merge.
  if (sameAnswer(before, after)) return [];
  // Those that merge with others learn what all have together; who has just registered is told by its acknowledgement.
  const merged = after.registrations.filter((r) => r.merge && isOlder(r, before));
  return [...others, ...merged];
}

/** Whether it was there before, as it is. */
function isOlder(r: Registration, before: Entry): boolean {
  return before.registrations.some((b) => sameXtr(b, r) && b.nonce === r.nonce);
}

/** The longest prefix around a new one. */
function around(database: RegistrationDatabase, { iid, eid }: Change): Entry | null {
  const { address, length } = eid;
  return length === 0 ? null : database.around({ iid, eid: { address, length: length - 1 } });
}
