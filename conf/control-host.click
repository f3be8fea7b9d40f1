// control-host.click: a host of the core network that only speaks LISP's control plane, for require(library ...).
//
// It requires the interface's class and core-side.click: control messages leave `control`, those to be sent are pushed
// to `to_core`.

require(library ethernet-interface.click);
elementclass CoreInterface EthernetInterface;

define(
  // Interface (or whatever device the router knows by this name), and this host's addresses there.
  $CORE core,
  $RLOC4 10.0.0.100, $RLOC4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $RLOC6 fd00::100, $RLOC6_NET fd00::/64, $GATEWAY6 ::
);

require(library core-side.click);

lisp4 [0], lisp6 [0], path_errors -> data :: Discard;
