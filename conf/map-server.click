// map-server.click: a LISP Map-Server and Map-Resolver in one (RFC 9301).
//
// xTRs register with it and ask it at the same addresses. $SITES are the sites that may register: a name each, its
// keys (`key [ID:]SECRET [sha1|sha256|hkdf]`), and its EID-prefixes, with `more` also those within; without, nobody can
// register. SECRET is file:PATH, the file readable by its owner only, env:NAME, or (in sight of all who see the command
// line) the secret itself. The graph owns the interface's addresses: give the interface none.
//
//   sluice run conf/map-server.click CORE=veth0 RLOC4=10.0.0.100 RLOC6=fd00::100 \
//     SITES='a key file:/etc/sluice/a.key eid 192.168.1.0/24 more eid fd01::/64, b key env:KEY_B eid 192.168.2.0/24'
//
// Other parameters: NONCES=lenient for peers older than RFC 9301; STORE=lmdb:FOLDER keeps registrations over a restart,
// for one Map-Server at a time, STORE=etcd:HOST:PORT,HOST:PORT... in an etcd cluster, for all Map-Servers and
// Map-Resolvers that name it; PUBSUB_KEY=file:PATH, shared with subscribers (RFC 9437); ROUTES='10.0.0.0/8 10.0.0.101',
// Map-Servers for other prefixes; RATE=100, Map-Requests a second that each sender may send.

require(library control-host.click);

define(
  // The instance ID of what $SITES and $ROUTES name without one (`iid N`).
  $IID 0,
  $SITES ,
  $NONCES strict, $STORE memory, $PUBSUB_KEY "", $ROUTES ,
  $RATE 1000
);

ms :: LISPMapServer($SITES, IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, NONCES $NONCES, STORE "$STORE",
  PUBSUB_KEY $PUBSUB_KEY);
mr :: LISPMapResolver(IID $IID, RLOC4 $RLOC4, RLOC6 $RLOC6, MAP_SERVER ms, RATE $RATE, $ROUTES);

control [0] -> [0] ms;                  // Map-Requests, from whoever needs no Map-Resolver
control [1] -> replies :: Discard;      // no Map-Reply is for us
control [2], control [3] -> ms;         // Map-Registers; Map-Notify-Acks
control [4] -> mr;
control [5] -> others :: Discard;
ms, mr -> to_core;
