// core-router.click: an IP router with five Ethernet interfaces: the core network between LISP devices, IPv4 and IPv6.
//
// Each device of the core is alone on a link of its own, whose delay, loss and failures are its own too. They take $IPn
// and $SIXn as their gateways (GATEWAY4 and GATEWAY6 of xtr.click and map-server.click). The graph owns its interfaces'
// addresses: give them none.
//
//   sluice run conf/core-router.click PORT1=veth1 PORT2=veth2 PORT3=veth3 PORT4=veth4 PORT5=veth5

require(library ethernet-interface.click);

define(
  // Interfaces (or whatever devices the router knows by these names), this router's addresses on them, and the networks
  // that can be reached there directly.
  $PORT1 port1, $IP1 10.0.1.254, $NET1 10.0.1.0/24, $SIX1 fd00:0:0:1::fe, $SIX1_NET fd00:0:0:1::/64,
  $PORT2 port2, $IP2 10.0.2.254, $NET2 10.0.2.0/24, $SIX2 fd00:0:0:2::fe, $SIX2_NET fd00:0:0:2::/64,
  $PORT3 port3, $IP3 10.0.3.254, $NET3 10.0.3.0/24, $SIX3 fd00:0:0:3::fe, $SIX3_NET fd00:0:0:3::/64,
  $PORT4 port4, $IP4 10.0.4.254, $NET4 10.0.4.0/24, $SIX4 fd00:0:0:4::fe, $SIX4_NET fd00:0:0:4::/64,
  $PORT5 port5, $IP5 10.0.5.254, $NET5 10.0.5.0/24, $SIX5 fd00:0:0:5::fe, $SIX5_NET fd00:0:0:5::/64
);

port1 :: EthernetInterface($PORT1, $IP1, $SIX1);
port2 :: EthernetInterface($PORT2, $IP2, $SIX2);
port3 :: EthernetInterface($PORT3, $IP3, $SIX3);
port4 :: EthernetInterface($PORT4, $IP4, $SIX4);
port5 :: EthernetInterface($PORT5, $IP5, $SIX5);

// ---- IPv4 --------------------------------------------------------------------
check4 :: CheckIPHeader
  -> GetIPAddress(16)
  -> route4 :: RadixIPLookup($IP1/32 5, $IP2/32 5, $IP3/32 5, $IP4/32 5, $IP5/32 5,
                             $NET1 0, $NET2 1, $NET3 2, $NET4 3, $NET5 4, 0.0.0.0/0 6);
port1 [0], port2 [0], port3 [0], port4 [0], port5 [0] -> check4;

elementclass Forward4 { $ip |
  input -> ttl :: DecIPTTL -> output;
  ttl [1] -> ICMPError($ip, timeexceeded, transit) -> [1] output;
}
route4 [0] -> out1 :: Forward4($IP1) -> [0] port1;
route4 [1] -> out2 :: Forward4($IP2) -> [0] port2;
route4 [2] -> out3 :: Forward4($IP3) -> [0] port3;
route4 [3] -> out4 :: Forward4($IP4) -> [0] port4;
route4 [4] -> out5 :: Forward4($IP5) -> [0] port5;
out1 [1], out2 [1], out3 [1], out4 [1], out5 [1] -> route4;
route4 [5] -> ping4 :: IPClassifier(icmp type echo, -) -> ICMPPingResponder -> route4;
ping4 [1] -> local4 :: Discard;
route4 [6] -> ICMPError($IP1, unreachable, net) -> route4;

// ---- IPv6 --------------------------------------------------------------------
check6 :: CheckIP6Header
  -> GetIP6Address(24)
  -> route6 :: LookupIP6Route($SIX1/128 5, $SIX2/128 5, $SIX3/128 5, $SIX4/128 5, $SIX5/128 5,
                              $SIX1_NET 0, $SIX2_NET 1, $SIX3_NET 2, $SIX4_NET 3, $SIX5_NET 4, ::/0 6);
port1 [1], port2 [1], port3 [1], port4 [1], port5 [1] -> check6;

elementclass Forward6 { $ip |
  input -> hops :: DecIP6HLIM -> output;
  hops [1] -> ICMP6Error($ip, timeexceeded, transit) -> [1] output;
}
route6 [0] -> six1 :: Forward6($SIX1) -> [1] port1;
route6 [1] -> six2 :: Forward6($SIX2) -> [1] port2;
route6 [2] -> six3 :: Forward6($SIX3) -> [1] port3;
route6 [3] -> six4 :: Forward6($SIX4) -> [1] port4;
route6 [4] -> six5 :: Forward6($SIX5) -> [1] port5;
six1 [1], six2 [1], six3 [1], six4 [1], six5 [1] -> route6;
route6 [5] -> ICMP6PingResponder -> route6;
route6 [6] -> ICMP6Error($SIX1, unreachable, noroute) -> route6;
