// map-server-only.click: a LISP Map-Server without a Map-Resolver (RFC 9301).
//
// xTRs register with it; Map-Resolvers (conf/map-resolver.click) send it the Map-Requests for its sites' prefixes.
// Parameters as in map-server.click, without ROUTES and RATE.
//
//   sluice run conf/map-server-only.click CORE=veth0 RLOC4=10.0.0.100 RLOC6=fd00::100 \
//     SITES='a key file:/etc/sluice/a.key eid 192.168.1.0/24 more eid fd01::/64'

require(library control-host.click);

define(
  // The instance ID of what $SITES name without one (`iid N`).
  $IID 0,
  $SITES ,
  $NONCES strict, $STORE memory, $PUBSUB_KEY ""
);

ms :: LISPMapServer($SITES, IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, NONCES $NONCES, STORE "$STORE",
  PUBSUB_KEY $PUBSUB_KEY);

control [0], control [2], control [3], control [4] -> ms -> to_core;
control [1] -> replies :: Discard;
control [5] -> others :: Discard;
