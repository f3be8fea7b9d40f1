// Run in a namespace: answers the kernel's pings to the network of a TUN interface.

import { SystemProvider } from "../../src/device/provider.js";
import { type Batch, Element, Loader, Packet, Router } from "../../src/index.js";

/** Makes an ICMP echo request its answer; the IP header's sum holds when addresses change places. */
class Answer extends Element {
  static readonly spec = { ports: "1/1" } as const;
  readonly #packet = new Packet(this.memory);
  override process(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const bytes = this.#packet.at(batch.at(i)).bytes();
      if (bytes[0] >> 4 !== 4 || bytes[20] !== 8) continue;
      const source = bytes.slice(12, 16);
      bytes.copyWithin(12, 16, 20);
      bytes.set(source, 16);
      bytes[20] = 0;
      const sum = ((bytes[22] << 8) | bytes[23]) + 0x0800;
      const folded = (sum & 0xffff) + (sum >>> 16);
      bytes[22] = folded >> 8;
      bytes[23] = folded & 255;
    }
  }
}

const loader = new Loader();
loader.add(Answer);
const router = await Router.fromText(
  `t :: KernelTun(10.9.0.1/24, 10.9.0.254, ADDR6 fd09::1/64) -> Answer -> t;
   named :: KernelTun(10.8.0.1/24, DEVNAME named0) -> Discard; unnamed :: KernelTun(10.7.0.1/24) -> Discard`,
  { loader, devices: new SystemProvider() },
);
console.log(router.read("t.dev_name"));
console.log(router.read("named.dev_name"));
console.log(router.read("unnamed.dev_name"));
process.stdin.on("data", () => console.log(router.read("t.sent")));
process.stdin.on("end", () => router.stop());
await router.run();
router.close();
