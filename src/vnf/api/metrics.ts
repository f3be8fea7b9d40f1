// A service's metrics for Prometheus: read out of the functions when somebody asks.

import { Counter, Gauge, Registry } from "prom-client";
import type { Service } from "../service/service.js";
import { PathMetrics, pathsOf } from "./path-metrics.js";

/**
 * The text of all metrics now. Functions that do not answer are only `up 0`. `pairs`: also each pair of the ends of links,
 * of which there are many.
 */
export async function metricsText(service: Service, pairs = false): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ service: service.descriptor.name });
  const labels = ["function", "element", "counter"];
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name: `sluice_${name}`, help, labelNames: ["function"], registers: [registry] });
  const up = gauge("up", "Whether the function runs");
  const restarts = new Counter({
    name: "sluice_restarts_total",
    help: "Starts after a failure",
    labelNames: ["function"],
    registers: [registry],
  });
  const uptime = gauge("uptime_seconds", "Seconds since the function's last start");
  const slots = gauge("slots", "Packets that the function can hold");
  const used = gauge("slots_used", "Packets that the function holds");
  const heap = gauge("table_bytes", "Bytes of the function's tables and queues");
  const counts = new Counter({
    name: "sluice_element_total",
    help: "Counters of elements",
    labelNames: labels,
    registers: [registry],
  });
  const drops = new Counter({
    name: "sluice_drops_total",
    help: "Packets dropped, by reason",
    labelNames: ["function", "element", "reason"],
    registers: [registry],
  });
  const devices = new Counter({
    name: "sluice_device_total",
    help: "Counters of devices",
    labelNames: ["function", "device", "counter"],
    registers: [registry],
  });
  const links = new Counter({
    name: "sluice_link_lost_total",
    help: "Packets that the switch of a link lost",
    labelNames: ["link"],
    registers: [registry],
  });
  const paths = new PathMetrics(registry);
  for (const link of service.descriptor.links.keys()) links.inc({ link }, service.lost(link));
  if (pairs) countPairs(service, registry);
  for (const f of service.functions.values()) {
    const name = { function: f.name };
    restarts.inc(name, f.restarts);
    const stats = await answered(f.request("stats", {}));
    up.set(name, stats === null ? 0 : 1);
    if (stats === null) continue;
    uptime.set(name, f.uptime ?? 0);
    slots.set(name, stats.slots);
    used.set(name, stats.slotsUsed);
    heap.set(name, stats.heapUsed);
    for (const e of stats.elements) {
      const element = e.name;
      for (const [counter, n] of Object.entries(e.counters)) counts.inc({ ...name, element, counter }, n);
      for (const [reason, n] of Object.entries(e.drops)) drops.inc({ ...name, element, reason }, n);
    }
    for (const [device, counters] of Object.entries(stats.devices))
      for (const [counter, n] of Object.entries(counters)) devices.inc({ ...name, device, counter }, n);
    for await (const path of pathsOf(f)) paths.add(f.name, path);
  }
  return registry.metrics();
}

function countPairs(service: Service, registry: Registry): void {
  const counter = new Counter({
    name: "sluice_link_pair_total",
    help: "Packets from one end of a link to another: those that took the line, and those lost, by reason",
    labelNames: ["link", "from", "to", "counter"],
    registers: [registry],
  });
  for (const link of service.descriptor.links.keys())
    for (const { from, to, packets, lost, downs, no_room } of service.pairs(link))
      for (const [name, n] of Object.entries({ packets, lost, downs, no_room }))
        counter.inc({ link, from, to, counter: name }, n);
}

async function answered<T>(reply: Promise<T>): Promise<T | null> {
  try {
    return await reply;
  } catch {
    return null;
  }
}
