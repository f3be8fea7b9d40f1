// Micro-benchmarks of single kernels (benny): a batch of 64 packets a call.

import benny from "benny";
import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import { Loader } from "../src/loader.js";
import { Router } from "../src/router/router.js";
import { drawDataset, drawRoutes, mappingOf } from "./data.js";
import { loadBenchKernels, writeTraffic } from "./traffic-source.js";

const BATCH = 64;
const LARGE = 1400;

export interface KernelResult {
  readonly name: string;
  readonly nsPerPacket: number;
  /** Relative margin of error, percent. */
  readonly margin: number;
}

/** Where results go, so that V8 cannot see that nobody wants them. */
export interface Sink {
  value: number;
}

interface Case {
  readonly name: string;
  /** One batch; the number goes to the sink. */
  readonly run: () => number;
}

async function cases(): Promise<{ cases: Case[]; close: () => void }> {
  const router = new Router({ loader: new Loader(), memory: { bytes: 64 * 2 ** 20 } });
  await router.start(
    `Idle -> check :: CheckIPHeader -> ttl :: DecIPTTL -> cache :: LISPMapCache -> encap :: LISPEncap(192.0.2.9)
       -> decap :: LISPDecap -> Discard;
     own :: LISPSite(0.0.0.0/0 192.0.2.9); Idle -> signing :: LISPEncap(192.0.2.9) -> Discard;
     LISPLocatorStatus(own, ENCAP signing, ACTIVE true)`,
    "kernels",
  );
  const { memory } = router;
  const { kernels: k } = memory;
  const routes = drawRoutes(20_000);
  const { cache } = router.find("cache") as LISPMapCache;
  for (const route of routes) cache.insert(mappingOf(route));
  const { makeTraffic } = loadBenchKernels(memory);
  const traffic = writeTraffic(memory, drawDataset(routes));
  const [batch, bad, other] = [router.batches.acquire(), router.batches.acquire(), router.batches.acquire()];
  const names = ["check", "ttl", "cache", "encap", "signing"];
  const [check, ttl, map, encap, signing] = names.map((n) => router.find(n)!.state);
  const at = batch.address;
  const large = memory.alloc(LARGE);
  const make = (): number => makeTraffic(traffic, at, BATCH);
  const give = (n: number): number => {
    k.poolGiveBatch(at, BATCH);
    return n;
  };
  const all: Case[] = [
    { name: "crossing into WebAssembly and back (one call, no packets)", run: () => k.batchBytes(at, 0) },
    { name: "making packets and giving them back: the floor of what follows", run: () => give(make()) },
    {
      name: "... and summing their lengths",
      run: () => {
        make();
        return give(k.batchBytes(at, BATCH));
      },
    },
    {
      name: "... and checking the header (CheckIPHeader)",
      run: () => {
        make();
        return give(k.ipCheckHeader(check, at, BATCH, bad.address));
      },
    },
    {
      name: "... then decrementing the TTL (DecIPTTL)",
      run: () => {
        make();
        k.ipCheckHeader(check, at, BATCH, bad.address);
        return give(k.ipDecTtl(ttl, at, BATCH, bad.address));
      },
    },
    {
      name: "... then finding the locator among 20,000 mappings (LISPMapCache)",
      run: () => {
        make();
        k.ipCheckHeader(check, at, BATCH, bad.address);
        k.ipDecTtl(ttl, at, BATCH, bad.address);
        return give(k.lispRoute(map, at, BATCH, bad.address, other.address));
      },
    },
    {
      name: "... then encapsulating (LISPEncap)",
      run: () => {
        make();
        k.ipCheckHeader(check, at, BATCH, bad.address);
        k.ipDecTtl(ttl, at, BATCH, bad.address);
        k.lispRoute(map, at, BATCH, bad.address, other.address);
        return give(k.lispEncap(encap, at, BATCH, bad.address));
      },
    },
    {
      name: "... the same with what is to be said of the source EID (LISPMapVersion, LISPLocatorStatus)",
      run: () => {
        make();
        k.ipCheckHeader(check, at, BATCH, bad.address);
        k.ipDecTtl(ttl, at, BATCH, bad.address);
        k.lispRoute(map, at, BATCH, bad.address, other.address);
        return give(k.lispEncapSources(signing, at, BATCH, bad.address));
      },
    },
    {
      name: "making packets and copying them (Tee)",
      run: () => {
        make();
        const copies = k.poolCopyBatch(at, BATCH, other.address);
        k.poolGiveBatch(other.address, copies);
        return give(copies);
      },
    },
    {
      name: `checksum of ${LARGE} bytes, 64 times`,
      run: () => {
        let sum = 0;
        for (let i = 0; i < BATCH; i++) sum += k.csumOf(large, LARGE);
        return sum;
      },
    },
  ];
  return { cases: all, close: () => router.close() };
}

/** Runs the cases whose names contain `filter`; `progress` is told of each. */
export async function benchKernels(
  options: { readonly quick: boolean; readonly filter: string; readonly progress: (text: string) => void },
  sink: Sink,
): Promise<KernelResult[]> {
  const { cases: all, close } = await cases();
  const chosen = all.filter((c) => `kernels ${c.name}`.includes(options.filter));
  const results: KernelResult[] = [];
  // A suite without cases never ends.
  if (chosen.length === 0) {
    close();
    return results;
  }
  const settings = options.quick ? { minTime: 0.02, maxTime: 0.05, minSamples: 5 } : { maxTime: 1 };
  // benny prints its own headings on standard output, which is the table's.
  const { log } = console;
  console.log = () => {};
  try {
    await benny.suite(
      "kernels",
      ...chosen.map((c) =>
        benny.add(
          c.name,
          () => {
            sink.value = (sink.value + c.run()) | 0;
          },
          settings,
        ),
      ),
      benny.cycle((result) => {
        options.progress(`kernels: ${result.name}`);
        results.push({
          name: result.name,
          nsPerPacket: (result.details.mean * 1e9) / BATCH,
          margin: result.details.relativeMarginOfError,
        });
      }),
    );
  } finally {
    console.log = log;
    close();
  }
  return results;
}
