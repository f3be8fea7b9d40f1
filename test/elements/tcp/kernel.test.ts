// timeout: 300
// TCPSource and TCPSink with the kernel's TCP, through a namespace and a link of ours with delay and loss.
//
// TCP_MEGABYTES=100 sends as much in each direction, and TCP_SILENCE=30 keeps the path silent for so many seconds; by
// default it is less, so that the suite stays short.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Lab, type Program } from "../../device/netns.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const namespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;
const labTest = skipUnless(namespaces, "needs root and network namespaces (iproute2)");

const BYTES = Number(process.env.TCP_MEGABYTES ?? 4) * 1e6;
const SILENCE = Number(process.env.TCP_SILENCE ?? 2);
/** Seconds until anything is done, however busy the machine is. */
const PATIENCE = 120;

interface Hosts {
  /** A program with the kernel's TCP. */
  peer(...args: string[]): Program;
  /** Our host behind a link, with parameters of its graph. */
  host(link: object, variables?: object): Promise<Program>;
}

async function within(body: (hosts: Hosts) => Promise<void>): Promise<void> {
  const lab = new Lab();
  try {
    const [kernel, ours] = [lab.namespace(), lab.namespace()];
    lab.veth(kernel, "eth0", ours, "r0");
    lab.exec(kernel, "ip addr add 10.0.0.1/24 dev eth0");
    lab.exec(kernel, "ip addr add fd00::1/64 dev eth0 nodad");
    const own = {
      IP4: "10.0.0.2",
      NET4: "10.0.0.0/24",
      PEER4: "10.0.0.1",
      IP6: "fd00::2",
      NET6: "fd00::/64",
    };
    await body({
      peer: (...args) => lab.node(kernel, [here("kernel-peer.js"), ...args]),
      host: async (link, variables = {}) => {
        const all = { ...own, PEER6: "fd00::1", ...variables };
        const program = lab.node(ours, [here("kernel-host.js"), JSON.stringify(link), JSON.stringify(all)]);
        assert.is(await program.line(), "ready");
        return program;
      },
    });
  } finally {
    lab.close();
  }
}

async function read(program: Program, handler: string): Promise<string> {
  program.send(handler);
  return await program.line();
}

/** Waits until `handler` has `value`. */
async function reads(program: Program, handler: string, value: string): Promise<void> {
  await until(async () => (await read(program, handler)) === value);
}

const LOSSY = { delay: 0.005, loss: 0.005, queue: 1000 };

labTest(
  `our TCP sends ${BYTES} bytes to the kernel's over IPv4 and IPv6, with loss, byte for byte`,
  async () => {
    await within(async ({ peer, host }) => {
      const servers = [peer("serve", "10.0.0.1", "5001"), peer("serve", "fd00::1", "5001")];
      for (const server of servers) assert.is(await server.line(), "ready");
      const ours = await host(LOSSY, { TCP4: "true", TCP6: "true", TCP_BYTES: String(BYTES) });
      for (const server of servers) assert.is(await server.line(PATIENCE), `${BYTES} 0`);
      for (const name of ["tcp", "tcp6"]) {
        await reads(ours, `${name}.done`, "true");
        assert.is(await read(ours, `${name}.bytes`), String(BYTES));
        assert.is(await read(ours, `${name}.failed`), "0");
        assert.ok(Number(await read(ours, `${name}.retransmits`)) > 0, "some were lost");
      }
    });
  },
);

labTest(
  `the kernel's TCP sends ${BYTES} bytes to ours over IPv4 and IPv6, with loss, byte for byte`,
  async () => {
    await within(async ({ peer, host }) => {
      const ours = await host(LOSSY);
      for (const [address, name] of [
        ["10.0.0.2", "tcp_received"],
        ["fd00::2", "tcp6_received"],
      ]) {
        assert.is(await peer("send", address, "5001", String(BYTES)).line(PATIENCE), "sent");
        assert.is(await read(ours, `${name}.bytes`), String(BYTES));
        assert.is(await read(ours, `${name}.wrong`), "0");
      }
      assert.is(await peer("send", "10.0.0.2", "5002", "1").line(), "ECONNREFUSED", "nobody listens there");
    });
  },
);

labTest(
  "a connection with the kernel outlives a path that is silent, and ends where nobody listens",
  async () => {
    await within(async ({ peer, host }) => {
      const refused = await host({}, { TCP4: "true", TCP_BYTES: "1000", TCP_PORT: "5009" });
      await reads(refused, "tcp.failed", "1");
      assert.match(await read(refused, "tcp.connections"), /"ended":"refused"/);
      refused.child.stdin!.end();
      assert.is(await refused.exit, 0);
      const server = peer("serve", "10.0.0.1", "5001");
      assert.is(await server.line(), "ready");
      const ours = await host({ delay: 0.005, rate: 20e6 }, { TCP4: "true", TCP_BYTES: "3000000" });
      await until(async () => Number(await read(ours, "tcp.bytes")) > 100_000);
      ours.send("cut");
      await new Promise((resolve) => setTimeout(resolve, SILENCE * 1000));
      ours.send("mend");
      assert.is(await server.line(PATIENCE), "3000000 0");
      assert.ok(Number(await read(ours, "tcp.timeouts")) > 0);
    });
  },
);

test.run();
