// map-resolver-store.click: a LISP Map-Resolver that knows what Map-Servers have registered (RFC 9301, section 8.4).
//
// It has the mapping system of the Map-Servers (conf/map-server.click, conf/map-server-only.click) that name the same
// $STORE, an etcd cluster, in memory, and answers from there as they do; it takes no Map-Registers. $SITES are theirs.
// Other parameters as in map-server.click.
//
//   sluice run conf/map-resolver-store.click CORE=veth0 RLOC4=10.0.0.99 RLOC6=fd00::99 \
//     STORE=etcd:10.1.0.1:2379,10.1.0.2:2379,10.1.0.3:2379 \
//     SITES='a key file:/etc/sluice/a.key eid 192.168.1.0/24 more eid fd01::/64'

require(library control-host.click);

define(
  // The instance ID of what $SITES and $ROUTES name without one (`iid N`).
  $IID 0,
  $SITES ,
  $STORE memory, $ROUTES ,
  $RATE 1000
);

known :: LISPMapServer($SITES, IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, STORE "$STORE");
mr :: LISPMapResolver(IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, MAP_SERVER known, RATE $RATE, $ROUTES);

control [4] -> mr -> to_core;
control [0], control [1], control [2], control [3], control [5] -> others :: Discard;
Idle -> known -> to_core;
