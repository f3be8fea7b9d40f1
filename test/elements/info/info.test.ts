import { test } from "uvu";
import * as assert from "uvu/assert";
import { DATABASES } from "../../../src/lang/args/databases.js";
import { bench, complaints } from "../harness.js";

test("AddressInfo's names mean the kind of address that is wanted", async () => {
  const { router } = await bench(
    "AddressInfo(a 10.0.0.1/8 00:50:BA:85:84:A9 2001:db8::1/32, b 10.0.0.0/8, c 10.1.2.3 a, , d 1.2.3.4 5.6.7.8)",
  );
  const look = (database: string, name: string): string =>
    String(router.graph.names.lookup(database, "", name) ?? "none");
  assert.is(look(DATABASES.ip, "a"), "10,0,0,1");
  assert.is(look(DATABASES.ipPrefix, "a"), "10,0,0,1,255,0,0,0");
  assert.is(look(DATABASES.ether, "a"), "0,80,186,133,132,169");
  assert.is(look(DATABASES.ip6, "a"), "32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1");
  assert.is(look(DATABASES.ip6Prefix, "a").split(",")[16], "32");
  assert.is(look(DATABASES.ip, "b"), "none");
  assert.is(look(DATABASES.ipPrefix, "b"), "10,0,0,0,255,0,0,0");
  // A later address of one kind only replaces an earlier one.
  assert.is(look(DATABASES.ip, "d"), "5,6,7,8");
  assert.is(look(DATABASES.ether, "c"), "0,80,186,133,132,169");
  router.close();
});

test("AddressInfo inside a compound names things for that compound only", async () => {
  const text = "c :: { AddressInfo(n 10.0.0.1); ";
  const { router } = await bench(`${text} }`);
  const { names } = router.graph;
  assert.equal(names.lookup(DATABASES.ip, "c/", "n"), Uint8Array.of(10, 0, 0, 1));
  assert.is(names.lookup(DATABASES.ip, "", "n"), undefined);
  router.close();
});

test("AddressInfo says what it does not recognize", async () => {
  assert.equal((await complaints("AddressInfo(a, b nonsense)")).slice(1), [
    "  expected 'NAME [ADDRS]'",
    "  'nonsense' is not a recognizable address",
  ]);
});

test("PortInfo names ports of one protocol or of both", async () => {
  const { router } = await bench(
    "PortInfo(web 8080/tcp www2 # the web, both 0x50, other 7/nonsense, # comment, data 4341/udp, sctp 9/132)",
  );
  const look = (database: string, name: string): unknown => router.graph.names.lookup(database, "", name);
  assert.is(look(DATABASES.tcpPorts, "web"), 8080);
  assert.is(look(DATABASES.tcpPorts, "www2"), 8080);
  assert.is(look(DATABASES.tcpPorts, "the"), undefined);
  assert.is(look(DATABASES.udpPorts, "web"), undefined);
  assert.is(look(DATABASES.tcpPorts, "both"), 80);
  assert.is(look(DATABASES.udpPorts, "both"), 80);
  assert.is(look(DATABASES.tcpPorts, "other"), undefined);
  assert.is(look(DATABASES.udpPorts, "data"), 4341);
  router.close();
  for (const wrong of ["a", "a x", "a 65536", "a 80x"])
    assert.equal((await complaints(`PortInfo(${wrong})`)).slice(1), ["  expected 'NAME PORT/PROTO'"]);
});

test.run();
