// The tables of the mapping system, of a site and of a link, at their largest, and what is done to them beside packets.

import type { ARPTable } from "../elements/ethernet/arp-table.js";
import type { LISPSite } from "../elements/lisp/etr/lisp-site.js";
import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import type { LISPMapServer } from "../elements/lisp/mapping-system/lisp-map-server.js";
import type { Registration } from "../src/lisp/database/registration.js";
import type { EncapsulatedRequest } from "../src/lisp/map-server/requests.js";
import type { Mapping } from "../src/lisp/mapping.js";
import { ipBytes } from "../src/net/address.js";
import { ipAddress } from "../src/wire/lisp-control/address.js";
import { mapRequest } from "../src/wire/lisp-control/map-request.js";
import { type Run, StallLab } from "./stall-lab.js";

const BASE = 0x0a000000;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);

function mapping(i: number, length = 32): Mapping {
  const rest = { priority: 1, weight: 100, mpriority: 255, mweight: 0, reachable: true, local: true };
  return {
    iid: 0,
    eid: { address: ipBytes(BASE + i), length },
    ttl: 3600,
    action: "no-action",
    version: 0,
    locators: [{ rloc: ipBytes(0xc0000201), ...rest }],
  };
}

/** A Map-Request that subscribes to the last prefix there is, of the `i`-th xTR. */
function subscription(i: number, last: number): EncapsulatedRequest {
  const xtrId = new Uint8Array(16);
  new DataView(xtrId.buffer).setUint32(0, i);
  return {
    ip: {
      ...{
        version: 4,
        source: ipBytes(0xc0000232),
        destination: ipBytes(BASE),
        tos: 0,
        id: 0,
        dontFragment: false,
      },
      ...{ ttl: 64, options: new Uint8Array(0) },
    },
    ...{ sourcePort: 4342, destinationPort: 4342, udpChecksum: null },
    message: mapRequest({
      nonce: 1n,
      ids: { xtrId, siteId: null },
      itrRlocs: [ipAddress(ipBytes(0xc6120000 + i))],
      records: [{ eid: ipAddress(ipBytes(BASE + last)), maskLength: 32, subscribe: true }],
    }),
  };
}

/** A Map-Server with registrations, and `subscribers` xTRs that want to hear of one prefix. */
export async function mapServerStalls(
  count: number,
  subscribers: number,
  progress: (text: string) => void,
): Promise<readonly Run[]> {
  const lab = await StallLab.start({
    table: "map-server",
    entries: count,
    configuration: `Idle -> ms :: LISPMapServer(site key secret eid 10.0.0.0/8 more, RLOC4 192.0.2.100,
      PUBSUB_KEY shared, SUBSCRIPTIONS ${subscribers}, CAPACITY ${2 * count}) -> Discard`,
    bytes: 256 * 2 ** 20,
    progress,
  });
  const element = lab.find<LISPMapServer>("ms");
  const { database } = element;
  const registration = (i: number, nonce: number): Registration => ({
    ...{
      xtrId: new Uint8Array(16).fill(1),
      siteId: 1n,
      source: ipBytes(0xc0000201),
      site: "site",
      raw: null,
    },
    ...{
      nonce: BigInt(nonce),
      expiry: lab.router.clock.now() + 180e9,
      proxy: true,
      merge: false,
      notify: true,
    },
    mapping: mapping(i),
  });
  const put = (i: number, nonce: number): void => {
    const r = registration(i, nonce);
    void database.commit([
      { put: { iid: 0, eid: r.mapping.eid, registrations: [r] } },
      { nonce: `site/${i}`, value: BigInt(nonce) },
    ]);
  };
  await lab.measure("register", count, (i) => put(i, 1));
  const some = Math.min(20_000, Math.floor(count / 4));
  await lab.measure("register again", some, (i) => put(i, 2));
  await lab.measure("subscribe", subscribers, (i) =>
    element.request(subscription(i, count - 1), ipBytes(0xc0000232)),
  );
  const published = lab.router.handler("ms.published");
  await lab.measure(
    `publish to ${subscribers} subscribers`,
    1,
    () => void database.commit([{ delete: mapping(count - 1) }]),
    () => Number(published.read!("")) >= subscribers,
  );
  const remove = lab.router.handler("ms.remove");
  await lab.measure("remove", some, (i) => void remove.write!(`${mapping(i).eid.address.join(".")}/32`));
  lab.skip(400_000);
  // As the Map-Server's timer does, which does not hear of what others commit.
  await lab.measure("all expire", Math.ceil(count / 50), () => void database.expire());
  if (database.size > 0) throw new Error(`${database.size} registrations have not expired`);
  lab.close();
  return lab.runs;
}

/** A site of many EID-prefixes, and its registrar, whose Map-Server is silent. */
export async function siteStalls(count: number, progress: (text: string) => void): Promise<readonly Run[]> {
  const lab = await StallLab.start({
    table: "site",
    entries: count,
    configuration: `site :: LISPSite(CAPACITY ${count});
      Idle -> registrar :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 key secret,
        TIMEOUT 3600, MAX_TIMEOUT 3600) -> Discard`,
    bytes: 256 * 2 ** 20,
    progress,
  });
  const { mappings } = lab.find<LISPSite>("site");
  const registers = lab.router.handler("registrar.registers");
  const sent = (): number => Number(registers.read!(""));
  await lab.measure("add", count, (i) => mappings.set(mapping(i)));
  const all = Math.ceil(count / 16);
  await lab.measure(
    "register all",
    0,
    () => {},
    () => sent() >= all,
  );
  const refresh = lab.router.handler("registrar.refresh");
  await lab.measure(
    "refresh all",
    1,
    () => void refresh.write!(""),
    () => sent() >= 2 * all,
  );
  const some = Math.min(20_000, Math.floor(count / 4));
  await lab.measure("change", some, (i) => mappings.set({ ...mapping(i), ttl: 60 }));
  await lab.measure("remove", some, (i) => void mappings.delete(0, mapping(i).eid));
  lab.close();
  return lab.runs;
}

/** Neighbours of IPv4 and of IPv6: `six` is as many as IP6NDSolicitor has unless told otherwise. */
export async function neighbourStalls(
  count: number,
  six: number,
  progress: (text: string) => void,
): Promise<readonly Run[]> {
  const four = await StallLab.start({
    table: "ARP",
    entries: count,
    configuration: "arp :: ARPTable(TIMEOUT 60)",
    bytes: count * 80 + 64 * 2 ** 20,
    progress,
  });
  const { cache } = four.find<ARPTable>("arp");
  const fill = (operation: string): Promise<void> =>
    four.measure(operation, count, (i) => void cache.insert(BASE + i, MAC, four.router.clock.now()));
  await fill("insert");
  four.skip(200_000);
  await four.measure(
    "all expire",
    0,
    () => {},
    () => cache.table.size === 0,
  );
  await fill("insert again");
  const clear = four.router.handler("arp.clear");
  const used = four.router.memory.heapUsed;
  await four.measure(
    "clear",
    1,
    () => void clear.write!(""),
    () => four.router.memory.heapUsed < used / 5,
  );
  four.close();
  const nd = await StallLab.start({
    table: "ND",
    entries: six,
    configuration: `Idle -> nd :: IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1) -> Discard; nd[1] -> Discard; Idle -> [1] nd;`,
    bytes: six * 80 + 64 * 2 ** 20,
    progress,
  });
  const insert = nd.router.handler("nd.insert");
  const size = nd.router.handler("nd.count");
  await nd.measure(
    "insert",
    six,
    (i) =>
      void insert.write!(`2001:db8::${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)} 2:0:0:0:0:9`),
  );
  nd.skip(86_400_000);
  await nd.measure(
    "all expire",
    0,
    () => {},
    () => Number(size.read!("")) === 0,
  );
  nd.close();
  return [...four.runs, ...nd.runs];
}

/** LISPEchoNonce, with as many mappings as that, and peers of which none sends anything. */
export async function echoStalls(count: number, progress: (text: string) => void): Promise<readonly Run[]> {
  const lab = await StallLab.start({
    table: "echo-nonce",
    entries: count,
    configuration: `Idle -> cache :: LISPMapCache(CAPACITY ${count}) -> LISPEncap(192.0.2.1) -> Discard;
      Idle -> decap :: LISPDecap(PEERS 65536) -> Discard;
      echo :: LISPEchoNonce(cache, DECAP decap, ACTIVE true, REQUEST all)`,
    bytes: count * 400 + 64 * 2 ** 20,
    progress,
  });
  const { cache } = lab.find<LISPMapCache>("cache");
  await lab.measure("insert", count, (i) => void cache.insert(mapping(i)));
  let rounds = 30_000;
  await lab.measure(
    "three rounds",
    0,
    () => {},
    () => --rounds < 0,
  );
  lab.close();
  return lab.runs;
}
