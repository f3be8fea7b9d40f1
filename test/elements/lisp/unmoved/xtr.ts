// What must not change anything in an xTR, with the reason that counts it.

import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
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
  moved,
  OTHER,
  publication,
  referral,
  replyTo,
  signed,
} from "./messages.js";
import type { Attack } from "./world.js";
export const ON_XTR: readonly Attack[] = [
  // Map-Replies.
  ["a Map-Reply to nothing", "ask.unsolicited", () => replyTo(eidRequest("10.3.0.1"), "10.3.0.0/16")],
  [
    "a Map-Reply with a nonce next to the right one",
    "ask.unsolicited",
    (w) => replyTo({ ...w.request, nonce: w.request.nonce ^ 1n }, "10.3.0.0/16"),
  ],
  ["a Map-Reply that was taken, again", "ask.unsolicited", (w) => w.answered],
  [
    "another Map-Reply with a nonce that was answered",
    "ask.unsolicited",
    (w) => replyTo({ ...w.request, nonce: w.answered.nonce }, "10.2.0.0/16", OTHER),
  ],
  ["a Map-Reply that comes too late", "ask.unsolicited", (w) => replyTo(w.late, "10.4.0.0/16")],
  ["a Map-Reply without a record", "in.no_records", (w) => mapReply({ nonce: w.request.nonce, records: [] })],
  ["a Map-Reply for another EID", "ask.foreign", (w) => replyTo(w.request, "10.5.0.0/16")],
  [
    "a Map-Reply for an EID next to the one asked for",
    "ask.foreign",
    (w) => replyTo(w.request, "10.3.0.2/32"),
  ],
  [
    "a Map-Reply for more-specifics of a prefix that it has not",
    "ask.foreign",
    (w) => replyTo(w.request, "10.3.0.128/25"),
  ],
  ["a Map-Reply for all of the other family", "ask.foreign", (w) => replyTo(w.request, "::/0")],
  [
    "a Map-Reply for all of another instance",
    "ask.foreign",
    (w) =>
      replyTo(w.request, "0.0.0.0/0", OTHER, {
        eid: { kind: "instance", iid: 7, iidMaskLength: 0, address: ipAddress(ip("0.0.0.0")) },
      }),
  ],
  [
    "a Map-Reply that would take out another mapping",
    "ask.foreign",
    (w) => replyTo(w.request, "10.2.0.0/16", "", { ttl: 0 }),
  ],
  [
    "a Map-Reply whose locators are nobody's",
    "ask.unusable",
    (w) => replyTo(w.request, "10.3.0.0/16", "224.0.0.1"),
  ],
  [
    "a Map-Reply for a name",
    "ask.unusable",
    (w) => replyTo(w.request, "10.3.0.0/16", OTHER, { eid: { kind: "name", name: "x" }, maskLength: 0 }),
  ],
  [
    "a Map-Reply from nobody's address",
    "in.bad_source",
    (w) => replyTo(w.request, "10.3.0.0/16"),
    { from: "224.0.0.1" },
  ],
  [
    "a Map-Reply of somebody else's that guesses",
    "ask.unsolicited",
    () => replyTo(eidRequest("10.3.0.1"), "10.3.0.0/16"),
    { from: OTHER },
  ],
  [
    "a Map-Reply cut short",
    "ask.malformed",
    (w) => encodeLispControl(replyTo(w.request, "10.3.0.0/16")).subarray(0, 30),
  ],
  [
    "a probe's answer for what was asked",
    "prober.unsolicited",
    (w) => ({
      ...replyTo(w.request, "10.3.0.0/16"),
      probe: true,
    }),
  ],
  // Answers to probes.
  [
    "an answer to no probe",
    "prober.unsolicited",
    () => ({
      ...replyTo(eidRequest("10.2.0.1"), "10.2.0.0/16"),
      probe: true,
    }),
  ],
  [
    "an answer with a nonce next to the probe's",
    "prober.unsolicited",
    (w) => ({
      ...replyTo({ ...w.probe, nonce: w.probe.nonce ^ 1n }, "10.2.0.0/16"),
      probe: true,
    }),
  ],
  ["an answer that was taken, again", "prober.unsolicited", (w) => w.probed, { from: "192.0.2.2" }],
  [
    "an answer that a Map-Server gives for the ETR",
    "prober.unsolicited",
    (w) => ({
      ...replyTo(w.probe, "10.2.0.0/16", "192.0.2.2", { authoritative: false }),
      probe: true,
    }),
  ],
  [
    "an answer from an address that the mapping does not have",
    "prober.stranger",
    (w) => ({ ...replyTo(w.probe, "10.2.0.0/16", "192.0.2.2"), probe: true }),
    { from: "192.0.2.66" },
  ],
  [
    "an answer that says by its p bit that it is of another RLOC",
    "prober.stranger",
    (w) => {
      const reply = replyTo(w.probe, "10.2.0.0/16", "192.0.2.2 192.0.2.66");
      const [{ locators, ...fields }] = reply.records;
      const [first, second] = locators;
      return {
        ...reply,
        probe: true,
        records: [{ ...fields, locators: [first, { ...second, probed: true }] }],
      };
    },
    { from: "192.0.2.2" },
  ],
  [
    "an answer that comes to another address than the probe left from",
    "prober.stranger",
    (w) => ({ ...replyTo(w.probe, "10.2.0.0/16", "192.0.2.2"), probe: true }),
    { from: "192.0.2.2", to: "192.0.2.67" },
  ],
  ["an answer to a probe without the P bit", "ask.unsolicited", (w) => replyTo(w.probe, "10.2.0.0/16")],
  // Map-Notifys.
  ["a Map-Notify by another key", "reg.bad_auth", () => signed(moved(), B)],
  ["a Map-Notify by the key under another ID", "reg.bad_auth", () => signed(moved(), { ...A, id: 9 })],
  [
    "a Map-Notify by the key with an algorithm that is not agreed",
    "reg.bad_auth",
    () => signed(moved(), A, 1),
  ],
  ["a Map-Notify without authentication", "reg.bad_auth", () => encodeLispControl(moved())],
  ["a Map-Notify changed after it was signed", "reg.bad_auth", () => bent(signed(moved()))],
  [
    "the Map-Notify that is awaited, by another key",
    "reg.bad_auth",
    (w) => signed(moved({ nonce: w.registered.nonce }), B),
  ],
  ["a Map-Notify that was taken, again", "reg.late", (w) => w.notify],
  ["an unsolicited Map-Notify, again from elsewhere", "reg.replay", (w) => w.unsolicited, { from: OTHER }],
  [
    "a Map-Notify-Ack, which is for Map-Servers",
    "reg.malformed",
    () => signed(moved({ type: "map-notify-ack" })),
  ],
  // Publications of changes.
  [
    "a publication by the key of another",
    "reg.bad_auth",
    (w) => publication(w.subscribes, 3n, OTHER, { ...B, id: 3 }),
  ],
  ["a publication changed after it was signed", "reg.bad_auth", (w) => bent(publication(w.subscribes, 3n))],
  [
    "a publication that was taken, again",
    "sub.replay",
    (w) => publication(w.subscribes, 1n),
    { from: OTHER },
  ],
  [
    "an older publication that says something else",
    "sub.replay",
    (w) => publication(w.subscribes, 1n, OTHER),
  ],
  [
    "a publication to another xTR",
    "reg.bad_auth",
    (w) =>
      publication(
        { ...w.subscribes, ids: { xtrId: new Uint8Array(16), siteId: new Uint8Array(8) } },
        3n,
        OTHER,
      ),
  ],
  ["a publication of no subscription", "reg.bad_auth", (w) => publication(w.subscribes, 1n << 32n, OTHER)],
  // Map-Requests.
  [
    "a Map-Request with a mapping of its sender's",
    "replier.not_ours",
    () =>
      eidRequest("10.3.0.1", { sourceEid: ipAddress(ip("10.3.0.1")), mapData: record("10.3.0.0/16", OTHER) }),
    { from: OTHER },
  ],
  [
    "an SMR about what is not in the map-cache",
    "solicited.unknown",
    () => eidRequest("10.6.0.1", { smr: true, sourceEid: ipAddress(ip("10.6.0.1")) }),
    { from: OTHER },
  ],
  [
    "an SMR inside an ECM",
    "replier.smr",
    () => inEcm(eidRequest("10.1.0.1", { smr: true })),
    { from: OTHER },
  ],
  ["a probe inside an ECM", "replier.probe_in_ecm", () => inEcm(eidRequest("10.1.0.1", { probe: true }))],
  // What no xTR takes.
  ["a Map-Register", "in.map_registers", (w) => w.register, { from: OTHER }],
  ["an Info-Reply that nobody asked for", "in.other", () => info("info-reply")],
  ["an Info-Request", "in.other", () => info("info-request"), { from: OTHER }],
  ["a Map-Referral with the nonce of what was asked", "in.other", (w) => referral(w.request.nonce)],
];
