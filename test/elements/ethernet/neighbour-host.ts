// Run in a namespace: a router with addresses 10.0.0.2 and fd00::2 on interface r0, beside the kernel. It pings
// 10.0.0.1 and fd00::1 and prints what it learns, a line an event.

import { SLOT_ANNO } from "../../../assembly/layout.js";
import { SystemProvider } from "../../../src/device/provider.js";
import { type Batch, Element, Loader, Packet, Router } from "../../../src/index.js";
import { writeIcmp6 } from "../../../src/wire/icmp6.js";
import { writeIpv6 } from "../../../src/wire/ipv6.js";
import { bytes } from "./harness.js";

class Source extends Element {
  static readonly spec = { ports: "0/1", processing: "/h" } as const;
}

/** Prints where a frame comes from. */
class Tell extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "h",
    args: { WHAT: { type: "string", positional: true, required: true, doc: "what it is" } },
  } as const;
  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) console.log(this.config);
    batch.kill();
  }
}

const loader = new Loader();
loader.add(Source);
loader.add(Tell);
const router = await Router.fromText(
  `q :: ARPQuerier(10.0.0.2, r0:eth); n :: IP6NDSolicitor(fd00::2, r0);
   FromDevice(r0, PROMISC true) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/86dd 20/3aff 54/87,
     12/86dd 20/3aff 54/88, 12/86dd 20/3a 54/81, 12/0800 23/01 34/00, -);
   out :: ToDevice(r0);
   c [0] -> ARPResponder(10.0.0.2 r0:eth) -> out;
   c [1] -> [1] q;
   c [2] -> IP6NDAdvertiser(fd00::2 r0:eth) -> out;
   c [3] -> [1] n;
   c [4] -> Tell("echo reply 6");
   c [5] -> Tell("echo reply 4");
   c [6] -> Discard;
   Source -> q -> out; Source -> n -> out`,
  { loader, devices: new SystemProvider() },
);
const packet = new Packet(router.memory);

function send(name: string, data: Uint8Array, to: Uint8Array): void {
  const batch = router.batches.acquire();
  const slot = router.memory.kernels.poolTake();
  packet.at(slot).setBytes(data);
  router.memory.u8.set(to, slot + SLOT_ANNO);
  batch.add(slot);
  router.find(name)!.push(0, batch);
  batch.count = 0;
  router.batches.release(batch);
}

const host = (n: number): Uint8Array => bytes(`fd00${"0".repeat(26)}0${n}`);
const endpoints = { source: host(2), destination: host(1) };
const echo = writeIcmp6({ type: 128, code: 0, rest: 0x12340001, payload: new Uint8Array(8) }, endpoints);
send(
  "n",
  writeIpv6({ trafficClass: 0, flowLabel: 0, nextHeader: 58, hopLimit: 64, ...endpoints, payload: echo }),
  host(1),
);
// An echo request, its sums worked out by hand.
send("q", bytes("4500001c00000000400166df0a0000020a000001 0800e5ca12340001"), bytes("0a000001"));
const line = (): void => {
  console.log(router.read("q.table").trim().split(" ").slice(0, 3).join(" "));
  console.log(router.read("n.neighbours").trim());
};
process.stdin.on("data", line);
process.stdin.on("end", () => router.stop());
await router.run();
router.close();
