// hypervisor-agent.click: a host of the core network that speaks for the hypervisor of its data centre.
//
// Controllers have one of its keys; agents of other data centres reach it at the same addresses and port. Its virtual
// machines, where the hypervisor is a simulated one, are defined by its handler agent.define, or in $GUESTS:
//
//   sluice run conf/hypervisor-agent.click CORE=veth0 ADDR4=10.0.0.110 ADDR6=fd00::110 KEY=file:/etc/sluice/agent.key \
//     HYPERVISOR='simulated:memory 64G bandwidth 10G' GUESTS='web memory 1G address 10.1.0.5 rate 10M set 200M'
//
// In a service whose descriptor has hypervisors, HYPERVISOR=service is the one whose agent this is, and STREAMS=true has the
// memory of its virtual machines cross from here to other agents, over TCP between their ADDR4s.

require(library ethernet-interface.click);

define(
  // Interface (or whatever device the router knows by this name), and this host's addresses there.
  $CORE core,
  $ADDR4 10.0.0.110, $ADDR4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $ADDR6 fd00::110, $ADDR6_NET fd00::/64, $GATEWAY6 ::,
  // The hypervisor, as this router's world knows it.
  $HYPERVISOR simulated,
  // Whether its virtual machines' memory crosses in streams of this host's own, as those of `service` does.
  $STREAMS false,
  // Its virtual machines from the start, where it is a simulated one, with commas between them.
  $GUESTS ,
  // Keys, [ID:]SECRET each: of controllers, and of those that may only look.
  $KEY "", $WATCH_KEY "",
  // What it tells its site's tunnel routers with, and where they are, as further arguments:
  // `ROUTER 10.0.0.1, TRUST key 3:secret eid 10.1.0.0/16, STATE /var/lib/sluice/agent.nonce`.
  $TELL STATE ""
);

core :: EthernetInterface($CORE, $ADDR4, $ADDR6);
to_core :: Classifier(0/40%f0, 0/60%f0);
to_core [0] -> route4 :: RadixIPLookup($ADDR4_NET 0, 0.0.0.0/0 $GATEWAY4 0) -> [0] core;
to_core [1] -> route6 :: LookupIP6Route($ADDR6_NET :: 0, ::/0 $GATEWAY6 0) -> [1] core;

agent :: HypervisorAgent("$HYPERVISOR", $GUESTS, ADDR $ADDR4, ADDR $ADDR6, KEY $KEY, WATCH_KEY $WATCH_KEY, $TELL) -> to_core;

core [0]
  -> CheckIPHeader
  -> mine4 :: IPClassifier(dst host $ADDR4 and icmp type echo, dst host $ADDR4 and dst udp port 4344 or 4342,
    dst host $ADDR4 and tcp, -);
mine4 [0] -> ICMPPingResponder -> route4;
mine4 [1] -> agent;
mine4 [2] -> streams :: GuestStreams($ADDR4, HYPERVISOR "$HYPERVISOR", ACTIVE $STREAMS) -> route4;
streams [1], mine4 [3] -> others :: Discard;

core [1]
  -> CheckIP6Header
  -> mine6 :: LookupIP6Route($ADDR6/128 0, ::/0 1);
mine6 [0] -> kind6 :: Classifier(6/3a 40/80, 6/11 42/10f8, 6/11 42/10f6, -);
kind6 [0] -> ICMP6PingResponder -> route6;
kind6 [1], kind6 [2] -> agent;
kind6 [3], mine6 [1] -> others;
