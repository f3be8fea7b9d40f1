// Configurations in which each element meets hostile packets. A class of these
// folders that has required arguments or any number of ports needs an entry.

export const FOLDERS: readonly string[] = [
  "ip",
  "icmp",
  "ethernet",
  "lisp",
  "classification",
  "traffic",
  "cloud",
];

export interface ElementTrial {
  readonly config: string;
  /** Ports connected. Default: once the fewest, once the most that the class allows. */
  readonly inputs?: number;
  readonly outputs?: number;
  /** Elements before its input 0, with the arrow: what sets the annotations that it needs. Without inputs: statements. */
  readonly before?: string;
  /** Handler writes before the packets come. */
  readonly write?: readonly (readonly [handler: string, value: string])[];
  /**
   * Why the packets that leave are not just those that came less those counted as dropped: it makes packets,
   * keeps some, or answers them.
   */
  readonly makes?: string;
  /** Counters beside its drops that tell of packets killed where an output is not connected. */
  readonly counted?: readonly string[];
  /** Why it may read headers that lie before the data. They are then set within the data, or not at all. */
  readonly stripped?: string;
}

const STRIPPED = "headers that were stripped still decide, as in Click: the Ethernet header after Strip(14)";
const ROUTES = "10.0.0.0/8 192.168.0.1 0, 192.0.2.0/24 1, 0/1 2";
const MAPPINGS = [
  "192.0.2.0/24 198.51.100.1/1/50 2001:db8:9::1/1/50",
  "10.0.0.0/8 2001:db8:9::2",
  "2001:db8:1::/48 198.51.100.1",
  "2001:db8::/64 2001:db8:9::3/2 198.51.100.2/1/10 198.51.100.3/1/0",
  "224.0.0.0/4 action drop",
  "255.255.255.255/32 action natively-forward",
].join(", ");
const MAP_CACHE = `map :: LISPMapCache(${MAPPINGS}) ->`;
const VERSIONED = MAPPINGS.replace(/(,|$)/g, " version 7$1");
const OWN =
  "own :: LISPSite(0.0.0.0/0 10.9.9.9 192.0.2.1 version 5, 192.0.2.0/24 10.9.9.9, ::/0 10.9.9.9 version 4095);";
const VERIFIED = [
  OWN,
  "resolver :: LISPResolver(cache, RLOC 10.9.9.9, MAP_RESOLVER 192.0.2.9);",
  "cache [1] -> resolver -> Discard; Idle -> [1] resolver [1] -> Discard;",
  "LISPMapVersion(own, DECAP e, RESOLVER resolver, ACTIVE true);",
  "LISPLocatorStatus(own, DECAP e, CACHE cache, ACTIVE true, TRUST true);",
  "LISPEchoNonce(cache, DECAP e, ACTIVE true, REQUEST all);",
].join(" ");
const ENCAP = "Idle -> encap :: LISPEncap(10.9.9.9) -> Discard;";
const ARP = "ARP queries are made, packets wait for the answers";
const ND = "solicitations are made, packets wait for the answers";
const ANSWERS = "it makes messages of its own, and answers; what it is sent ends there";
const MOBILITY = `n :: Null; site :: LISPSite(10.0.0.0/8 10.0.0.1);
  m :: LISPMobility(site, 02:00:00:00:00:02, 192.0.2.0/24 192.0.2.1, ::/0 2001:db8::1, LOCATORS 10.0.0.1) -> Discard;
  Idle -> m; Idle -> [1] m; n ->`;
/** Where a sink counts the packets that it measures, and keeps. */
const MEASURED = ["received", "doubled", "too_old", "before", "stale"];
const RESOLVER = "Map-Requests are made, packets wait for the answers";
const ASKED = 'cache, RLOC 192.0.2.1, RLOC 2001:db8:9::9, MAP_RESOLVER "192.0.2.9 2001:db8:9::8"';

export const TRIALS: Readonly<Record<string, readonly ElementTrial[]>> = {
  GuestStreams: [{ config: "192.0.2.1", makes: ANSWERS }],
  FMCCatalogue: [{ config: "dc a rloc 10.0.0.1", inputs: 0, outputs: 0 }],
  FMCDecision: [
    {
      config: "c, t",
      before: `c :: FMCCatalogue(dc a rloc 192.0.2.3, service s, vm v service s dc a eid 10.3.0.1);
        Idle -> t :: FMCMobilityTracker(c, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret) -> Discard;`,
      inputs: 0,
      outputs: 0,
    },
  ],
  FMCMigration: [
    {
      config: 'c, ADDR 192.0.2.1, TRUST "key k eid any", MAP_RESOLVER 192.0.2.9',
      before:
        "n :: Null; c :: FMCCatalogue(dc a rloc 192.0.2.3 agent 192.0.2.4 key 1:k, service s, vm v service s dc a eid 10.0.0.1); n ->",
      counted: ["late"],
      makes: "what it is sent ends there",
    },
  ],
  FMCMobilityTracker: [
    {
      config: "c, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret, EIDS 10.0.0.0/8",
      before: "n :: Null; c :: FMCCatalogue(user u eid 10.0.0.1); n ->",
      counted: ["foreign"],
      makes: "Map-Requests are made",
    },
  ],
  Classifier: [
    { config: "12/0806 20/0001, 12/0806 20/0002, 12/0800, -", outputs: 4 },
    { config: "0/4?%f0 9/11 22/10f5, 2000/01, !6/60", outputs: 3 },
  ],
  IPClassifier: [
    {
      stripped: STRIPPED,
      config: "10.0.0.0/24 and syn, dst udp port 4341 or 4342, icmp type echo && ip ttl > 1, -",
      outputs: 4,
    },
    { stripped: STRIPPED, config: "ip frag or ip vers 4 and ip hl > 5, src tcp port < 1024", outputs: 2 },
  ],
  IPFilter: [
    {
      stripped: STRIPPED,
      config: "allow dst net 192.0.2.0/24 && udp, 1 tcp opt ack, deny icmp type 3, allow all",
      outputs: 2,
    },
  ],
  HypervisorAgent: [
    {
      makes: ANSWERS,
      config: "simulated, g memory 1M, ADDR 192.0.2.1, ADDR 2001:db8:9::9, KEY 1:k, WATCH_KEY 2:w",
    },
  ],
  HostEtherFilter: [{ config: "02:00:00:00:00:01" }, { config: "02:00:00:00:00:02, true, false" }],
  EtherSwitch: [
    { config: "", inputs: 3, outputs: 3, makes: "copies for every port" },
    { config: "TIMEOUT 0, CAPACITY 4", inputs: 2, outputs: 2 },
  ],
  LineSwitch: [
    { config: "a, b, c, LINE a b 0 0 0.5", inputs: 3, outputs: 3, makes: "copies for every port" },
    { config: "LOSS 0.1, TIMEOUT 0", inputs: 2, outputs: 2 },
  ],
  EtherEncap: [{ config: "0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2" }],
  ARPQuerier: [
    { config: "10.0.0.1/24, 02:00:00:00:00:01", makes: ARP },
    {
      config: "10.0.0.1/24, 02:00:00:00:00:01, CAPACITY 8, ENTRY_CAPACITY 4, TIMEOUT 1, POLL_TIMEOUT 1",
      makes: ARP,
    },
  ],
  ARPTable: [{ config: "", inputs: 0, outputs: 0 }],
  ARPResponder: [{ config: "10.0.0.1 10.1.0.0/16 02:00:00:00:00:01, 0/0 02:00:00:00:00:09" }],
  IP6NDSolicitor: [
    { config: "2001:db8::1, 02:00:00:00:00:01", makes: ND },
    { config: "2001:db8:1::1, 02:00:00:00:00:01, CAPACITY 8, ENTRY_CAPACITY 4", makes: ND },
  ],
  IP6NDRouterAdvertiser: [
    {
      config: "02:00:00:00:00:01, 2001:db8::/64 on-link",
      makes: "advertisements are made; solicitations end there",
    },
  ],
  IP6NDAdvertiser: [{ config: "2001:db8:1::1 2001:db8::/64 02:00:00:00:00:01" }],
  CheckIPHeader: [
    { config: "" },
    { config: "18.26.4.255, OFFSET 14" },
    { config: "CHECKSUM false, DETAILS true" },
  ],
  CheckIPHeader2: [{ config: "" }, { config: "INTERFACES 10.0.0.1/8 192.0.2.1/24" }],
  CheckIP6Header: [{ config: "" }, { config: "2001:db8::1, OFFSET 14" }],
  DropUnroutable: [{ config: "" }, { config: "10.0.0.0/8, 192.0.2.0/24, 2001:db8::/32" }],
  FixIPSrc: [{ config: "10.0.0.1" }],
  GetIPAddress: [{ config: "16" }, { config: "IP src" }],
  GetIP6Address: [{ config: "24" }, { config: "2040" }],
  IPEncap: [{ config: "ipip, 18.26.4.24, DST_ANNO" }, { config: "4, 18.26.4.24, 140.247.60.147, CE true" }],
  IPFragmenter: [
    { config: "576", makes: "fragments" },
    { config: "68, HONOR_DF false", makes: "fragments" },
    { config: "28, HONOR_DF false, HEADROOM 2000", makes: "fragments" },
  ],
  IPGWOptions: [{ config: "10.0.0.1" }, { config: "10.0.0.1, 192.0.2.1 10.0.0.2" }],
  LookupIP6Route: [{ config: "2001:db8::/32 fe80::1 0, 2001:db8:1::/48 1, ::/1 2", outputs: 3 }],
  DirectIPLookup: [{ config: ROUTES, outputs: 3 }],
  LinearIPLookup: [{ config: ROUTES, outputs: 3 }],
  StaticIPLookup: [{ config: ROUTES, outputs: 3 }],
  RadixIPLookup: [{ config: ROUTES, outputs: 3 }],
  ICMPError: [
    { config: "10.0.0.1, timeexceeded" },
    { config: "10.0.0.1, unreachable, needfrag, MTU 576, PMTU 1400" },
    { config: "10.0.0.1, parameterproblem, BADADDRS 192.0.2.255" },
    { config: "10.0.0.1, redirect, host" },
  ],
  ICMP6Error: [
    { config: "2001:db8::1, 3, 0" },
    { config: "2001:db8::1, 2, 0, PMTU 1280" },
    { config: "2001:db8::1, 4, 1, MTU 100" },
  ],
  ICMPPingSource: [
    { config: "10.0.0.1, 192.0.2.1, INTERVAL 0.1", inputs: 1, makes: "echo requests" },
    { config: "192.0.2.1, 10.0.0.1, LIMIT 10, VERBOSE true", inputs: 1, makes: "echo requests" },
  ],
  ICMP6PingSource: [
    { config: "2001:db8:1::1, 2001:db8::1, INTERVAL 0.1", inputs: 1, makes: "echo requests" },
    { config: "2001:db8::1, 2001:db8:1::1, LIMIT 10, VERBOSE true", inputs: 1, makes: "echo requests" },
  ],
  HostProber: [
    {
      config: 'SRC 192.0.2.1, SRC 2001:db8:1::1, HOSTS "10.0.0.1 2001:db8::1", INTERVAL 0.1',
      makes: "echo requests",
    },
  ],
  ICMP6PingResponder: [{ config: "" }, { config: "2001:db8:1::1" }],
  LISPClassifier: [{ config: "" }, { config: "DATA 9, CONTROL 2000, GPE 4341" }],
  LISPDecap: [
    { config: "" },
    { config: "IID 0, IID 42, IID 0xffffff, PEERS 4, CHECKSUM false" },
    {
      config: "PEERS 16, CHECKSUM false",
      before: `n :: Null; Idle -> cache :: LISPMapCache(${VERSIONED}) -> Discard; ${VERIFIED} n ->`,
    },
  ],
  LISPEncap: [
    // Without a map-cache before it no packet has a locator.
    { config: "10.9.9.9, 2001:db8::9" },
    { config: "10.9.9.9, 2001:db8::9, NONCE true, MTU 300", before: MAP_CACHE, counted: ["too_big"] },
    {
      config: "10.9.9.9, NONCE true, ECHO true, STATUS_BITS 3, IID always",
      before: MAP_CACHE,
      counted: ["too_big"],
    },
    {
      config: "10.9.9.9, 2001:db8::9",
      before: `cache :: LISPMapCache(${VERSIONED}); ${OWN} LISPMapVersion(own, ENCAP e, ACTIVE true); LISPLocatorStatus(own, ENCAP e, ACTIVE true); cache ->`,
      counted: ["too_big"],
    },
    { config: "2001:db8::9, FLOW_LABEL true, DF clear, ECN false", before: MAP_CACHE, counted: ["too_big"] },
  ],
  LISPMobility: [
    {
      config: "site, 02:00:00:00:00:02, 192.0.2.0/24 192.0.2.1, 2001:db8::/32 2001:db8::1, LOCATORS 10.0.0.1",
      before: "n :: Null; site :: LISPSite(10.0.0.0/8 10.0.0.1); n ->",
      makes: ANSWERS,
    },
    {
      config:
        "site, 02:00:00:00:00:02, 192.0.2.0/24 192.0.2.1, 10.0.0.0/8 10.0.0.2, ::/0 2001:db8::1, LOCATORS 10.0.0.1, HOLD 8, QUEUE 20",
      before: "n :: Null; site :: LISPSite(172.16.0.0/12 10.0.0.1); n ->",
      write: ["192.0.2.1", "192.0.2.2", "10.1.0.1", "10.2.0.1", "2001:db8:1::1", "2001:db8::1"].map((eid) => [
        "expect",
        `${eid} 10`,
      ]),
      inputs: 6,
      outputs: 3,
      makes: "packets of expected EIDs are held; it asks, and answers",
    },
  ],
  LISPHostSwitch: [
    { config: "m, src", before: MOBILITY, outputs: 5 },
    { config: "m, dst, PACKET_IID true", before: MOBILITY, outputs: 1 },
  ],
  LISPPeerLog: [
    { config: "decap", before: "n :: Null; Idle -> decap :: LISPDecap(PEERS 8) -> Discard; n ->" },
  ],
  LISPMapResolver: [{ config: "RLOC4 10.0.0.99, 192.0.2.0/24 10.0.0.100, ::/0 10.0.0.101", makes: ANSWERS }],
  LISPMapServer: [
    {
      config: "a key labkey1 eid 192.0.2.0/24 more eid 2001:db8::/32, RLOC4 10.0.0.100",
      makes: ANSWERS,
    },
  ],
  LISPRegistrar: [
    {
      config: "site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key 1:secret proxy-reply",
      before: "n :: Null; site :: LISPSite(192.0.2.0/24 192.0.2.1); n ->",
      makes: ANSWERS,
    },
  ],
  LISPSubscriber: [
    {
      config: "ask, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret",
      before:
        "n :: Null; cache :: LISPMapCache; Idle -> cache -> Discard; cache[1] -> ask :: LISPResolver(cache, RLOC 192.0.2.1) -> Discard; Idle -> [1] ask; ask[1] -> Discard; n ->",
      counted: ["foreign"],
    },
  ],
  LISPChangePriority: [
    {
      config:
        "cache, RLOC 192.0.2.1, RLOC 2001:db8:9::9, MOBILITY m, SITE site, TRUST key 1:secret eid 192.0.2.0/24",
      before:
        "n :: Null; site :: LISPSite(192.0.2.0/24 192.0.2.1); Idle -> cache :: LISPMapCache -> Discard; Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.0.2.0/24 192.0.2.2, LOCATORS 192.0.2.1) -> Discard; Idle -> [1] m; n ->",
      makes: ANSWERS,
    },
  ],
  LISPHostFinder: [
    {
      config: "m, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9",
      before:
        "n :: Null; site :: LISPSite(192.0.2.0/24 192.0.2.1); Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.0.2.0/24 192.0.2.2, LOCATORS 192.0.2.1) -> Discard; Idle -> [1] m; n ->",
      makes: ANSWERS,
    },
  ],
  LISPSite: [{ config: "192.0.2.0/24 192.0.2.1", inputs: 0, outputs: 0 }],
  LISPMapReplier: [
    {
      config: "site, RLOC 192.0.2.1, RLOC 2001:db8:9::9",
      before:
        "n :: Null; site :: LISPSite(192.0.2.0/24 192.0.2.1, 0.0.0.0/0 192.0.2.1, ::/0 2001:db8:9::9); n ->",
      makes: ANSWERS,
    },
  ],
  LISPSMRReceiver: [
    {
      config: "resolver",
      before: `n :: Null; Idle -> cache :: LISPMapCache(${MAPPINGS}) -> Discard;
        cache[1] -> resolver :: LISPResolver(${ASKED}) -> Discard; Idle -> [1] resolver; resolver[1] -> cache; n ->`,
      makes: ANSWERS,
    },
  ],
  LISPPathMTU: [
    {
      config: "map, RLOC 10.9.9.9, RLOC 2001:db8:9::9",
      before: `n :: Null; Idle -> map :: LISPMapCache(${MAPPINGS}) -> Discard; n ->`,
    },
  ],
  LISPRLOCProber: [
    {
      config: "cache, RLOC 192.0.2.1, RLOC 2001:db8:9::9",
      before: `n :: Null; Idle -> cache :: LISPMapCache(${MAPPINGS}) -> Discard; n ->`,
      makes: ANSWERS,
    },
  ],
  LISPSMRSender: [
    {
      config: "site, RLOC 192.0.2.1, CACHE cache",
      before: `Idle -> cache :: LISPMapCache(${MAPPINGS}) -> Discard; site :: LISPSite(192.0.2.0/24 192.0.2.1);`,
      inputs: 0,
      makes: ANSWERS,
    },
  ],
  LISPEchoNonce: [
    {
      config: "cache, DECAP decap, ACTIVE true, REQUEST all",
      before: "Idle -> cache :: LISPMapCache -> Discard; Idle -> decap :: LISPDecap(PEERS 4) -> Discard;",
      inputs: 0,
      makes: ANSWERS,
    },
  ],
  LISPMapVersion: [
    { config: "own, ENCAP encap, ACTIVE true", before: `${OWN} ${ENCAP}`, inputs: 0, makes: ANSWERS },
  ],
  LISPLocatorStatus: [
    { config: "own, ENCAP encap, ACTIVE true", before: `${OWN} ${ENCAP}`, inputs: 0, makes: ANSWERS },
  ],
  LISPResolver: [
    // Packets that no map-cache looked at; then those of which one says that they need a Map-Request.
    { config: ASKED, before: "n :: Null; Idle -> cache :: LISPMapCache -> Discard; n ->", makes: RESOLVER },
    {
      config: `${ASKED}, HOLD 2, QUEUE 8`,
      before: `cache :: LISPMapCache(${MAPPINGS}) -> Discard; cache [1] ->`,
      makes: RESOLVER,
    },
  ],
  LISPMapCache: [
    { config: MAPPINGS, counted: ["misses", "map_requests"] },
    {
      config: `PACKET_IID true, CAPACITY 8, ${MAPPINGS}`,
      write: [["add", "10.0.0.0/8 192.0.2.9 iid 1"]],
      counted: ["misses", "map_requests"],
    },
  ],
  NumberedSource: [{ config: "10.0.0.1, 5000, 10.0.0.2, 5000", makes: "the packets of its stream" }],
  NumberedSink: [
    { config: "", counted: MEASURED },
    { config: "5000, STREAMS 2, WINDOW 64, FROM_START false, GAP 0", counted: MEASURED },
  ],
  VoiceSource: [{ config: "10.0.0.1, 5004, 10.0.0.2, 5004", makes: "the packets of its call" }],
  VoiceSink: [
    { config: "", counted: ["received"] },
    { config: "5004, STREAMS 2, BUFFER 0, INTERVAL 0.5", counted: ["received"] },
  ],
  SetIPAddress: [{ config: "10.0.0.1" }],
  SetIP6Address: [{ config: "2001:db8::1" }],
  UDPIPEncap: [
    { config: "1.0.0.1, 1234, 2.0.0.2, 1234" },
    { config: "1.0.0.1, 1234, DST_ANNO, 1234, CHECKSUM true" },
  ],
};
