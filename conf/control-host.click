// control-host.click: a host of the core network that only speaks LISP's control plane, for require(library ...).
//
// It requires the interface's class, and defines `control`: an element that LISP control messages to this host's
// addresses are pushed to (its input 0), and whose output 0 has those to be sent. Pings are answered.

require(library ethernet-interface.click);

define(
  // Interface (or whatever device the router knows by this name), and this host's addresses there.
  $CORE core,
  $RLOC4 10.0.0.100, $RLOC4_NET 10.0.0.0/24, $GATEWAY4 0.0.0.0,
  $RLOC6 fd00::100, $RLOC6_NET fd00::/64, $GATEWAY6 ::
);

core :: EthernetInterface($CORE, $RLOC4, $RLOC6);

// ---- To the core -------------------------------------------------------------
to_core :: Classifier(0/40%f0, 0/60%f0);
to_core [0] -> route4 :: RadixIPLookup($RLOC4_NET 0, 0.0.0.0/0 $GATEWAY4 0) -> [0] core;
to_core [1] -> route6 :: LookupIP6Route($RLOC6_NET :: 0, ::/0 $GATEWAY6 0) -> [1] core;

// ---- From the core -----------------------------------------------------------
messages :: LISPControlClassifier;

core [0]
  -> CheckIPHeader
  -> mine4 :: IPClassifier(dst host $RLOC4, -);
mine4 [0] -> lisp4 :: LISPClassifier;
mine4 [1] -> astray4 :: Discard;
lisp4 [0] -> data4 :: Discard;
lisp4 [1] -> messages;
lisp4 [2] -> ping4 :: IPClassifier(icmp type echo, -) -> ICMPPingResponder -> route4;
ping4 [1] -> others4 :: Discard;

core [1]
  -> CheckIP6Header
  -> mine6 :: LookupIP6Route($RLOC6/128 0, ::/0 1);
mine6 [0] -> lisp6 :: LISPClassifier;
mine6 [1] -> astray6 :: Discard;
lisp6 [0] -> data6 :: Discard;
lisp6 [1] -> messages;
lisp6 [2] -> ICMP6PingResponder -> route6;
