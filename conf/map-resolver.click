// map-resolver.click: a LISP Map-Resolver that asks Map-Servers elsewhere (RFC 9301, section 8.4).
//
// $ROUTES are EID-prefixes, each with the addresses of the Map-Servers that are asked for it, in turn. $RATE is how
// many Map-Requests each sender may send in a second.
//
//   sluice run conf/map-resolver.click CORE=veth0 RLOC4=10.0.0.99 RLOC6=fd00::99 \
//     ROUTES='192.168.0.0/16 10.0.0.100 10.0.0.101, fd01::/32 fd00::100'

require(library control-host.click);

define(
  // The instance ID of $ROUTES that name none (`iid N`).
  $IID 0,
  $ROUTES 192.168.0.0/16 10.0.0.100, $RATE 1000
);

mr :: LISPMapResolver(IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, RATE $RATE, $ROUTES);

control [4] -> mr -> to_core;
control [0], control [1], control [2], control [3], control [5] -> others :: Discard;
