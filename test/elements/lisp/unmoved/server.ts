// What must not change anything in a Map-Server, with the reason that counts it.

import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { ipAddress, NO_ADDRESS } from "../../../../src/wire/lisp-control/address.js";
import { encodeLispControl } from "../../../../src/wire/lisp-control/message.js";
import { record } from "../control.js";
import { ip } from "../harness.js";
import {
  A,
  B,
  bent,
  eidRequest,
  inEcm,
  info,
  key,
  moved,
  OTHER,
  referral,
  registering,
  signed,
  subscription,
  XTR,
} from "./messages.js";
import type { Attack } from "./world.js";
export const ON_SERVER: readonly Attack[] = [
  ["a Map-Register by another site's key", "ms.bad_authentication", () => signed(registering({}), B, 1)],
  [
    "a Map-Register by a key nobody has",
    "ms.bad_authentication",
    () => signed(registering({}), key("guess")),
  ],
  [
    "a Map-Register by the key under another ID",
    "ms.bad_authentication",
    () => signed(registering({}), { ...A, id: 2 }),
  ],
  [
    "a Map-Register with an algorithm that is not the site's",
    "ms.bad_authentication",
    () => signed(registering({}), A, 1),
  ],
  [
    "a Map-Register without authentication",
    "ms.bad_authentication",
    () => encodeLispControl(registering({})),
  ],
  [
    "a Map-Register with half of its authentication data",
    "ms.bad_authentication",
    () =>
      encodeLispControl(registering({ authentication: { keyId: 1, algorithm: 2, data: new Uint8Array(8) } })),
  ],
  [
    "a Map-Register changed after it was signed",
    "ms.bad_authentication",
    () => bent(signed(registering({}))),
  ],
  [
    "a withdrawal by another site's key",
    "ms.bad_authentication",
    () => signed(registering({ records: [record("10.1.0.0/16", XTR, { ttl: 0 })] }), B, 1),
  ],
  [
    "a Map-Register for another site's EID",
    "ms.bad_authentication",
    () => signed(registering({ records: [record("10.2.0.0/16", OTHER)] })),
  ],
  [
    "a Map-Register for its own and another site's EID",
    "ms.not_authorized",
    () => signed(registering({ records: [record("10.1.0.0/16", OTHER), record("10.2.0.0/16", OTHER)] })),
  ],
  [
    "a Map-Register for more than the site has",
    "ms.not_authorized",
    () => signed(registering({ records: [record("10.0.0.0/8", OTHER)] })),
  ],
  [
    "a Map-Register for everything",
    "ms.not_authorized",
    () => signed(registering({ records: [record("0.0.0.0/0", OTHER)] })),
  ],
  [
    "a Map-Register for the site's EID in another instance",
    "ms.not_authorized",
    () =>
      signed(
        registering({
          records: [
            record("10.1.0.0/16", OTHER, {
              eid: { kind: "instance", iid: 7, iidMaskLength: 0, address: ipAddress(ip("10.1.0.0")) },
            }),
          ],
        }),
      ),
  ],
  [
    "a Map-Register for a name",
    "ms.unsupported_eid",
    () =>
      signed(
        registering({
          records: [record("10.1.0.0/16", OTHER, { eid: { kind: "name", name: "x" }, maskLength: 0 })],
        }),
      ),
  ],
  ["a Map-Register that was taken, again", "ms.replayed", (w) => w.register],
  ["a Map-Register that was taken, from another address", "ms.replayed", (w) => w.register, { from: OTHER }],
  [
    "a Map-Register with an older nonce",
    "ms.replayed",
    (w) => signed({ ...w.registered, nonce: w.registered.nonce - 1n }),
  ],
  ["a Map-Register without a record", "at.no_records", () => signed(registering({ records: [] }))],
  [
    "a Map-Register from nobody's address",
    "at.bad_source",
    () => signed(registering({})),
    { from: "0.0.0.0" },
  ],
  [
    "a Map-Notify-Ack of nothing",
    "ms.unawaited_ack",
    () => signed(moved({ type: "map-notify-ack", nonce: 1n })),
  ],
  ["a Map-Notify-Ack that was taken, again", "ms.unawaited_ack", (w) => w.acknowledged, { from: OTHER }],
  [
    "the Map-Notify-Ack that is awaited, by another key",
    "ms.bad_authentication",
    (w) => authenticate({ ...w.published, type: "map-notify-ack" }, A, 2, "ids"),
    { from: OTHER },
  ],
  [
    "the Map-Notify-Ack that is awaited, unsigned",
    "ms.bad_authentication",
    (w) => encodeLispControl({ ...w.published, type: "map-notify-ack" }),
    { from: OTHER },
  ],
  ["a Map-Notify", "ms.unexpected", (w) => w.notify],
  [
    "a subscription with a nonce that was used",
    "ms.replayed",
    () => inEcm(subscription(40n)),
    { from: OTHER },
  ],
  [
    "a subscription that moves it elsewhere, with an old nonce",
    "ms.replayed",
    () => inEcm(subscription(39n, { itrRlocs: [ipAddress(ip("192.0.2.66"))] })),
  ],
  [
    "an unsubscription with an old nonce",
    "ms.replayed",
    () => inEcm(subscription(41n, { itrRlocs: [NO_ADDRESS] })),
  ],
  ["an SMR", "ms.probe", () => eidRequest("10.1.0.1", { smr: true })],
  ["a probe in an ECM", "mr.probe", () => inEcm(eidRequest("10.1.0.1", { probe: true }))],
  ["a Map-Reply in an ECM", "mr.unexpected", (w) => inEcm(w.answered)],
  ["a Map-Reply", "ms.unexpected", (w) => w.answered],
  ["an Info-Request", "ms.unexpected", () => info("info-request")],
  ["an Info-Reply", "ms.unexpected", () => info("info-reply")],
  ["a Map-Referral", "ms.unexpected", () => referral(1n)],
];
