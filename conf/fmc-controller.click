// fmc-controller.click: a Follow-Me Cloud controller, a host of the core network.
//
// It knows data centres, services and users ($ENTRIES), hears from the Map-Server where users are, decides whether their
// services follow them, and migrates the virtual machines. Between it and all others there are only messages: it subscribes at
// the Map-Server (RFC 9437), and talks with the agents of hypervisors (hypervisor-agent.click) and with tunnel routers
// (Change-Priority messages, docs/change-priority.md). docs/follow-me-cloud.md says who says what, and when.
//
//   sluice run conf/fmc-controller.click CORE=veth0 RLOC4=10.0.0.50 RLOC6=fd00::50 \
//     MAP_RESOLVER=10.0.0.100 PUBSUB_KEY=file:/etc/sluice/pubsub.key EIDS='192.168.0.0/16' \
//     ENTRIES='dc paris at 48.86 2.35 rloc 10.0.0.3, dc lyon at 45.76 4.84 rloc 10.0.0.4,
//       access north at 48.9 2.3 rloc 10.0.0.1, access south at 45.8 4.8 rloc 10.0.0.2,
//       service video, vm video1 service video dc paris memory 1G eid 192.168.3.10,
//       user alice eid 192.168.1.10 use video'

require(library ethernet-interface.click);

define(
  // Interface (or whatever device the router knows by this name), and this host's addresses there.
  $CORE core,
  $RLOC4 10.0.0.50, $RLOC4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $RLOC6 fd00::50, $RLOC6_NET fd00::/64, $GATEWAY6 ::,
  // Data centres, networks of users, services, virtual machines and users, as FMCCatalogue has them, with commas between them;
  // where what is changed at run time is kept: memory, lmdb:FOLDER, or etcd:HOST:PORT,HOST:PORT...
  $ENTRIES , $STORE memory,
  // The mapping system: Map-Resolvers, separated by spaces; the key shared with the Map-Servers, [ID:]SECRET (file:PATH, env:NAME),
  // without which nothing is heard of users; the EID-prefixes that users live in (more of them: `..., EIDS fd01::/64`).
  $MAP_RESOLVER 10.0.0.100, $PUBSUB_KEY "", $EIDS 192.168.0.0/16,
  // The policy of services that name none of their own, as FMCDecision has it.
  $POLICY nearest,
  // Keys shared with tunnel routers, `key [ID:]SECRET eid EID-PREFIX...` as LISPChangePriority has it (more of them:
  // `..., TRUST key ...`). How packets are redirected (the arms of docs/follow-me-cloud.md), bits a second of one migration at
  // most (0: no limit), and the time that a virtual machine may stand still. More arguments of FMCMigration, such as
  // `DOMAIN paris 192.168.3.0/24`.
  $TRUST "", $ARM e, $BANDWIDTH 0, $DOWNTIME 0.3, $MORE STATE "",
  // Where migrations are kept: memory, lmdb:FOLDER, etcd:HOST:PORT,HOST:PORT...
  $MIGRATIONS memory
);

core :: EthernetInterface($CORE, $RLOC4, $RLOC6);
to_core :: Classifier(0/40%f0, 0/60%f0);
to_core [0] -> route4 :: RadixIPLookup($RLOC4_NET 0, 0.0.0.0/0 $GATEWAY4 0) -> [0] core;
to_core [1] -> route6 :: LookupIP6Route($RLOC6_NET :: 0, ::/0 $GATEWAY6 0) -> [1] core;

catalogue :: FMCCatalogue($ENTRIES, STORE "$STORE");
tracker :: FMCMobilityTracker(catalogue, RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER $MAP_RESOLVER, PUBSUB_KEY $PUBSUB_KEY,
  EIDS $EIDS) -> to_core;
decision :: FMCDecision(catalogue, tracker, POLICY $POLICY);
migration :: FMCMigration(catalogue, TRACKER tracker, DECISION decision, ADDR $RLOC4, ADDR $RLOC6, TRUST $TRUST,
  MAP_RESOLVER $MAP_RESOLVER, ARM $ARM, BANDWIDTH $BANDWIDTH, DOWNTIME $DOWNTIME, STORE "$MIGRATIONS", $MORE) -> to_core;

core [0]
  -> CheckIPHeader
  -> mine4 :: IPClassifier(dst host $RLOC4 and icmp type echo, dst host $RLOC4 and dst udp port 4342,
    dst host $RLOC4 and dst udp port 4344, -);
mine4 [0] -> ICMPPingResponder -> route4;
mine4 [1] -> control :: LISPControlClassifier;
mine4 [2] -> [0] migration;
mine4 [3] -> others :: Discard;

core [1]
  -> CheckIP6Header
  -> mine6 :: LookupIP6Route($RLOC6/128 0, ::/0 1);
mine6 [0] -> kind6 :: Classifier(6/3a 40/80, 6/11 42/10f6, 6/11 42/10f8, -);
kind6 [0] -> ICMP6PingResponder -> route6;
kind6 [1] -> control;
kind6 [2] -> [0] migration;
kind6 [3], mine6 [1] -> others;

control [3] -> [0] tracker [1] -> strange :: Discard;      // Map-Notifies
control [1] -> [1] tracker [2] -> [2] migration [1] -> strange;  // Map-Replies
control [5] -> [1] migration;                             // Change-Priority messages
control [0], control [2], control [4] -> strange;
