// ip-router.click: an IPv4 router with two Ethernet interfaces, after the standards-compliant router of the Click
// paper (Kohler et al., "The Click Modular Router", ACM TOCS 18(3), 2000, figure 8; RFC 1812).
//
// The graph owns both interfaces' addresses: give the interfaces none, so that the kernel leaves their packets alone.
// Hardware addresses are the interfaces' own; where those are not at hand (`sluice check`), give $ETHER0 and $ETHER1.
//
//   sluice run conf/ip-router.click \
//     DEV0=eth0 IP0=10.0.0.1 NET0=10.0.0.0/24 BROADCAST0=10.0.0.255 \
//     DEV1=eth1 IP1=10.0.1.1 NET1=10.0.1.0/24 BROADCAST1=10.0.1.255 \
//     ROUTES='0.0.0.0/0 10.0.1.254 2'

define(
  // The interfaces (or whatever devices the router knows by these names), this router's addresses on them, and the
  // networks that can be reached there directly.
  $DEV0 eth0, $ETHER0 $DEV0:eth, $IP0 10.0.0.1, $NET0 10.0.0.0/24, $BROADCAST0 10.0.0.255,
  $DEV1 eth1, $ETHER1 $DEV1:eth, $IP1 10.0.1.1, $NET1 10.0.1.0/24, $BROADCAST1 10.0.1.255,
  // More routes, separated by commas: DST/MASK [GATEWAY] OUTPUT, where output 1 is the first interface, 2 the second,
  // and 3 answers that the destination cannot be reached.
  $ROUTES 0.0.0.0/0 3,
  // Largest IP packet that the interfaces carry, bytes; less where theirs is less.
  $MTU 1500
);

// An Ethernet interface. Input: IP packets with their next hop in the destination annotation. Output: IP packets.
elementclass Interface { $device, $ether, $ip, $color |
  FromDevice($device)
    -> HostEtherFilter($ether, DROP_OWN true)
    -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
  queue :: Queue(200) -> out :: ToDevice($device);
  arp :: ARPQuerier($ip, $ether, ANNOUNCE 2);
  kind[0] -> asked :: Tee -> ARPResponder($ip $ether) -> queue;
  kind[1], asked[1] -> [1] arp;
  kind[2] -> Paint($color) -> Strip(14) -> output;
  kind[3] -> Discard;
  input -> arp -> queue;
}

// What a router does to the packets it forwards by one interface. Output 0: packets to send; output 1: ICMP errors.
elementclass Forward { $ip, $color, $mtu, $device |
  input
    -> DropBroadcasts
    -> redirect :: PaintTee($color)
    -> options :: IPGWOptions($ip)
    -> FixIPSrc($ip)
    -> ttl :: DecIPTTL
    -> fragment :: IPFragmenter($mtu, DEVICE $device)
    -> [0] output;
  redirect[1] -> ICMPError($ip, redirect, host) -> [1] output;
  options[1] -> ICMPError($ip, parameterproblem) -> [1] output;
  ttl[1] -> ICMPError($ip, timeexceeded) -> [1] output;
  fragment[1] -> ICMPError($ip, unreachable, needfrag) -> [1] output;
}

if0 :: Interface($DEV0, $ETHER0, $IP0, 1);
if1 :: Interface($DEV1, $ETHER1, $IP1, 2);

rt :: RadixIPLookup(
  $IP0 0, $BROADCAST0 0,
  $IP1 0, $BROADCAST1 0,
  255.255.255.255 0, 0.0.0.0 0,
  $NET0 1,
  $NET1 2,
  $ROUTES);

ip :: CheckIPHeader(INTERFACES $IP0/32 $IP1/32, BADSRC $BROADCAST0 $BROADCAST1)
  -> GetIPAddress(16)
  -> rt;
if0 -> ip;
if1 -> ip;

// To this router itself: it answers pings, and says that its ports are closed.
rt[0] -> local :: IPClassifier((dst host $IP0 or dst host $IP1) and icmp type echo, udp or tcp, -);
local[0] -> ICMPPingResponder -> rt;
local[1] -> ICMPError($IP0, unreachable, port, $BROADCAST0 $BROADCAST1) -> rt;
local[2] -> Discard;

rt[1] -> out0 :: Forward($IP0, 1, $MTU, if0/out) -> if0;
rt[2] -> out1 :: Forward($IP1, 2, $MTU, if1/out) -> if1;
out0[1] -> rt;
out1[1] -> rt;

rt[3] -> ICMPError($IP0, unreachable, net) -> rt;
