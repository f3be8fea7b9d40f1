// timeout: 900
// Two LISP tunnel routers from conf/xtr.click between two hosts, in network namespaces, with the kernel's own traffic.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { hasTshark, lispPackets, startCapture } from "./capture.js";
import { Network, namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import { transfer } from "./traffic.js";
import { startXtrs, waitForPing } from "./xtr-network.js";

const MEGABYTES = 100;

const refused = namespacesRefused();
const tests = suite("xTRs in namespaces");
const test = skipUnless(refused === null, refused ?? "", tests);
const tshark = skipUnless(refused === null && hasTshark(), refused ?? "needs the program tshark", tests);

let network: Network;

async function build(): Promise<void> {
  network = new Network("xtr");
  startXtrs(network, "xtr.click", false);
}

if (refused === null) {
  tests.before(build);
  tests.after(() => network.close());
}

for (const [family, to] of [
  ["IPv4", "192.168.2.10"],
  ["IPv6", "fd02::10"],
]) {
  test(`no ping is lost after the first, ${family}`, () => {
    waitForPing(network, "host1", to);
    ping(network, "host1", to, 50, { interval: 0.05 });
  });

  test(`of packets of 1,500 bytes only those get lost that tell a sender its path's MTU, ${family}`, () => {
    waitForPing(network, "host1", to);
    const size = family === "IPv4" ? 1472 : 1452;
    const arrives = (): boolean => {
      try {
        network.run("host1", "ping", "-c", "1", "-W", "2", "-s", String(size), "-M", "want", to);
        return true;
      } catch {
        return false;
      }
    };
    // The first echo request does not fit into the core's packets; nor does the first reply, which IPv4 lets be cut.
    const second = family === "IPv4";
    assert.equal([arrives(), arrives(), arrives(), arrives()], [false, second, true, true]);
  });

  test(`pings larger than the core's packets cross, in fragments, ${family}`, () => {
    ping(network, "host1", to, 6, { size: 6000, words: ["-M", "want"] });
  });

  test(`${MEGABYTES} MB over TCP arrive intact, ${family}`, () => transfer(network, "tcp", to, MEGABYTES));
  test(`${MEGABYTES} MB over UDP arrive intact, ${family}`, () => transfer(network, "udp", to, MEGABYTES));
  test(`${MEGABYTES} MB over UDP in datagrams of several fragments arrive intact, ${family}`, () =>
    transfer(network, "udp", to, MEGABYTES, 4000));
}

tshark("a capture of the core decodes as LISP, with right checksums and lengths", async () => {
  const capture = join(network.folder, "core.pcap");
  const stop = await startCapture(network, "xtr2", "core", capture);
  for (const to of ["192.168.2.10", "fd02::10"])
    ping(network, "host1", to, 15, { interval: 0.05, size: 1000 });
  await stop("host1", "fd02::10");
  assert.ok(lispPackets(capture).length >= 50);
});

tests.run();
