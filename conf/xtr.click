// xtr.click: a LISP tunnel router (ITR and ETR, RFC 9300) for one site.
//
// It stands between a site, whose hosts have addresses out of EID-prefixes, and a core network, in which only
// RLOCs are routed. The graph owns both of its interfaces' addresses: give the interfaces none, so that the
// kernel leaves their packets alone. Hosts take $EID4 and $EID6 as their default routers.
//
//   sluice run conf/xtr.click SITE=veth0 CORE=veth1 \
//     EID4=192.168.1.1 EID4_NET=192.168.1.0/24 EID6=fd01::1 EID6_NET=fd01::/64 \
//     RLOC4=10.0.0.1 RLOC4_NET=10.0.0.0/24 RLOC6=fd00::1 RLOC6_NET=fd00::/64 \
//     MAP_RESOLVER=10.0.0.100 MAP_SERVER='10.0.0.100 key file:/etc/sluice/site.key'
//
// It registers its EID-prefixes with the Map-Server, answers for them, and asks the Map-Resolver for others'; with
// PUBSUB_KEY, and the same one at the Map-Server, it is told of changes as they happen (RFC 9437). Instead
// of these, or besides, MAP gives map-cache entries: MAP='192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2'.
//
// PETR=10.0.0.9 is the proxy ETR (pxtr.click) for destinations without LISP. With `sluice run -u PATH`, `sluice lisp why
// EID --control PATH` tells how an EID was resolved, and which locator its packets take.
//
// A site may have several tunnel routers. All name all of the site's locators, each with its priority and weight, and
// register with `merge`; the hosts take any of them as their default router. 75 of 100 flows come in through the first
// of these two:
//
//   sluice run conf/xtr.click EID4=192.168.2.1 RLOC4=10.0.0.2 LOCATORS='10.0.0.2/1/75 10.0.0.3/1/25' \
//     MAP_SERVER='10.0.0.100 key file:/etc/sluice/site.key merge' ...
//   sluice run conf/xtr.click EID4=192.168.2.2 RLOC4=10.0.0.3 LOCATORS='10.0.0.2/1/75 10.0.0.3/1/25' \
//     MAP_SERVER='10.0.0.100 key file:/etc/sluice/site.key merge' ...
//
// Where one of them dies, the flows of tunnel routers that probe (PROBE=10) go on through the other one at the latest
// PROBE + PROBE_RETRIES * PROBE_TIMEOUT seconds later, and return when it does.
//
// Hosts of other sites may come and keep their addresses where DYNAMIC_EID names their ranges and default routers:
// DYNAMIC_EID='192.168.1.0/24 192.168.1.1, fd01::/64 fd01::1'. This site's own may leave if their ranges are there too.
// ROUTER_MAC=02:00:5e:00:01:01 at all sites makes their routers one to these hosts; ADVERTISE=true advertises it (RFC 4861).
//
// IID=5 puts the site into instance 5: its EIDs are registered, asked for, sent and delivered there and nowhere else. The
// Map-Server's $SITES have `iid 5` before them, or its own IID=5.
//
// xtr-graph.click has all parameters, and the graph.

require(library ethernet-interface.click);
elementclass CoreInterface LISPInterface;
require(library xtr-graph.click);

// Map-Servers need not publish any more to a tunnel router that stops.
DriverManager(pause, write subscriber.unsubscribe, wait 100ms);
