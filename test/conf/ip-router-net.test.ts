// The IP router between two hosts' kernels.

import { spawnSync } from "node:child_process";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Network, namespacesRefused } from "../net/namespaces.js";
import { skipUnless } from "../skip.js";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const ping = spawnSync("ping", ["-V"]).error === undefined;
const refused = namespacesRefused() ?? (ping ? null : "needs the program ping (iputils)");
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
    const main = resolve(ROOT, "dist/src/cli/main.js");
    const file = resolve(ROOT, "conf/ip-router.click");
    const router = net.start("r", process.execPath, [main, file, "DEV0=r0", "DEV1=r1"]);
    let said = "";
    router.stderr?.on("data", (data) => {
      said += data;
    });
    // `run` throws unless every ping is answered; the first waits for the router to start.
    const reached = (words: string): string => net.run("a", "ping", ...words.split(" "));
    assert.match(reached("-c 1 -w 20 10.0.0.1"), "ttl=254");
    assert.match(reached("-c 3 -i 0.2 -W 5 10.0.1.9"), /3 received.*0% packet loss/);
    assert.match(reached("-c 2 -i 0.2 -W 5 -s 4000 10.0.1.9"), /2 received.*0% packet loss/);
    const error = (words: string): string => {
      try {
        return reached(words);
      } catch (e) {
        return (e as Error).message; // it holds what ping printed
      }
    };
    assert.match(error("-c 1 -W 5 -t 1 10.0.1.9"), /From 10\.0\.0\.1 .*Time to live exceeded/);
    assert.match(error("-c 1 -W 5 9.9.9.9"), /From 10\.0\.0\.1 .*Destination Net Unreachable/);
    assert.is(said, "");
  } finally {
    await net.close();
  }
});

test.run();
