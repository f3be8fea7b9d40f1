// xtr-graph.click: the graph of a LISP tunnel router (ITR and ETR, RFC 9300), for require(library ...).
//
// The file that requires it says first what a CoreInterface is: a class like LISPInterface of
// ethernet-interface.click. xtr.click and xtr-shared.click do.

define(
  // Interfaces (or whatever devices the router knows by these names).
  $SITE site, $CORE core,
  // The site's side: this router's addresses there, and the site's EID-prefixes.
  $EID4 192.168.1.1, $EID4_NET 192.168.1.0/24,
  $EID6 fd01::1, $EID6_NET fd01::/64,
  // The router's hardware address in the site. By default the interface's own. With the same one at all sites, such as
  // 02:00:5e:00:01:01, their routers are one to hosts that move (an anycast gateway): these need not notice that the router
  // is another one, and routers share the IPv6 link-local address made of it, fe80::5eff:fe00:101. It is a locally
  // administered address (of VRRP's form, RFC 9568, section 7.3, with the local bit), which no device has by itself and no
  // VRRP router takes. All frames to the site carry it, so switches see it at one port. So two routers at one site need two:
  // let the first ones of all sites share one, the second ones another. Sites that share one must not be bridged.
  $ROUTER_MAC $SITE:eth,
  // The instance ID of the site's EIDs: what they register, ask for, send and take (RFC 9300, section 8). Packets of other
  // instances are not delivered. For several, run a tunnel router each.
  $IID 0,
  // The core's side: the RLOCs, what can be reached there directly, and the routers for everything else.
  $RLOC4 10.0.0.1, $RLOC4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $RLOC6 fd00::1, $RLOC6_NET fd00::/64, $GATEWAY6 ::,
  // Map-cache entries: EID-prefix RLOC[,priority[,weight]] ..., separated by commas.
  $MAP ,
  // The mapping system. Map-Resolvers, separated by spaces; a Map-Server with its key, `10.0.0.100 key file:PATH`, as
  // LISPRegistrar takes it (more of them: `..., MAP_SERVER 10.0.0.101 key file:PATH`). Without: only $MAP.
  $MAP_RESOLVER "", $MAP_SERVER "",
  // PubSub (RFC 9437): the key shared with the Map-Servers, file:PATH or ID:file:PATH. With it changes of mappings that are in
  // use come by themselves; without they are noticed by SMRs and when a mapping's time is over.
  $PUBSUB_KEY "",
  // What is registered and answered for: locators of this site, RLOC[/priority[/weight]] separated by spaces, for both
  // EID-prefixes. Where nonces are kept over a restart.
  $LOCATORS $RLOC4, $STATE "",
  // Router advertisements to the site (RFC 4861), with its prefixes as IP6NDRouterAdvertiser takes them; `autonomous` beside
  // on-link: hosts form addresses (RFC 4862), those from elsewhere too. Most seconds between two, for three times as many of
  // which hosts take this router as their default one; the MTU that they are told, 0: none.
  $ADVERTISE false, $ADVERTISE_PREFIXES $EID6_NET on-link, $ADVERTISE_INTERVAL 600, $ADVERTISE_MTU 0,
  // Where packets to destinations outside of LISP go: the RLOC of a proxy ETR (RFC 6832, section 6), RLOC[/priority[/
  // weight]] separated by spaces where there are several. Without: they are dropped.
  $PETR action natively-forward,
  // Seconds between probes of the locators in use; 0: none. How long to wait for an answer, and how often to ask again:
  // flows leave a locator that died within $PROBE + $PROBE_RETRIES * $PROBE_TIMEOUT.
  $PROBE 0, $PROBE_TIMEOUT 1, $PROBE_RETRIES 2,
  // Most probes a second; whether locators that packets may not be sent to are probed, too; seconds that what is measured
  // looks back; a JSON file that has it (docs/paths.md), and the seconds between two writings.
  $PROBE_RATE 1000, $PROBE_ALL true, $PROBE_WINDOW 300, $PROBE_FILE , $PROBE_FILE_INTERVAL 10,
  // Hosts whose way from here is measured by pings, separated by spaces; seconds between two of them, 0: none; a JSON file
  // that has what was measured.
  $HOSTS , $HOST_PROBE 0, $HOST_FILE ,
  // What data packets say of locators and mappings (RFC 9300, sections 10 and 13; RFC 9302), for cores where everybody
  // is trusted. Echo-nonce, as LISPEchoNonce has it, and whom to ask (capable, all, none); Locator-Status-Bits, and
  // whether those of others are believed without a probe; Map-Versions, and the site's own version to begin with (0:
  // none). Versions need to be the same at all tunnel routers of the site.
  $ECHO_NONCE false, $ECHO_REQUEST capable, $STATUS_BITS false, $TRUST_BITS false, $MAP_VERSIONS false, $MAP_VERSION 0,
  // Hosts that may come from other sites and keep their EIDs, and where this site's own may leave to: `EID-PREFIX
  // ROUTER...` with their default routers, separated by commas; none: no host is taken up or let go. The same list may
  // stand at all sites. With which locators they are registered.
  $DYNAMIC_EID ,
  $DYNAMIC_LOCATORS $LOCATORS,
  // Change-Priority messages (docs/change-priority.md): who may say where which EIDs are, `key 1:file:PATH eid EID-PREFIX...`
  // as LISPChangePriority has it (more of them: `..., TRUST key ...`); without: none are sent or taken. Where nonces are kept
  // over a restart; how peers are told of a move (message, smr); seconds for which hosts are expected, or armed to leave.
  $CHANGE_PRIORITY "", $CHANGE_PRIORITY_STATE "", $CHANGE_PRIORITY_BY message, $CHANGE_PRIORITY_PATIENCE 30,
  // Largest packet the core carries, outer headers included, bytes. Of what is larger, and may not be cut, the sender is
  // told, which costs that packet (RFC 8201): of pings of 1,500 bytes the first request, and the first reply.
  $MTU 1500
);

define($PITR false);  // for itr.click

require(library core-side.click);
require(library itr.click);

site :: SiteInterface($SITE, $EID4, $EID6, $ROUTER_MAC);

site [4]
  -> advertiser :: IP6NDRouterAdvertiser($ROUTER_MAC, $ADVERTISE_PREFIXES, MAX_INTERVAL $ADVERTISE_INTERVAL, MTU $ADVERTISE_MTU,
    ACTIVE $ADVERTISE)
  -> [2] site;

// ---- To the site -----------------------------------------------------------
to_site4 :: GetIPAddress(16) -> [0] site;
to_site6 :: GetIP6Address(24) -> [1] site;

// What is too large for the site's interface: its sender is told, mostly at another site.
fit4 :: IPFragmenter(65535, DEVICE site/out) -> to_site4;
fit4 [1] -> ICMPError($EID4, unreachable, needfrag) -> tell4 :: IPClassifier(dst net $EID4_NET, -) -> to_site4;
tell4 [1] -> cache;
fit6 :: IPFragmenter(65535, DEVICE site/out) -> to_site6;
fit6 [1] -> ICMP6Error($EID6, packettoobig, 0) -> tell6 :: LookupIP6Route($EID6_NET 0, ::/0 1) -> to_site6;
tell6 [1] -> cache;

// ---- Pings to the site's hosts, which measure the way to them ----------------------
hosts :: HostProber(SRC $EID4, SRC $EID6, HOSTS "$HOSTS", INTERVAL $HOST_PROBE, WINDOW $PROBE_WINDOW, FILE "$HOST_FILE")
  -> ping :: Classifier(0/40%f0, 0/60%f0);
ping [0] -> to_site4;
ping [1] -> to_site6;

// ---- From the site: ITR ------------------------------------------------------
site [0]
  -> check4 :: CheckIPHeader
  -> for4 :: IPClassifier(dst host $EID4 and icmp type echo, dst host $EID4, dst net $EID4_NET, src net $EID4_NET, -);
for4 [0] -> ICMPPingResponder -> to_site4;
for4 [1] -> pong4 :: IPClassifier(icmp type echo-reply, -) -> hosts;
pong4 [1] -> unheard :: Discard;
for4 [2] -> local :: LISPHostSwitch(mobility, dst) -> guests :: LISPHostSwitch(mobility, src)
  -> locals :: Classifier(0/40%f0, 0/60%f0);
for4 [3] -> own4 :: LISPHostSwitch(mobility, src) -> out4 :: DropUnroutable($EID4_NET) -> ttl4 :: DecIPTTL -> cache;
for4 [4] -> strange4 :: LISPHostSwitch(mobility, src) -> spoofed4 :: Discard;
ttl4 [1] -> ICMPError($EID4, timeexceeded, transit) -> to_site4;

site [1]
  -> check6 :: CheckIP6Header
  -> for6 :: LookupIP6Route($EID6/128 0, $EID6_NET 1, fe80::/10 1, ff00::/8 1, ::/0 2);
for6 [0] -> pong6 :: Classifier(6/3a 40/81, -) -> hosts;
pong6 [1] -> ICMP6PingResponder -> to_site6;
for6 [1] -> local;
for6 [2] -> own6 :: LISPHostSwitch(mobility, src) -> out6 :: DropUnroutable -> hops6 :: DecIP6HLIM -> cache;
hops6 [1] -> ICMP6Error($EID6, timeexceeded, transit) -> to_site6;

decap :: LISPDecap(PEERS 1024, IID $IID, SITE own, MOBILITY mobility);
peers :: LISPPeerLog(decap, ACTIVE false);
cache [0] -> [1] peers [1] -> encap;

// Destinations outside of LISP: what their mappings leave open, these say.
cache [2] -> native :: LISPHostSwitch(mobility, dst) -> proxied :: LISPMapCache(0.0.0.0/0 $PETR, ::/0 $PETR, IID $IID)
  -> encap;
native [3] -> proxied;

cut [1] -> ICMPError($EID4, unreachable, needfrag) -> to_site4;
big [1] -> ICMP6Error($EID6, packettoobig, 0) -> to_site6;
path_errors -> paths :: LISPPathMTU(cache, proxied, RLOC $RLOC4, RLOC $RLOC6);

// What a mapping drops, but for hosts that are on their way: nobody is told that these cannot be reached.
cache [3] -> dropped :: LISPHostSwitch(mobility, dst) -> denials;
dropped [3] -> denials;
dropped [2], native [2] -> moving :: Discard;
// Communication administratively prohibited (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1).
denied [0] -> ICMPError($EID4, unreachable, 13) -> to_site4;
denied [1] -> ICMP6Error($EID6, unreachable, 1) -> to_site6;

// ---- From the core: ETR ------------------------------------------------------
lisp4 [0], lisp6 [0] -> decap;
decap [0] -> [0] peers [0] -> arrived :: LISPHostSwitch(mobility, dst, PACKET_IID true)
  -> inner :: Classifier(0/40%f0, 0/60%f0);
inner [0] -> CheckIPHeader -> in4 :: DropUnroutable($EID4_NET) -> dst4 :: IPClassifier(dst net $EID4_NET, -) -> fit4;
inner [1] -> CheckIP6Header -> in6 :: DropUnroutable -> dst6 :: LookupIP6Route($EID6_NET 0, ::/0 1) -> fit6;
dst4 [1] -> astray4 :: Discard;
dst6 [1] -> astray6 :: Discard;

// ---- Mobile hosts ----------------------------------------------------------------
// Hosts from elsewhere: what they send goes the way of all packets of the site, what is sent to them (by the core, or by
// this site: their mappings say Natively-Forward) goes to the site. Hosts that are elsewhere: what still comes for them
// is encapsulated (again), its TTL one less, so that two tunnel routers that take each other for right stop some time.
mobility :: LISPMobility(own, $ROUTER_MAC, $DYNAMIC_EID, LOCATORS "$DYNAMIC_LOCATORS",
  IID $IID, CACHE cache, RESOLVER resolver, REGISTRAR registrar, SMR smr, LOG peers, NEIGHBOURS site/arp, NEIGHBOURS site/nd,
  ROUTER "$EID4 $EID6");
control [1] -> absent :: LISPHostFinder(mobility, RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER $MAP_RESOLVER)
  -> to_core;
absent [1] -> [1] subscriber;
site [2] -> [1] mobility -> [2] site;
own4 [1], strange4 [1] -> out4;
own6 [1] -> out6;
own4 [2], own4 [3], own6 [2], own6 [3], strange4 [2], strange4 [3], guests [2], guests [3] -> [0] mobility;

// A host that has come may go on sending to the hardware address of its former router, and others to that of a host that has
// left, where nobody hears them: they are asked for, or told. Nothing is passed on: whom such a frame reaches is not known.
site [3] -> Strip(14) -> astray :: LISPHostSwitch(mobility, src) -> missed :: LISPHostSwitch(mobility, dst)
  => not_ours :: Discard, not_ours, misled :: Unstrip(14), not_ours, not_ours;
misled -> [5] mobility;
astray [1] -> misled;
astray [2], astray [3], astray [4] -> [0] mobility;

guests [1], local [1] -> near :: Classifier(0/40%f0, 0/60%f0);
near [0] -> DecIPTTL -> to_site4;
near [1] -> DecIP6HLIM -> to_site6;
// Who still takes us for a neighbour that is back, or knows one by our address from elsewhere, reaches it.
locals [0] -> local4 :: IPClassifier(src net $EID4_NET, -) -> neighbours :: DropBroadcasts -> near;
locals [1] -> local6 :: LookupIP6Route($EID6_NET 0, ::/0 1) -> DropUnroutable -> neighbours;
local4 [1], local6 [1] -> not_ours;
arrived [1], native [1], dropped [1] -> here :: Classifier(0/40%f0, 0/60%f0);
here [0] -> CheckIPHeader -> here4 :: DropUnroutable($EID4_NET) -> fit4;
here [1] -> CheckIP6Header -> here6 :: DropUnroutable -> fit6;
// From the site to one of its hosts that has left: as to any other site, but only from who is here.
local [3] -> guests;
local [2], local [4] -> leaving :: Classifier(0/40%f0, 0/60%f0);
leaving [0] -> leaving4 :: IPClassifier(src net $EID4_NET, -) -> own4;
leaving4 [1] -> strange4;
leaving [1] -> own6;
arrived [3] -> [2] mobility;
// Hosts that are expected: what comes for them, and from them, is held until they are here, and then sorted anew.
arrived [4], native [4], dropped [4] -> [3] mobility [1] -> arrived;
own4 [4], own6 [4], strange4 [4], guests [4] -> [4] mobility [2] -> sort :: Classifier(0/40%f0, 0/60%f0);
sort [0] -> for4;
sort [1] -> for6;
arrived [2] -> away :: Classifier(0/40%f0, 0/60%f0);
away [0] -> CheckIPHeader -> DecIPTTL -> cache;
away [1] -> CheckIP6Header -> DecIP6HLIM -> cache;

// ---- Control plane (RFC 9301) --------------------------------------------------
own :: LISPSite($EID4_NET $LOCATORS version $MAP_VERSION, $EID6_NET $LOCATORS version $MAP_VERSION,
  IID $IID);
registrar :: LISPRegistrar(own, RLOC $RLOC4, RLOC $RLOC6, STATE $STATE, MAP_SERVER $MAP_SERVER);
replier :: LISPMapReplier(own, RLOC $RLOC4, RLOC $RLOC6, ECHO_NONCE $ECHO_NONCE);
smr :: LISPSMRSender(own, RLOC $RLOC4, RLOC $RLOC6, CACHE cache, DECAP decap, REGISTRAR registrar, REPLIER replier);

control [0] -> [0] replier;
control [2] -> strange :: Discard;
subscriber [1] -> registrar;
control [4] -> [1] replier;

registrar, replier, smr -> to_core;

// Where hosts are, from those who know at once.
control [5] -> changes :: LISPChangePriority(cache, RLOC $RLOC4, RLOC $RLOC6, TRUST $CHANGE_PRIORITY, MOBILITY mobility,
  SITE own, RESOLVER resolver, SMR smr, STATE $CHANGE_PRIORITY_STATE, IID $IID, BY $CHANGE_PRIORITY_BY,
  PATIENCE $CHANGE_PRIORITY_PATIENCE) -> to_core;

// ---- What data packets say (RFC 9300, sections 10 and 13; RFC 9302) -----------------
echo :: LISPEchoNonce(cache, DECAP decap, RESOLVER resolver, PROBER prober, ACTIVE $ECHO_NONCE, REQUEST $ECHO_REQUEST);
locators :: LISPLocatorStatus(own, ENCAP encap, DECAP decap, CACHE cache, RESOLVER resolver, PROBER prober,
  ACTIVE $STATUS_BITS, TRUST $TRUST_BITS);
versions :: LISPMapVersion(own, ENCAP encap, DECAP decap, RESOLVER resolver, SMR smr, ACTIVE $MAP_VERSIONS);
