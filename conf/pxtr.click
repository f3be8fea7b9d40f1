// pxtr.click: a LISP proxy tunnel router (PITR and PETR, RFC 6832), between the core and an Internet without LISP.
//
// PITR: hosts of the legacy side reach EIDs through it. Their routers have routes for $EIDS4 and $EIDS6 to $LEGACY4 and
// $LEGACY6; what comes is resolved, and encapsulated to the sites. PETR: tunnel routers that have it as their PETR send
// it what is for destinations without LISP; it takes the outer headers off and routes the packets on the legacy side,
// if they come from a site's EID. The graph owns both of its interfaces' addresses: give the interfaces none.
//
//   sluice run conf/pxtr.click LEGACY=veth0 CORE=veth1 \
//     LEGACY4=198.51.100.1 LEGACY4_NET=198.51.100.0/24 LEGACY6=2001:db8:1::1 LEGACY6_NET=2001:db8:1::/64 \
//     RLOC4=10.0.0.9 RLOC6=fd00::9 MAP_RESOLVER=10.0.0.100 EIDS4=192.168.0.0/16 EIDS6=fd01::/64
//
// And on the tunnel routers: PETR=10.0.0.9.

define(
  // Interfaces (or whatever devices the router knows by these names).
  $LEGACY legacy, $CORE core,
  // The legacy side: this router's addresses there, what can be reached there directly, and the routers for
  // everything else.
  $LEGACY4 198.51.100.1, $LEGACY4_NET 198.51.100.0/24, $LEGACY_GATEWAY4 0.0.0.0,
  $LEGACY6 2001:db8:1::1, $LEGACY6_NET 2001:db8:1::/64, $LEGACY_GATEWAY6 ::,
  // The instance ID of all EIDs: of those it sends to, and of what tunnel routers send it. One proxy serves one instance.
  $IID 0,
  // EID-prefixes of the sites whose traffic it attracts. These are routes to an output 0: more than one are written
  // `192.168.0.0/16 0, 172.16.0.0/12`.
  $EIDS4 192.168.0.0/16, $EIDS6 fd01::/64,
  // EID-prefixes of the sites that may send packets through it (RFC 6832, section 6.1), written likewise.
  $SITES4 $EIDS4, $SITES6 $EIDS6,
  // The core's side: the RLOCs, what can be reached there directly, and the routers for everything else.
  $RLOC4 10.0.0.9, $RLOC4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $RLOC6 fd00::9, $RLOC6_NET fd00::/64, $GATEWAY6 ::,
  // Map-cache entries, and Map-Resolvers separated by spaces.
  $MAP , $MAP_RESOLVER "", $PUBSUB_KEY "",
  // Change-Priority messages (docs/change-priority.md): who may say where which EIDs are, `key 1:file:PATH eid EID-PREFIX...`
  // as LISPChangePriority has it (more of them: `..., TRUST key ...`); without: none are taken.
  $CHANGE_PRIORITY "",
  // Seconds between probes of the locators in use; 0: none. How long to wait for an answer, and how often to ask again.
  $PROBE 0, $PROBE_TIMEOUT 1, $PROBE_RETRIES 2,
  // Largest packet the core carries, outer headers included, bytes.
  $MTU 1500
);

define($PITR true);  // for itr.click

require(library ethernet-interface.click);
elementclass CoreInterface LISPInterface;
require(library core-side.click);
require(library itr.click);

legacy :: EthernetInterface($LEGACY, $LEGACY4, $LEGACY6);

// ---- Packets without outer headers: to an EID, or to the legacy side ------------
to4 :: GetIPAddress(16) -> native4 :: RadixIPLookup($EIDS4 0, $LEGACY4_NET 1, 0.0.0.0/0 $LEGACY_GATEWAY4 1);
native4 [0] -> cache;
native4 [1] -> [0] legacy;

to6 :: GetIP6Address(24) -> native6 :: LookupIP6Route($EIDS6 0, $LEGACY6_NET :: 1, ::/0 $LEGACY_GATEWAY6 1);
native6 [0] -> cache;
native6 [1] -> [1] legacy;

// ---- From the legacy side: PITR --------------------------------------------------
legacy [0] -> CheckIPHeader -> for4 :: RadixIPLookup($EIDS4 0, $LEGACY4/32 1, 0.0.0.0/0 2);
for4 [0] -> attracted4 :: DropUnroutable -> ttl4 :: DecIPTTL -> cache;
for4 [1] -> own4 :: IPClassifier(icmp type echo, -) -> ICMPPingResponder -> to4;
for4 [2] -> unattracted4 :: Discard;
own4 [1] -> local4 :: Discard;
ttl4 [1] -> ICMPError($LEGACY4, timeexceeded, transit) -> to4;

legacy [1] -> CheckIP6Header -> for6 :: LookupIP6Route($EIDS6 0, $LEGACY6/128 1, ::/0 2);
for6 [0] -> attracted6 :: DropUnroutable -> hops6 :: DecIP6HLIM -> cache;
for6 [1] -> ICMP6PingResponder -> to6;
for6 [2] -> unattracted6 :: Discard;
hops6 [1] -> ICMP6Error($LEGACY6, timeexceeded, transit) -> to6;

cache [0] -> encap;
cache [3] -> denials;

// What came here to be encapsulated, and belongs to no site.
cache [2] -> siteless :: Classifier(0/40%f0, 0/60%f0);
siteless [0] -> ICMPError($LEGACY4, unreachable, host) -> to4;
siteless [1] -> ICMP6Error($LEGACY6, unreachable, noroute) -> to6;

cut [1] -> ICMPError($LEGACY4, unreachable, needfrag) -> to4;
big [1] -> ICMP6Error($LEGACY6, packettoobig, 0) -> to6;
path_errors -> paths :: LISPPathMTU(cache, RLOC $RLOC4, RLOC $RLOC6);

// Communication administratively prohibited (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1).
denied [0] -> ICMPError($LEGACY4, unreachable, 13) -> to4;
denied [1] -> ICMP6Error($LEGACY6, unreachable, 1) -> to6;

// ---- From the core: PETR ---------------------------------------------------------
// What is in another instance does not get out here.
decap :: LISPDecap(IID $IID);

lisp4 [0], lisp6 [0] -> decap;
decap [0] -> inner :: Classifier(0/40%f0, 0/60%f0);

inner [0] -> CheckIPHeader -> GetIPAddress(12) -> from4 :: RadixIPLookup(0.0.0.0/0 1, $SITES4 0);
from4 [0] -> out4 :: DropUnroutable($LEGACY4_NET) -> petr_ttl4 :: DecIPTTL -> to4;
from4 [1] -> spoofed4 :: Discard;
petr_ttl4 [1] -> ICMPError($LEGACY4, timeexceeded, transit) -> to4;

inner [1] -> CheckIP6Header -> GetIP6Address(8) -> from6 :: LookupIP6Route(::/0 1, $SITES6 0);
from6 [0] -> out6 :: DropUnroutable -> petr_hops6 :: DecIP6HLIM -> to6;
from6 [1] -> spoofed6 :: Discard;
petr_hops6 [1] -> ICMP6Error($LEGACY6, timeexceeded, transit) -> to6;

control [1] -> [1] subscriber;
control [0], control [2], subscriber [1], control [4] -> strange :: Discard;

// Where hosts are, from those who know at once.
control [5] -> changes :: LISPChangePriority(cache, RLOC $RLOC4, RLOC $RLOC6, TRUST $CHANGE_PRIORITY, RESOLVER resolver,
  IID $IID) -> to_core;
