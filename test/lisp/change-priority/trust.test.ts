// Whom a configuration trusts with which EIDs.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { maySay, parseTrust, Trusted } from "../../../src/lisp/change-priority/trust.js";
import { parseEidAndInstance, parseRloc } from "../../../src/lisp/mapping.js";

const secrets = (
  trusts: readonly { readonly keys: readonly { readonly secret: Uint8Array }[] }[],
): string[] => trusts.map(({ keys }) => keys.map(({ secret }) => Buffer.from(secret).toString()).join("+"));

test("an EID-prefix counts for those in it, of the instance that stands before it", () => {
  const trust = parseTrust("key 1:s eid 10.0.0.0/8 iid 7 eid 192.168.1.0/24 eid fd01::/64", 3);
  const may = (text: string): boolean => maySay(trust, "cache", [parseEidAndInstance(text)]);
  for (const eid of ["10.1.2.3 iid 3", "192.168.1.0/24 iid 7", "fd01::1 iid 7"]) assert.ok(may(eid), eid);
  for (const eid of [
    "10.1.2.3",
    "10.1.2.3 iid 7",
    "192.168.1.1 iid 3",
    "192.168.0.0/23 iid 7",
    "0.0.0.0/0 iid 3",
  ])
    assert.not.ok(may(eid), eid);
  assert.ok(maySay(parseTrust("key 1:s eid any"), "new", [parseEidAndInstance("::/0 iid 9")]));
});

test("roles are all, those of hypervisors, those of routers, or both", () => {
  const roles = (words: string): string => parseTrust(`key 1:s eid any ${words}`).roles.join();
  assert.is(roles("hypervisors"), "hypervisor");
  assert.is(roles("routers"), "new,reply,cache");
  assert.is(roles(""), roles("hypervisors routers"));
});

test("a message may be of those at its address with its key ID; one that is sent is signed for the first that fits", () => {
  const trusted = new Trusted([
    parseTrust("key 1:pair eid 10.1.0.0/16 at 192.0.2.1 at 192.0.2.2"),
    parseTrust("key 1:group key 2:newer eid 10.0.0.0/8 at 192.0.2.0/24 at 2001:db8::/32"),
    parseTrust("key 3:all eid any hypervisors"),
  ]);
  const from = (address: string, id: number): string[] => secrets(trusted.from(parseRloc(address), id));
  assert.equal(from("192.0.2.1", 1), ["pair", "group+newer"]);
  assert.equal(from("192.0.2.9", 2), ["group+newer"]);
  assert.equal(from("192.0.2.9", 3), ["all"]);
  assert.equal(from("198.51.100.1", 1), []);
  const to = (address: string, role: "cache" | "hypervisor", eid: string): string =>
    secrets(
      [trusted.to(parseRloc(address), role, [parseEidAndInstance(eid)])].filter((t) => t !== null),
    ).join();
  assert.is(to("192.0.2.2", "cache", "10.1.0.1"), "pair");
  assert.is(to("192.0.2.2", "cache", "10.2.0.1"), "group+newer");
  assert.is(to("2001:db8::7", "cache", "10.1.0.1"), "group+newer");
  assert.is(to("198.51.100.1", "cache", "10.1.0.1"), "");
  assert.is(to("198.51.100.1", "hypervisor", "10.1.0.1"), "all");
});

test.run();
