// xtr-shared.click: xtr.click where the core's interface has its addresses from the kernel.
//
// For a machine with one address in the core, which is its RLOC and the kernel's own address at once. The kernel
// answers ARP, Neighbor Discovery and pings for it, and goes on using it for everything but LISP. The graph takes the
// packets to the LISP ports from the interface; sockets that nobody reads hold the ports, so that the kernel does not
// answer the same packets with "port unreachable".
//
//   sluice run conf/xtr-shared.click SITE=veth0 CORE=eth0 \
//     EID4=192.168.1.1 EID4_NET=192.168.1.0/24 RLOC4=10.0.0.1 RLOC4_NET=10.0.0.0/24 \
//     MAP='192.168.2.0/24 10.0.0.2'

require(library ethernet-interface.click);
elementclass CoreInterface SharedLISPInterface;
require(library xtr-graph.click);

// Map-Servers need not publish any more to a tunnel router that stops.
DriverManager(pause, write subscriber.unsubscribe, wait 100ms);

HoldUDPPorts(4341, 4342);
