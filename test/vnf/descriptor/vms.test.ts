// Virtual machines and hypervisors in descriptors: what they say, and what is wrong with them, with the place.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigurationError, type Diagnostic } from "../../../src/lang/diagnostics.js";
import { parseDescriptor, parseFault } from "../../../src/vnf/descriptor/read.js";
import { placed, replicas } from "../../../src/vnf/descriptor/replicas.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/test.yaml", import.meta.url));

interface Parts {
  readonly links?: string;
  readonly dc1?: string;
  readonly dc2?: string;
  readonly vm?: string;
  readonly devices?: string;
  readonly more?: string;
}

/** Line 3: hypervisor dc1; 4: dc2; 9: the machine's `vm`; 10: its devices. */
function text({ links, dc1, dc2, vm, devices, more = "" }: Parts): string {
  return `service: s
hypervisors:
  dc1: ${dc1 ?? "{ agent: a, links: { eth0: lan1 }, megabytes: 128 }"}
  dc2: ${dc2 ?? "{ agent: b, links: { eth0: lan2, eth1: lan2 } }"}
functions:
  a: { graph: ../hub.click }
  b: { graph: ../hub.click }
  m:
    vm: ${vm ?? "{ hypervisor: dc1 }"}
    devices: ${devices ?? "{ eth0: lan1 }"}
    graph: ../hub.click
${more}links: ${links ?? "{ lan1: { shared: true, mtu: 1400 }, lan2: { shared: true } }"}
`;
}

function problems(parts: Parts): readonly Diagnostic[] {
  try {
    parseDescriptor(text(parts), FILE);
  } catch (e) {
    assert.instance(e, ConfigurationError);
    return (e as ConfigurationError).diagnostics;
  }
  throw new Error("the descriptor was accepted");
}

/** The only problem: its line, and what it says. */
function only(parts: Parts): string {
  const found = problems(parts);
  assert.is(found.length, 1, found.map((d) => d.message).join("\n"));
  const { landmark, message, hint } = found[0];
  return `${landmark?.line}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}

test("a machine has what its descriptor says, and what its links and memory give", () => {
  const d = parseDescriptor(text({ vm: "{ hypervisor: dc1, addresses: [10.0.0.1, 'fd00::1'] }" }), FILE);
  const { vm } = d.functions.get("m")!;
  assert.equal(vm, {
    hypervisor: "dc1",
    addresses: [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(0xfd, ...new Uint8Array(14), 1)],
    mtu: 1400,
  });
  assert.is(d.functions.get("a")!.vm, null);
  const { landmark: _, ...dc2 } = d.hypervisors.get("dc2")!;
  assert.equal(dc2, {
    name: "dc2",
    agent: "b",
    links: new Map([
      ["eth0", "lan2"],
      ["eth1", "lan2"],
    ]),
    memory: 4096 * 2 ** 20,
    guests: 64,
    migrations: 2,
  });
});

test("a machine's devices are on the links of the hypervisor where it is", () => {
  const d = parseDescriptor(text({}), FILE);
  const links = (places?: ReadonlyMap<string, string>): unknown =>
    replicas(d, places)
      .get("m")!
      .devices.map((device) => "link" in device && device.link);
  assert.equal(links(), ["lan1"]);
  assert.equal(links(new Map([["m", "dc2"]])), ["lan2"]);
  const a = d.functions.get("a")!;
  assert.is(placed(a, d, new Map([["a", "dc2"]])), a);
});

test("pairs and faults may name a machine on the link of each hypervisor", () => {
  const links =
    "{ lan1: { shared: true }, lan2: { shared: true, pairs: [{ between: [m, a], rtt: 1ms }] }, x: { shared: true } }";
  const devices = "  c: { graph: ../hub.click, devices: { eth0: lan2 } }\n";
  const d = parseDescriptor(text({ links: links.replace("m, a", "m, c"), more: devices }), FILE);
  assert.equal(
    d.links.get("lan2")!.pairs.map((p) => [p.from, p.to]),
    [
      ["m:eth0", "c:eth0"],
      ["c:eth0", "m:eth0"],
    ],
  );
  const fault = { at: 0, link: "lan2", from: "m", to: "c", down: true };
  assert.is(parseFault(fault, d).length, 1);
  assert.throws(() => parseFault({ ...fault, link: "x" }, d), /'m'/);
});

test("names that are not there are told with those that are", () => {
  assert.is(only({ vm: "{ hypervisor: dc3 }" }), "9: there is no hypervisor 'dc3' (is it 'dc1'?)");
  assert.is(
    only({ dc2: "{ agent: bb, links: { eth0: lan2 } }" }),
    "4: there is no function 'bb' (is it 'b'?)",
  );
  assert.is(
    only({ dc2: "{ agent: b, links: { eth0: lan3 } }" }),
    "4: there is no link 'lan3' (is it 'lan1'?)",
  );
});

test("a machine's devices are on links of its hypervisor", () => {
  assert.is(
    only({ devices: "{ eth0: lan2 }" }),
    "10: 'lan2' is not the link of hypervisor 'dc1' for device 'eth0' (it is 'lan1')",
  );
  assert.is(
    only({ devices: "{ eth1: lan1 }" }),
    "10: hypervisor 'dc1' has no link for a device 'eth1' (it has links for eth0)",
  );
  assert.match(only({ devices: "{ eth0: { interface: lo } }" }), /^10: 'eth0' is an interface of this host/);
  assert.is(only({ devices: "{}" }), "8: virtual machine 'm' has no devices");
});

test("a hypervisor's links are shared", () => {
  assert.is(
    only({ links: "{ lan1: { shared: true }, lan2: {} }", dc2: "{ agent: b, links: { eth0: lan2 } }" }),
    "4: virtual machines cannot attach to link 'lan2' while others use it (let the link be 'shared: true')",
  );
});

test("an agent is one function, of one hypervisor, and no machine", () => {
  const agent = (name: string): Parts => ({ dc2: `{ agent: ${name}, links: { eth0: lan2 } }` });
  assert.is(only(agent("a")), "4: 'a' is the agent of hypervisor 'dc1' already");
  assert.is(only(agent("m")), "4: 'm' is a virtual machine: an agent is not one itself");
  assert.is(
    only({ ...agent("c"), more: "  c: { graph: ../hub.click, replicas: 2 }\n" }),
    "4: 'c' has replicas: an agent is one function",
  );
});

test("a machine has no replicas, and addresses once each", () => {
  assert.match(only({ more: "    replicas: 2\n" }), /^12: a virtual machine has no replicas/);
  assert.is(
    only({ vm: "{ hypervisor: dc1, addresses: [10.0.0.1, 10.0.0.300] }" }),
    "9: '10.0.0.300' is not an IPv4 or IPv6 address",
  );
  assert.is(
    only({ vm: "{ hypervisor: dc1, addresses: ['fd00::1', 'fd00:0::1'] }" }),
    "9: 'fd00:0::1' stands here twice",
  );
});

test("what begins at a hypervisor fits", () => {
  assert.is(
    only({ vm: "{ hypervisor: dc1, mtu: 1500 }" }),
    "9: its packets have up to 1500 bytes: the links of hypervisor 'dc1' carry 1400",
  );
  assert.is(
    only({ more: "    memory: { megabytes: 129 }\n" }),
    "3: the virtual machines that begin at 'dc1' have 129 megabytes: it has 128",
  );
  assert.is(
    only({ dc1: "{ agent: a, links: { eth0: lan1 }, guests: 0 }" }),
    "3: 1 virtual machines begin at 'dc1': it takes 0",
  );
});

test("what a machine holds at once fits the memory that hypervisors count on", () => {
  assert.is(
    only({ more: "    memory: { megabytes: 2, slots: 2000 }\n" }),
    "12: 2000 slots need 5 megabytes: hypervisors count on the 2 that 'm' has",
  );
  parseDescriptor(text({ more: "    memory: { megabytes: 5, slots: 2000 }\n" }), FILE);
});

test("the schema tells what is no machine or hypervisor", () => {
  assert.is(only({ vm: "{}" }), "9: 'functions.m.vm' needs 'hypervisor'");
  assert.is(
    only({ vm: "{ hypervisor: dc1, mtu: 100 }" }),
    "9: 'functions.m.vm.mtu' is 100: expected at least 576",
  );
  assert.match(only({ dc1: "{ agent: a, links: { eth0: lan1 }, guest: 3 }" }), /^3: .* has no 'guest'/);
  assert.match(only({ dc1: "{ agent: a, links: {} }" }), /^3: /);
});

test.run();
