// A controller's migrations over messages: agents with simulated hypervisors, tunnel routers and a Map-Server that say
// what a test wants, in simulated time.

import { type Batch, Element, type Router } from "../../src/index.js";
import { ChangePriorityTalk } from "../../src/lisp/change-priority/talk.js";
import { parseTrust, Trusted } from "../../src/lisp/change-priority/trust.js";
import { ControlChannel, messageOf } from "../../src/lisp/control/control-channel.js";
import { addressText } from "../../src/net/address.js";
import { hostPrefix } from "../../src/net/prefix.js";
import { WireError } from "../../src/wire/error.js";
import { eidPrefix } from "../../src/wire/lisp-control/address.js";
import type { ChangePriority, ChangeStatus } from "../../src/wire/lisp-control/change-priority.js";
import { mapReply } from "../../src/wire/lisp-control/map-reply.js";
import { encodeLispControl } from "../../src/wire/lisp-control/message.js";
import type { UdpPacket } from "../../src/wire/udp-packet.js";
import { record } from "../elements/lisp/control.js";
import { Net } from "./agent-net.js";

/** A tunnel router of a test: acknowledges what is done, and says it to the test. */
export class TestTunnelRouter extends Element {
  static readonly spec = { ports: "1/1", processing: "h/h" } as const;
  readonly #channel = new ControlChannel(this);
  /** Events with EIDs and RLOCs, as they were done. */
  readonly heard: string[] = [];
  /** When, steady nanoseconds. */
  readonly times: number[] = [];
  /** What it says, and does, to a message. */
  act: (message: ChangePriority) => ChangeStatus = () => "done";
  readonly #talk = new ChangePriorityTalk<null>({
    element: this,
    trusted: new Trusted([parseTrust("key cp eid any")]),
    file: null,
    age: 30,
    capacity: 64,
    send: (message) => this.#channel.send(message, 0),
    act: (message) => this.#act(message),
    outcome: () => {},
    count: () => {},
  });

  #act(message: ChangePriority): ChangeStatus {
    const eids = message.records.map((r) => addressText(eidPrefix(r)!.eid.address)).join(" ");
    const rlocs = message.records[0].locators.map(({ rloc }) =>
      rloc.kind === "ip" ? addressText(rloc.address) : "?",
    );
    const status = this.act(message);
    this.times.push(this.router.clock.now());
    this.heard.push([message.event, eids, ...rlocs, ...(status === "done" ? [] : [status])].join(" "));
    return status;
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      const message = messageOf(datagram);
      if (message?.type === "change-priority") this.#talk.hear(message, datagram as UdpPacket);
    });
  }
}

/** A Map-Server of a test: answers Map-Requests out of a table. */
export class TestMapServer extends Element {
  static readonly spec = { ports: "1/1", processing: "h/h" } as const;
  readonly #channel = new ControlChannel(this);
  /** RLOCs by EID. */
  readonly table = new Map<string, string>();
  answers = true;
  /** An EID that it answers about in place of what was asked; null: it does not. */
  other: string | null = null;

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      const message = messageOf(datagram);
      if (datagram instanceof WireError || message?.type !== "encapsulated-control" || !this.answers) return;
      const request = message.inner?.message;
      if (request?.type !== "map-request") return;
      const { address } = eidPrefix(request.records[0])!.eid;
      const eid = `${this.other ?? addressText(address)}/${hostPrefix(address).length}`;
      const rloc = this.table.get(addressText(address));
      const answer = mapReply({ nonce: request.nonce, records: [record(eid, rloc)] });
      const to = request.itrRlocs.find(({ kind }) => kind === "ip")!;
      if (to.kind !== "ip") return;
      this.#channel.send(
        { source: datagram.destination, destination: to.address, payload: encodeLispControl(answer) },
        0,
      );
    });
  }
}

/** Addresses: controller, Map-Server; agents and tunnel routers of data centres a and b. */
export const C = "192.0.2.50";
export const MS = "192.0.2.9";
export const AGENT = { a: "192.0.2.11", b: "192.0.2.12" } as const;
export const ROUTER = { a: "192.0.2.1", b: "192.0.2.2" } as const;
export const EID = "10.1.0.5";

const ENTRIES = `dc a rloc ${ROUTER.a} agent ${AGENT.a} key 1:secret, dc b rloc ${ROUTER.b} agent ${AGENT.b} key 1:secret,
  service web, vm web service web dc a memory 64M eid ${EID}`;

/** The graph of a controller. */
export function controllerGraph(args = "", entries = ENTRIES, decides = false): string {
  const decision = decides
    ? `Idle -> t :: FMCMobilityTracker(c, RLOC ${C}, MAP_RESOLVER ${MS}, PUBSUB_KEY k) -> Discard; d :: FMCDecision(c, t);`
    : "";
  return `{ input -> MarkIPHeader -> by :: IPClassifier(src udp port 4344, -);
    by[1] -> lisp :: LISPControlClassifier; lisp[0], lisp[2], lisp[3], lisp[4] -> Discard;
    c :: FMCCatalogue(${entries}); ${decision}
    m :: FMCMigration(c, ADDR ${C}, TRUST "key cp eid any", MAP_RESOLVER ${MS}${decides ? ", DECISION d" : ""}${args}) -> output;
    by[0] -> m; lisp[5] -> [1] m; lisp[1] -> [2] m }`;
}

export interface MigrationNet {
  readonly net: Net;
  readonly routers: Readonly<Record<"a" | "b", TestTunnelRouter>>;
  readonly server: TestMapServer;
  readonly controller: Router;
  /** A handler of the element. */
  read(handler: string): string;
}

/** `args` of FMCMigration, each with a comma before it; `guest`: what runs at a, as HypervisorAgent has it. */
export async function migrationNet(
  args = "",
  {
    delay = 0.005,
    guest = `web memory 64M address ${EID}`,
    entries = ENTRIES,
    decides = false,
    driver = "simulated:memory 1G",
  } = {},
): Promise<MigrationNet> {
  const net = new Net(delay);
  const classes = [TestTunnelRouter, TestMapServer];
  await net.agent(AGENT.a, `, ${guest}`, driver);
  await net.agent(AGENT.b, "", driver);
  const router = async (dc: "a" | "b"): Promise<TestTunnelRouter> =>
    (
      await net.startText(ROUTER[dc], "net :: Uplink -> element :: TestTunnelRouter -> net", { classes })
    ).find("element") as TestTunnelRouter;
  const routers = { a: await router("a"), b: await router("b") };
  const server = (
    await net.startText(MS, "net :: Uplink -> element :: TestMapServer -> net", { classes })
  ).find("element") as TestMapServer;
  server.table.set(EID, ROUTER.a);
  for (const dc of ["a", "b"] as const)
    routers[dc].act = (message) => {
      if (message.event === "arrived") server.table.set(EID, ROUTER[dc]);
      return "done";
    };
  const controller = await net.start(C, controllerGraph(args, entries, decides));
  await net.run(0.01);
  return { net, routers, server, controller, read: (handler) => controller.read(`element/m.${handler}`) };
}
