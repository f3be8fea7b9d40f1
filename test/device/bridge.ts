// A program for the tests: bridges pairs of devices.
//
//   node bridge.js DEVICE DEVICE [DEVICE DEVICE ...] [capture=FILE]
//
// Prints "ready"; on the line "counters" it prints each device's totals and state as JSON; ends with its input.

import { createInterface } from "node:readline";
import { SystemProvider } from "../../src/device/provider.js";
import { type Batch, BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import type { Device } from "../../src/router/device.js";

const memory = new PacketMemory();
const pool = new BatchPool(memory);
const reports: string[] = [];
const provider = new SystemProvider({ report: (message) => reports.push(message) });
const words = process.argv.slice(2);
const file = words.find((w) => w.startsWith("capture="))?.slice(8);
const capture = file === undefined ? null : provider.open(`pcap-out:${file}`, memory);
const devices = words.filter((w) => !w.startsWith("capture=")).map((name) => provider.open(name, memory));

function pump(from: Device, to: Device): void {
  const batch: Batch = pool.acquire();
  const copies: Batch = pool.acquire();
  const turn = (): void => {
    for (let i = 0; i < 16; i++) {
      if (batch.count === 0) {
        if (from.receive(batch, 64) === 0) {
          from.arm(turn);
          return;
        }
        if (capture !== null) {
          copies.count = memory.kernels.poolCopyBatch(batch.address, batch.count, copies.address);
          capture.send(copies);
        }
      }
      to.send(batch);
      if (batch.count > 0) {
        to.armSend(turn);
        return;
      }
    }
    setImmediate(turn);
  };
  turn();
}

for (let i = 0; i + 1 < devices.length; i += 2) {
  pump(devices[i], devices[i + 1]);
  pump(devices[i + 1], devices[i]);
}
console.log("ready");
createInterface({ input: process.stdin })
  .on("line", () => {
    const state = devices.map((d) => ({ name: d.name, down: d.down, ...d.counters() }));
    console.log(JSON.stringify({ devices: state, reports }));
  })
  .on("close", () => provider.close());
