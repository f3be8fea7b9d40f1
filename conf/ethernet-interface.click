// ethernet-interface.click: an Ethernet interface with one address of each family, for require(library ...).
//
//   EthernetInterface(device, IPv4 address, IPv6 address)
//
// Input 0 and output 0 carry IPv4 packets, input 1 and output 1 IPv6 ones. Packets to send have their next hop in
// the destination annotation; ARP and Neighbor Discovery find its hardware address. The graph owns the addresses:
// the interface itself should have none, so that the kernel leaves its packets alone. It tells the network of them
// when it starts, which define($ANNOUNCE 0) keeps it from, and learns from questions as from answers where its
// neighbours are.

elementclass EthernetInterface { $device, $ip4, $ip6 |
  from :: FromDevice($device)
    -> HostEtherFilter($device:eth, DROP_OWN true)
    -> kind :: Classifier(12/0806 20/0001,        // 0 ARP requests
                          12/0806 20/0002,        // 1 ARP replies
                          12/0800,                // 2 IPv4
                          12/86dd 20/3a 54/87,    // 3 Neighbor Solicitations
                          12/86dd 20/3a 54/88,    // 4 Neighbor Advertisements
                          12/86dd,                // 5 IPv6
                          -);
  to :: Queue(1000) -> out :: ToDevice($device);
  arp :: ARPQuerier($ip4, $device:eth, ANNOUNCE ${ANNOUNCE-2});
  nd :: IP6NDSolicitor($ip6, $device:eth, ANNOUNCE ${ANNOUNCE-3});

  input [0] -> arp -> to;
  input [1] -> nd -> to;
  kind [0] -> asked4 :: Tee -> ARPResponder($ip4 $device:eth) -> to;
  kind [1], asked4 [1] -> [1] arp;
  kind [2] -> Strip(14) -> [0] output;
  kind [3] -> asked6 :: Tee -> IP6NDAdvertiser($ip6 $device:eth) -> to;
  kind [4], asked6 [1] -> [1] nd;
  kind [5] -> Strip(14) -> [1] output;
  kind [6] -> others :: Discard;
}

// EthernetInterface for a network whose hosts come and go, with a hardware address of its own: all frames from here carry it,
// so that switches know where it is, and frames to it are taken. It also answers for the link-local address made of it.
//
//   SiteInterface(device, IPv4 address, IPv6 address, hardware address)
//
// Output 2 has copies of all messages of ARP and Neighbor Discovery, as frames, output 3 IP packets in frames that are for
// nobody's hardware address here, as frames, and output 4 Router Solicitations. What comes to input 2 is sent as it is.
elementclass SiteInterface { $device, $ip4, $ip6, $ether |
  // An interface by itself takes frames for its own hardware address only, and those for all.
  from :: FromDevice($device, PROMISC true)
    -> mine :: HostEtherFilter($ether, DROP_OWN true)
    -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, 12/86dd 20/3a 54/85, 12/86dd 20/3a 54/87,
                          12/86dd 20/3a 54/88, 12/86dd, -);
  to :: Queue(1000) -> out :: ToDevice($device);
  arp :: ARPQuerier($ip4, $ether, ANNOUNCE ${ANNOUNCE-2});
  nd :: IP6NDSolicitor($ip6, $ether, ANNOUNCE ${ANNOUNCE-3});

  input [0] -> arp -> to;
  input [1] -> nd -> to;
  input [2] -> to;
  kind [0] -> t0 :: Tee -> ARPResponder($ip4 $ether) -> to;
  kind [1] -> t1 :: Tee;
  t0 [2], t1 [0] -> [1] arp;
  kind [2] -> Strip(14) -> [0] output;
  kind [3] -> [4] output;
  kind [4] -> t4 :: Tee -> IP6NDAdvertiser($ip6 $ether, LINK_LOCAL true) -> to;
  kind [5] -> t5 :: Tee;
  t4 [2], t5 [0] -> [1] nd;
  kind [6] -> Strip(14) -> [1] output;
  kind [7] -> others :: Discard;
  t0 [1], t1 [1], t4 [1], t5 [1] -> [2] output;

  // A hub gives our own frames back.
  mine [1] -> HostEtherFilter($ether, DROP_OWN true, DROP_OTHER false)
    -> theirs :: Classifier(12/0800, 12/86dd, -);
  theirs [0], theirs [1] -> [3] output;
  theirs [2] -> others;
}

// A queue for Ethernet frames in which those of data wait for all others: LISP control messages and probes (UDP port 4342),
// ARP, ICMPv6 (Neighbor Discovery). define($CONTROL_WITH_DATA 1) has them all wait in one queue.
elementclass ControlFirstQueue {
  input -> kind :: Classifier(12/0806,
                              12/0800 14/45 20/0000%1fff 23/11 34/10f6,
                              12/0800 14/45 20/0000%1fff 23/11 36/10f6,
                              12/86dd 20/3a,
                              12/86dd 20/11 54/10f6,
                              12/86dd 20/11 56/10f6,
                              -);
  kind [0], kind [1], kind [2], kind [3], kind [4], kind [5] -> way :: Switch(${CONTROL_WITH_DATA-0});
  way [0] -> control :: Queue(1000) -> [0] order :: PrioSched -> output;
  way [1], kind [6] -> data :: Queue(1000) -> [1] order;
}

// EthernetInterface where the kernel has the addresses too and answers for them: of what comes in, only LISP packets leave, and
// ICMP errors, which the kernel gets too.
elementclass SharedLISPInterface { $device, $ip4, $ip6 |
  from :: FromDevice($device)
    -> HostEtherFilter($device:eth, DROP_OWN true)
    -> kind :: Classifier(12/0806,                // 0 ARP
                          12/0800,                // 1 IPv4
                          12/86dd 20/3a 54/87,    // 2 Neighbor Solicitations
                          12/86dd 20/3a 54/88,    // 3 Neighbor Advertisements
                          12/86dd,                // 4 IPv6
                          -);
  to :: ControlFirstQueue -> out :: ToDevice($device);
  arp :: ARPQuerier($ip4, $device:eth);
  nd :: IP6NDSolicitor($ip6, $device:eth);

  input [0] -> arp -> to;
  input [1] -> nd -> to;
  kind [0] -> [1] arp;
  kind [1] -> Strip(14) -> lisp4 :: LISPClassifier => [0] output, [0] output, errors4 :: Classifier(9/01 20/03, -);
  errors4 => [0] output, others :: Discard;
  kind [2], kind [3] -> [1] nd;
  kind [4] -> Strip(14) -> lisp6 :: LISPClassifier => [1] output, [1] output, errors6 :: Classifier(6/3a 40/02, -);
  errors6 => [1] output, others;
  kind [5] -> others;
}

// EthernetInterface for the core: data do not delay control messages and probes.
elementclass LISPInterface { $device, $ip4, $ip6 |
  from :: FromDevice($device)
    -> HostEtherFilter($device:eth, DROP_OWN true)
    -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, 12/86dd 20/3a 54/87, 12/86dd 20/3a 54/88, 12/86dd, -);
  to :: ControlFirstQueue -> out :: ToDevice($device);
  arp :: ARPQuerier($ip4, $device:eth, ANNOUNCE ${ANNOUNCE-2});
  nd :: IP6NDSolicitor($ip6, $device:eth, ANNOUNCE ${ANNOUNCE-3});

  input [0] -> arp -> to;
  input [1] -> nd -> to;
  kind [0] -> asked4 :: Tee -> ARPResponder($ip4 $device:eth) -> to;
  kind [1], asked4 [1] -> [1] arp;
  kind [2] -> Strip(14) -> [0] output;
  kind [3] -> asked6 :: Tee -> IP6NDAdvertiser($ip6 $device:eth) -> to;
  kind [4], asked6 [1] -> [1] nd;
  kind [5] -> Strip(14) -> [1] output;
  kind [6] -> others :: Discard;
}
