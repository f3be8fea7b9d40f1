// conf/map-server.click, map-server-only.click and map-resolver.click on one network, in simulated time, and a peer
// whose messages are made and read here.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Loader, MapProvider, makeLink, Router, Simulation } from "../../src/index.js";
import { type AuthenticationKey, authenticate } from "../../src/lisp/control/authentication.js";
import { parseEid, parseRloc } from "../../src/lisp/mapping.js";
import { libraryReader } from "../../src/loader.js";
import { addressText } from "../../src/net/address.js";
import { ipAddress } from "../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../src/wire/lisp-control/encapsulated.js";
import { mapRequest } from "../../src/wire/lisp-control/map-request.js";
import { mapRegister } from "../../src/wire/lisp-control/registration.js";
import { packetOf, record, type Sent, sentTo } from "../elements/lisp/control.js";
import { Bench, Feed, Sink } from "../elements/lisp/harness.js";

const PEER4 = "10.0.0.1";
const PEER6 = "fd00::1";
const SITES = "a key secret-a eid 192.168.1.0/24 more eid fd01::/64, b key secret-b sha1 eid 192.168.2.0/24";
const A: AuthenticationKey = { id: 1, secret: Buffer.from("secret-a") };

interface Node {
  readonly file: string;
  readonly address: number;
  readonly variables: Record<string, string>;
}

/** Graphs of conf/ and the peer on one Ethernet. */
class Network {
  readonly simulation = new Simulation(3);
  readonly routers: Router[] = [];
  #peer: Bench | null = null;

  static async of(nodes: readonly Node[]): Promise<Network> {
    const network = new Network();
    const { simulation } = network;
    const loader = new Loader();
    loader.add(Sink, "Sink");
    loader.add(Feed, "Feed");
    const ends = [...nodes, null].map((_, i) =>
      makeLink({
        clock: simulation.clock,
        schedule: simulation.schedule,
        names: ["core", `port${i}`],
        macs: [Uint8Array.of(2, 0, 0, 0, 1, i), Uint8Array.of(2, 0, 0, 0, 2, i)],
        delay: 0.001,
      }),
    );
    const make = async (
      text: string,
      file: string,
      devices: ConstructorParameters<typeof MapProvider>[0],
      variables: Record<string, string> = {},
    ): Promise<Router> => {
      const router = new Router({
        file,
        clock: simulation.clock,
        devices: new MapProvider(devices),
        variables,
        loader,
        readLibrary: libraryReader(""),
        log: () => {},
        memory: { slots: 1024 },
      });
      await router.start(text);
      simulation.add(router);
      network.routers.push(router);
      return router;
    };
    for (const [i, { file, address, variables }] of nodes.entries())
      await make(readFileSync(`conf/${file}`, "latin1"), `conf/${file}`, [["core", ends[i][0]]], {
        RLOC4: `10.0.0.${address}`,
        RLOC6: `fd00::${address}`,
        ...variables,
      });
    const hub = ends.map((_, i) => `t${i} :: Tee(${ends.length}); FromDevice(port${i}) -> t${i};`);
    for (const i of ends.keys()) {
      hub.push(`q${i} :: Queue(1000) -> ToDevice(port${i}); t${i}[${i}] -> Discard;`);
      for (const j of ends.keys()) if (i !== j) hub.push(`t${j}[${i}] -> q${i};`);
    }
    await make(
      hub.join("\n"),
      "hub",
      ends.map((e, i) => [`port${i}`, e[1]]),
    );
    const peer = await make(
      `require(library ethernet-interface.click);
      eth :: EthernetInterface(core, ${PEER4}, ${PEER6});
      Feed -> to4 :: GetIPAddress(16) -> [0] eth; Feed -> to6 :: GetIP6Address(24) -> [1] eth;
      eth[0] -> out4 :: Sink; eth[1] -> out6 :: Sink`,
      "conf/peer.click",
      [["core", ends[nodes.length][0]]],
    );
    network.#peer = Bench.around(peer, simulation.clock);
    return network;
  }

  /** Sends a message from the peer; gives what reaches it within a second, as `from type`. */
  send(to: string, message: Uint8Array | Parameters<typeof packetOf>[0]): Sent<{ readonly type: string }>[] {
    const six = to.includes(":");
    const peer = this.#peer!;
    peer.push(six ? "to6" : "to4", [packetOf(message, { from: six ? PEER6 : PEER4, to })]);
    this.simulation.run(1);
    return [...sentTo(peer, "out4"), ...sentTo(peer, "out6")];
  }

  close(): void {
    for (const router of this.routers) router.close();
  }
}

const registration = (nonce: number, eid: string, rloc: string, key = A): Uint8Array =>
  authenticate(
    mapRegister({ nonce: BigInt(nonce), records: [record(eid, rloc)], wantNotify: true, proxyReply: true }),
    key,
    2,
  );

function question(eid: string): Parameters<typeof packetOf>[0] {
  const { address, length } = parseEid(eid);
  const ip = { version: 4, tos: 0, id: 0, dontFragment: false, ttl: 9, options: new Uint8Array(0) } as const;
  return encapsulatedControl({
    ip: { ...ip, source: parseRloc(PEER4), destination: parseRloc("192.168.1.1") },
    sourcePort: 4342,
    destinationPort: 4342,
    udpChecksum: null,
    message: mapRequest({
      nonce: 7n,
      itrRlocs: [ipAddress(parseRloc(PEER6)), ipAddress(parseRloc(PEER4))],
      records: [{ eid: ipAddress(address), maskLength: length, subscribe: false }],
    }),
  });
}

const said = (sent: readonly Sent<{ readonly type: string }>[]): string[] =>
  sent.map((s) => `${addressText(s.source)} ${s.message.type}`);

test("map-server.click: an xTR registers and another asks at the same address, over both families", async () => {
  const n = await Network.of([{ file: "map-server.click", address: 100, variables: { SITES } }]);
  assert.equal(said(n.send("10.0.0.100", registration(1, "192.168.1.0/24", PEER4))), [
    "10.0.0.100 map-notify",
  ]);
  assert.equal(said(n.send("fd00::100", registration(2, "fd01::/64", PEER4))), ["fd00::100 map-notify"]);
  assert.equal(said(n.send("10.0.0.100", question("192.168.1.9/32"))), ["fd00::100 map-reply"]);
  assert.equal(said(n.send("fd00::100", question("fd01::9/128"))), ["fd00::100 map-reply"]);
  assert.equal(said(n.send("10.0.0.100", question("172.16.0.1/32"))), ["fd00::100 map-reply"]);
  const [router] = n.routers;
  assert.equal(
    ["ms.registers", "ms.replies", "mr.local", "mr.negative_replies"].map((h) => router.read(h).trim()),
    ["2", "2", "2", "1"],
  );
  n.close();
});

test("map-resolver.click finds map-server-only.click for its prefixes, and the answer comes from there", async () => {
  const n = await Network.of([
    { file: "map-server-only.click", address: 100, variables: { SITES } },
    {
      file: "map-resolver.click",
      address: 99,
      variables: { ROUTES: "192.168.0.0/16 10.0.0.100, fd01::/32 fd00::100" },
    },
  ]);
  n.send("10.0.0.100", registration(1, "192.168.1.0/24", PEER4));
  n.send("10.0.0.100", registration(2, "fd01::/64", PEER4));
  assert.equal(said(n.send("10.0.0.99", question("192.168.1.9/32"))), ["fd00::100 map-reply"]);
  assert.equal(said(n.send("fd00::99", question("fd01::9/128"))), ["fd00::100 map-reply"]);
  assert.equal(said(n.send("10.0.0.99", question("192.168.2.9/32"))), ["fd00::100 map-reply"]);
  assert.equal(said(n.send("10.0.0.99", question("172.16.0.1/32"))), ["fd00::99 map-reply"]);
  // Without a Map-Resolver it answers what it is asked directly.
  assert.equal(said(n.send("10.0.0.100", question("192.168.1.9/32"))), ["fd00::100 map-reply"]);
  const [ms, mr] = n.routers;
  assert.equal([mr.read("mr.forwarded").trim(), ms.read("ms.negative_replies").trim()], ["3", "1"]);
  n.close();
});

test("what is no business of theirs goes nowhere", async () => {
  const n = await Network.of([{ file: "map-server.click", address: 100, variables: { SITES } }]);
  const wrong: AuthenticationKey = { id: 1, secret: Buffer.from("secret-b") };
  assert.equal(n.send("10.0.0.100", registration(1, "192.168.1.0/24", PEER4, wrong)), []);
  assert.equal(
    [n.routers[0].read("ms.bad_authentication").trim(), n.routers[0].read("ms.size").trim()],
    ["1", "0"],
  );
  n.close();
});

test.run();
