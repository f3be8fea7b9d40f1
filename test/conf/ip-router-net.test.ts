// The IP router between two hosts' kernels.

import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Network, namespacesRefused } from "../network/namespaces.js";
import { ping } from "../network/ping.js";
import { RouterProcess } from "../network/router-process.js";
import { skipUnless } from "../skip.js";

const there = spawnSync("ping", ["-V"]).error === undefined;
const refused = namespacesRefused() ?? (there ? null : "needs the program ping (iputils)");
const netTest = skipUnless(refused === null, refused ?? "");

netTest("two hosts ping each other across the router, in fragments too, and get its errors", async () => {
  const net = new Network("ipr");
  try {
    for (const name of ["a", "r", "b"]) net.namespace(name);
    net.veth("a", "a0", "r", "r0");
    net.veth("b", "b0", "r", "r1");
    net.ip("a", "addr add 10.0.0.7/24 dev a0");
    net.ip("b", "addr add 10.0.1.9/24 dev b0");
    net.ip("a", "route add default via 10.0.0.1");
    net.ip("b", "route add default via 10.0.1.1");
    const router = new RouterProcess(net, "r", "ip-router.click", { DEV0: "r0", DEV1: "r1" });
    // Before that nobody answers ARP, and the kernel gives up after 3 seconds.
    await router.running();
    // `run` throws unless every ping is answered.
    const reached = (words: string): string => net.run("a", "ping", ...words.split(" "));
    assert.match(reached("-c 1 -W 30 10.0.0.1"), "ttl=254");
    ping(net, "a", "10.0.1.9", 3);
    ping(net, "a", "10.0.1.9", 2, { size: 4000 });
    const error = (words: string): string => {
      try {
        return reached(words);
      } catch (e) {
        return (e as Error).message; // it holds what ping printed
      }
    };
    assert.match(error("-c 1 -W 30 -t 1 10.0.1.9"), /From 10\.0\.0\.1 .*Time to live exceeded/);
    assert.match(error("-c 1 -W 30 9.9.9.9"), /From 10\.0\.0\.1 .*Destination Net Unreachable/);
    assert.is(router.said, "");
  } finally {
    await net.close();
  }
});

test.run();
