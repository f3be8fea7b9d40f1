// timeout: 300
// One router hardware address at two sites, and a kernel's host that learns its default router from advertisements: it keeps
// it when it moves. In network namespaces, conf/xtr.click as processes.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { MovingGuest } from "./moving-guest.js";
import { namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import { waitForPing } from "./xtr-network.js";

const refused = namespacesRefused();
const tests = suite("one router address at all sites, in namespaces");
const test = skipUnless(refused === null, refused ?? "", tests);
const MAC = "02:00:5e:00:01:01";
const LOCAL = "fe80::5eff:fe00:101";

let lab: MovingGuest;

if (refused === null) {
  tests.before(async () => {
    lab = await MovingGuest.start("gateway", { ROUTER_MAC: MAC, ADVERTISE: "true", ADVERTISE_MTU: "1400" });
  });
  tests.after(() => lab.close());
}

const inGuest = (words: string): string => lab.network.ip("guest", words);

test("a kernel takes the router that is advertised as its default one, with the MTU", async () => {
  inGuest("-6 route del default");
  lab.network.run("guest", "sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=1");
  // Going up it asks for routers.
  inGuest("link set eth0 down");
  inGuest("link set eth0 up");
  inGuest("addr add fd01::10/64 dev eth0 nodad");
  inGuest("route add default via 192.168.1.1");
  await until(
    () => inGuest("-6 route show default").includes(`via ${LOCAL} dev eth0 proto ra`),
    "a default route",
  );
  assert.match(lab.network.run("guest", "sysctl", "-n", "net.ipv6.conf.eth0.mtu"), /^1400\b/);
  // Only on-link: it forms no address of its own of the prefix.
  assert.not.match(inGuest("-6 addr show dev eth0"), /dynamic/);
});

test("another host cannot take the address that the routers share", async () => {
  lab.network.run("home", "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1");
  lab.network.ip("home", `addr add ${LOCAL}/64 dev eth0`);
  await until(
    () => lab.network.ip("home", "-6 addr show dev eth0").includes("dadfailed"),
    "duplicate address detection fails",
  );
  lab.network.ip("home", `addr del ${LOCAL}/64 dev eth0`);
});

test("the host that moves keeps its default routers and their hardware address, over both families", async () => {
  const { network } = lab;
  for (const to of ["192.168.2.10", "fd02::10"]) waitForPing(network, "guest", to);
  const before = inGuest("-6 route show default").replace(/expires \d+sec/, "");
  for (const [from, to] of [
    [1, 2],
    [2, 1],
  ]) {
    lab.move(from, to);
    for (const far of ["192.168.2.10", "fd02::10"]) waitForPing(network, "guest", far);
    await until(
      () => lab.says(to, "192.168.1.10", to === 1 ? "returned" : "here"),
      `192.168.1.10 is at site ${to}`,
    );
    for (const far of ["192.168.2.10", "fd02::10"]) ping(network, "guest", far, 10, { interval: 0.05 });
    assert.is(inGuest("-6 route show default").replace(/expires \d+sec/, ""), before);
    const neighbours = inGuest("neigh show dev eth0");
    for (const router of ["192.168.1.1", LOCAL])
      assert.match(neighbours, new RegExp(`^${router} lladdr ${MAC} `, "m"), `${router} at site ${to}`);
  }
});

tests.run();
