// timeout: 300
// What changes at one site of conf/xtr.click, and what the other one has of it some seconds later: in simulated time,
// whoever answers for the site, with PubSub and without, also where a part of all messages is lost.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addSite, Network } from "./network.js";

async function network(proxy: string, pubsub: string, loss: number): Promise<Network> {
  const n = new Network();
  const [h1, s1] = n.link("eth0", "site");
  const [h2, s2] = n.link("eth0", "site");
  const [c1, c2, c3] = await n.hub("core", loss);
  const site = (i: number): string => `s${i} key labkey${i} eid 192.168.${i}.0/24 more eid fd0${i}::/64 more`;
  await n.make("ms", "map-server.click", [["core", c3]], {
    SITES: `${site(1)}, ${site(2)}`,
    PUBSUB_KEY: pubsub,
  });
  for (const [i, site, core, host] of [
    [1, s1, c1, h1],
    [2, s2, c2, h2],
  ] as const)
    await addSite(
      n,
      i,
      { host, site, core },
      {
        MAP_RESOLVER: "10.0.0.100",
        PUBSUB_KEY: pubsub,
        MAP_SERVER: `10.0.0.100 key labkey${i}${proxy}`,
      },
    );
  n.simulation.run(5);
  return n;
}

/** Changes, each with the seconds until the next one. A mapping is `PREFIX WEIGHT`; without a weight it is removed. */
type Changes = readonly (readonly [string, number])[];

const sequences: readonly (readonly [string, Changes])[] = [
  ["one change", [["192.168.2.0/24 11", 0]]],
  [
    "two changes",
    [
      ["192.168.2.0/24 12", 1],
      ["192.168.2.0/24 13", 0],
    ],
  ],
  [
    "three changes",
    [
      ["192.168.2.0/24 14", 0.01],
      ["192.168.2.0/24 15", 1.5],
      ["192.168.2.0/24 16", 0],
    ],
  ],
  [
    "there and back",
    [
      ["192.168.2.0/24 17", 1],
      ["192.168.2.0/24 16", 0],
    ],
  ],
  ["a host of its own", [["192.168.2.10/32 20", 0]]],
  ["the prefix around it", [["192.168.2.0/24 21", 0]]],
  ["the host no more", [["192.168.2.10/32", 0]]],
  [
    "a split",
    [
      ["192.168.2.0/25 30", 0],
      ["192.168.2.128/25 31", 0],
      ["192.168.2.0/24", 0],
    ],
  ],
  [
    "both parts",
    [
      ["192.168.2.0/25 32", 0.5],
      ["192.168.2.128/25 33", 0],
    ],
  ],
  [
    "together again",
    [
      ["192.168.2.0/24 34", 0],
      ["192.168.2.0/25", 0],
      ["192.168.2.128/25", 0],
    ],
  ],
  [
    "one part, then the rest",
    [
      ["192.168.2.128/25 40", 4],
      ["192.168.2.0/24", 4],
      ["192.168.2.0/25 41", 0],
    ],
  ],
];

/** The same for IPv6. */
const six = (eid: string): string =>
  eid.replace(/^192\.168\.2\.(\d+)\/(\d+)/, (_, last: string, bits: string) =>
    bits === "32" ? "fd02::10/128" : `fd02::${last === "128" ? "8000:0:0:0" : ""}/${Number(bits) + 40}`,
  );

const ADDRESSES = ["192.168.2.10", "192.168.2.200", "fd02::10", "fd02::8000:0:0:1"];

/** What xTR 1 would do with packets to each address, and what it should: the weights of the mappings. */
function weights(n: Network): { readonly has: string[]; readonly should: string[] } {
  const weightOf = (line: string): string => /10\.0\.0\.2\/1\/(\d+)/.exec(line)?.[1] ?? line;
  const has = ADDRESSES.map((a) => weightOf(n.routers.get("xtr1")!.read("cache.lookup", a).trim()));
  const own = n.read("xtr2", "own.table").split("\n");
  const best = (a: string): string => {
    const prefixes = a.includes(":")
      ? [a.includes("8000") ? "fd02::8000:0:0:0/65" : "fd02::10/128", "fd02::/65", "fd02::/64"]
      : [a.endsWith("200") ? "192.168.2.128/25" : "192.168.2.10/32", "192.168.2.0/25", "192.168.2.0/24"];
    const usual = a.includes("8000") || a.endsWith("200") ? [prefixes[0], prefixes[2]] : prefixes;
    const found = usual.map((p) => own.find((line) => line.startsWith(`${p} `))).find((l) => l !== undefined);
    return found === undefined ? "none" : weightOf(found);
  };
  return { has, should: ADDRESSES.map(best) };
}

for (const [who, proxy] of [
  ["the Map-Server answers", " proxy-reply"],
  ["the site answers", ""],
] as const)
  for (const [how, pubsub] of [
    ["SMRs tell", '""'],
    ["PubSub tells", "shared"],
  ] as const)
    for (const loss of [0, 0.05]) {
      test(`no change at a site is lost: ${who}, ${how}, ${loss * 100} % of all packets get lost`, async () => {
        const n = await network(proxy, pubsub, loss);
        const [xtr1, xtr2] = ["xtr1", "xtr2"].map((name) => n.routers.get(name)!);
        for (const [what, changes] of sequences) {
          // Something is sent to each address, so that there are mappings to be told of.
          for (const a of ADDRESSES)
            if (xtr1.read("cache.lookup", a).trim() === "none")
              await xtr1.write("resolver.ask", `${a}/${a.includes(":") ? 128 : 32}`);
          n.simulation.run(loss > 0 ? 8 : 1);
          for (const [change, seconds] of changes) {
            for (const text of [change, six(change)]) {
              const [eid, weight] = text.split(" ");
              if (weight === undefined) await xtr2.write("own.remove", eid);
              else await xtr2.write("own.add", `${eid} 10.0.0.2/1/${weight}`);
            }
            n.simulation.run(seconds);
          }
          n.simulation.run(loss > 0 ? 40 : 15);
          const { has, should } = weights(n);
          for (const [i, weight] of has.entries())
            if (weight !== "none")
              assert.is(weight, should[i], `${what}: ${ADDRESSES[i]} (${has} for ${should})`);
          assert.is.not(has[0], "none", what);
        }
        n.close();
      });
    }

test.run();
