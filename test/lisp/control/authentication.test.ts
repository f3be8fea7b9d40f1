// Authentication data, RFC 9301 sections 5.6 and 12.5: those of other implementations, and ours by hand.

import { createHmac } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AuthenticatedMessage,
  AuthenticationError,
  type AuthenticationKey,
  authenticate,
  type Ends,
  verifyAuthentication,
} from "../../../src/lisp/control/authentication.js";
import { eidAddress, eidPrefix, ipAddress, NO_ADDRESS } from "../../../src/wire/lisp-control/address.js";
import { changePriority } from "../../../src/wire/lisp-control/change-priority.js";
import { decodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import { mapNotify, mapRegister } from "../../../src/wire/lisp-control/registration.js";
import { CAPTURES, datagrams } from "../../wire/lisp-control/fixtures.js";

const secret = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const KEY: AuthenticationKey = { id: 7, secret: secret("labkey1") };
const RECORD: EidRecord = {
  ttl: 10,
  eid: eidAddress(0, Uint8Array.of(192, 168, 1, 0)),
  maskLength: 24,
  action: 0,
  authoritative: true,
  version: 0,
  locators: [
    {
      rloc: ipAddress(Uint8Array.of(10, 0, 1, 2)),
      priority: 1,
      weight: 100,
      mpriority: 255,
      mweight: 0,
      local: true,
      probed: false,
      reachable: true,
    },
  ],
};
const REGISTER = mapRegister({ nonce: 0x0102030405060708n, wantNotify: true, records: [RECORD] });
const IDS = { xtrId: new Uint8Array(16).fill(0xaa), siteId: new Uint8Array(8).fill(0xbb) };

function decoded(bytes: Uint8Array): AuthenticatedMessage {
  return decodeLispControl(bytes) as AuthenticatedMessage;
}

function verdict(bytes: Uint8Array, keys: readonly AuthenticationKey[] = [KEY]): string {
  return verifyAuthentication(bytes, decoded(bytes), keys).verdict;
}

/** The bytes with their authentication data zeroed, and those data. */
function split(bytes: Uint8Array): [Uint8Array, string] {
  const length = (bytes[14] << 8) | bytes[15];
  const zeroed = bytes.slice();
  zeroed.fill(0, 16, 16 + length);
  return [zeroed, Buffer.from(bytes.subarray(16, 16 + length)).toString("hex")];
}

/** The site's number, which its key ends with: the third byte of 192.168.N.0/24, the seventh and eighth of fd01:0:0:N::/64. */
function site(message: AuthenticatedMessage): number {
  const record = (message as { records: readonly EidRecord[] }).records[0];
  const { address } = eidPrefix(record)!.eid;
  return address.length === 4 ? address[2] : address[7];
}

for (const file of CAPTURES) {
  test(`${file}: every registration and Map-Notify verifies with its site's key and no other`, () => {
    let checked = 0;
    for (const d of datagrams(file)) {
      const message = d.control ? decodeLispControl(d.payload!) : null;
      if (message === null || !("authentication" in message) || message.type === "encapsulated-control")
        continue;
      const id = message.authentication.keyId;
      for (const n of [1, 2, 3]) {
        const found = verifyAuthentication(d.payload!, message, [{ id, secret: secret(`labkey${n}`) }]);
        assert.is(found.verdict, n === site(message) ? "valid" : "wrong-key", `frame ${d.frame}, key ${n}`);
      }
      checked++;
    }
    const expected = file.startsWith("oor-02") || file.startsWith("oor-04") ? 0 : 8;
    assert.is(checked, expected);
  });
}

test("algorithm 1 sends the whole HMAC-SHA-1 of the message with its authentication data zeroed (5.6, step 5)", () => {
  const [zeroed, data] = split(authenticate(REGISTER, KEY, 1));
  assert.is(data.length, 40);
  assert.is(data, createHmac("sha1", "labkey1").update(zeroed).digest("hex"));
});

test("algorithm 2 sends the whole HMAC-SHA-256", () => {
  const [zeroed, data] = split(authenticate(REGISTER, KEY, 2));
  assert.is(data.length, 64);
  assert.is(data, createHmac("sha256", "labkey1").update(zeroed).digest("hex"));
});

for (const [type, salt] of [
  ["map-register", "Map-Register Authentication"],
  ["map-notify", "Map-Notify Authentication"],
  ["map-notify-ack", "Map-Notify-Ack Authentication"],
] as const) {
  test(`algorithm 3 derives the key of a ${type} from nonce, secret and '${salt}' (5.6, step 4; RFC 5869, 2.2 and 2.3)`, () => {
    const message =
      type === "map-register" ? REGISTER : mapNotify({ type, nonce: REGISTER.nonce, records: [RECORD] });
    const bytes = authenticate(message, KEY, 3);
    const [zeroed, data] = split(bytes);
    const extracted = createHmac("sha256", salt)
      .update(Buffer.from("0102030405060708", "hex"))
      .update("labkey1")
      .digest();
    const key = createHmac("sha256", extracted).update(Uint8Array.of(1)).digest();
    assert.is(data, createHmac("sha256", key).update(zeroed).digest("hex").slice(0, 32));
    assert.is(verdict(bytes), "valid");
  });
}

test("a changed nonce, record or flag, and another secret, are a wrong key", () => {
  for (const algorithm of [1, 2, 3]) {
    const bytes = authenticate(REGISTER, KEY, algorithm);
    assert.is(verdict(bytes), "valid");
    for (const at of [1, 11, bytes.length - 1]) {
      const changed = bytes.slice();
      changed[at] ^= 1;
      assert.is(verdict(changed), "wrong-key", `algorithm ${algorithm}, byte ${at}`);
    }
    assert.is(verdict(bytes, [{ id: 7, secret: secret("labkey2") }]), "wrong-key");
  }
});

test("a type that is changed is a wrong key, though both have the same layout", () => {
  for (const algorithm of [1, 2, 3]) {
    const bytes = authenticate(mapNotify({ type: "map-notify", nonce: 1n, records: [] }), KEY, algorithm);
    bytes[0] = 0x50;
    assert.is(decoded(bytes).type, "map-notify-ack");
    assert.is(verdict(bytes), "wrong-key");
  }
});

test("truncated MACs of the RFC's lengths verify, and no others", () => {
  for (const [algorithm, full, short] of [
    [1, 20, 12],
    [2, 32, 16],
  ] as const) {
    const complete = authenticate(REGISTER, KEY, algorithm);
    const hash = algorithm === 1 ? "sha1" : "sha256";
    for (let length = 0; length <= full + 1; length++) {
      const zeroed = authenticate(REGISTER, { ...KEY, algorithms: [0] }, 0).slice();
      const bytes = Uint8Array.of(
        ...zeroed.subarray(0, 13),
        algorithm,
        0,
        length,
        ...new Uint8Array(length),
        ...complete.subarray(16 + full),
      );
      const mac = createHmac(hash, "labkey1").update(bytes).digest().subarray(0, length);
      bytes.set(mac, 16);
      const good = length === full || length === short;
      assert.is(verdict(bytes), good ? "valid" : "truncated", `algorithm ${algorithm}, ${length} bytes`);
    }
  }
});

test("while keys roll over, the key ID finds the key; one with the same ID is tried too", () => {
  const old = { id: 1, secret: secret("old") };
  const next = { id: 2, secret: secret("new") };
  const keys = [old, next];
  assert.is(
    verifyAuthentication(authenticate(REGISTER, old, 2), decoded(authenticate(REGISTER, old, 2)), keys).key,
    old,
  );
  const bytes = authenticate(REGISTER, next, 2);
  assert.is(verifyAuthentication(bytes, decoded(bytes), keys).key, next);
  assert.is(verdict(bytes, [old]), "unknown-key-id");
  assert.is(verdict(bytes, []), "unknown-key-id");
  assert.is(verdict(bytes, [{ id: 2, secret: secret("other") }, next]), "valid");
  assert.is(verdict(bytes, [{ id: 1, secret: next.secret }]), "unknown-key-id");
});

test("an unknown algorithm, and one that the key may not be used with, is refused", () => {
  const bytes = authenticate(REGISTER, KEY, 2);
  bytes[13] = 4;
  assert.is(verdict(bytes), "unknown-algorithm");
  bytes[13] = 1;
  assert.is(verdict(bytes, [{ ...KEY, algorithms: [2] }]), "unknown-algorithm");
  const none = authenticate(REGISTER, { ...KEY, algorithms: [0] }, 0);
  assert.is(verdict(none), "unknown-algorithm", "no authentication is not accepted unless it is asked for");
  assert.is(verdict(none, [{ ...KEY, algorithms: [0] }]), "valid");
  assert.throws(
    () => authenticate(REGISTER, KEY, 0),
    (e: unknown) => e instanceof AuthenticationError,
  );
  assert.throws(
    () => authenticate(REGISTER, KEY, 9),
    (e: unknown) => e instanceof AuthenticationError,
  );
});

test("a MAC with or without xTR-ID and Site-ID is accepted, and it is said which: what it leaves out can be forged", () => {
  const register = mapRegister({ ...REGISTER, ids: IDS });
  const without = authenticate(register, KEY, 2);
  const within = authenticate(register, KEY, 2, "ids");
  assert.is(verifyAuthentication(without, decoded(without), [KEY]).scope, "records");
  assert.is(verifyAuthentication(within, decoded(within), [KEY]).scope, "ids");
  without[without.length - 1] ^= 1;
  within[within.length - 1] ^= 1;
  assert.is(verdict(without), "valid");
  assert.is(verdict(within), "wrong-key");
});

test("bytes behind the message may be covered or not", () => {
  const register = mapRegister({ ...REGISTER, ids: IDS, trailer: Uint8Array.of(1, 2, 3) });
  for (const scope of ["records", "ids", "all"] as const) {
    const bytes = authenticate(register, KEY, 2, scope);
    assert.is(verifyAuthentication(bytes, decoded(bytes), [KEY]).scope, scope);
  }
});

test("Info-Requests are authenticated with the secret itself, and not with algorithm 3", () => {
  const info: AuthenticatedMessage = {
    type: "info-request",
    nonce: 5n,
    authentication: REGISTER.authentication,
    ttl: 0,
    eid: NO_ADDRESS,
    maskLength: 0,
    nat: NO_ADDRESS,
  };
  const bytes = authenticate(info, KEY, 1);
  assert.is(verdict(bytes), "valid");
  bytes[13] = 3;
  assert.is(verdict(bytes), "unknown-algorithm");
  assert.throws(() => authenticate(info, KEY, 3));
});

for (const algorithm of [1, 2, 3])
  test(`a Change-Priority message with algorithm ${algorithm}: all of it is covered, and whom it is from and for`, () => {
    const message = changePriority({ role: "cache", event: "left", nonce: 9n, records: [RECORD] });
    const [a, b] = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)];
    const ends = { source: a, destination: b };
    const bytes = authenticate({ ...message, trailer: Uint8Array.of(1, 2) }, KEY, algorithm, "records", ends);
    const verdicts = (sent: Uint8Array, from: Ends | null): string =>
      verifyAuthentication(sent, decoded(sent), [KEY], from).verdict;
    assert.is(verdicts(bytes, ends), "valid");
    assert.is(verdicts(bytes, { source: b, destination: a }), "wrong-key", "its own reflection");
    assert.is(verdicts(bytes, { source: a, destination: a }), "wrong-key");
    assert.is(verdicts(bytes, null), "wrong-key");
    for (let at = 0; at < bytes.length; at++) {
      // Other types, roles and lengths are other messages, or none.
      if (at < 3 || (at >= 12 && at < 16) || at === 3) continue;
      const other = bytes.slice();
      other[at] ^= 1;
      let changed: AuthenticatedMessage;
      try {
        changed = decoded(other);
      } catch {
        continue;
      }
      assert.is(verifyAuthentication(other, changed, [KEY], ends).verdict, "wrong-key", `byte ${at}`);
    }
    const [zeroed, mac] = split(bytes);
    if (algorithm === 3) return;
    const hash = algorithm === 1 ? "sha1" : "sha256";
    const by = createHmac(hash, KEY.secret)
      .update(Buffer.concat([a, b, zeroed]))
      .digest("hex");
    assert.is(mac, by);
  });

test.run();
