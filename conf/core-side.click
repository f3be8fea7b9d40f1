// core-side.click: the side that a LISP device turns to the core network, for require(library ...).
//
// The file that requires it says first what a CoreInterface is (a class like EthernetInterface), and defines
//
//   $CORE                                interface, or whatever device the router knows by this name
//   $RLOC4, $RLOC6                       this device's RLOCs
//   $RLOC4_NET, $RLOC6_NET               what can be reached there directly
//   $GATEWAY4, $GATEWAY6                 the routers for everything else; 0.0.0.0 and :: for none
//
// Packets to send, of either family, are pushed to `to_core`. LISP control messages to the RLOCs leave `control`, an
// output for each kind; LISP data packets leave output 0 of `lisp4` and `lisp6`; ICMP errors about
// what is too large for a path leave `path_errors`. Pings are answered.

core :: CoreInterface($CORE, $RLOC4, $RLOC6);

// ---- To the core -------------------------------------------------------------
to_core :: Classifier(0/40%f0, 0/60%f0);
to_core [0] -> route4 :: RadixIPLookup($RLOC4_NET 0, 0.0.0.0/0 $GATEWAY4 0) -> [0] core;
to_core [1] -> route6 :: LookupIP6Route($RLOC6_NET :: 0, ::/0 $GATEWAY6 0) -> [1] core;

// ---- From the core -----------------------------------------------------------
control :: LISPControlClassifier;

core [0]
  -> CheckIPHeader
  -> mine4 :: IPClassifier(dst host $RLOC4, -);
mine4 [0] -> lisp4 :: LISPClassifier;
mine4 [1] -> elsewhere4 :: Discard;
lisp4 [1] -> control;
lisp4 [2] -> ping4 :: IPClassifier(icmp type echo, icmp type unreachable, -) -> ICMPPingResponder -> route4;
ping4 [1] -> path_errors :: Null;
ping4 [2] -> others4 :: Discard;

core [1]
  -> CheckIP6Header
  -> mine6 :: LookupIP6Route($RLOC6/128 0, ::/0 1);
mine6 [0] -> lisp6 :: LISPClassifier;
mine6 [1] -> elsewhere6 :: Discard;
lisp6 [1] -> control;
lisp6 [2] -> errors6 :: Classifier(6/3a 40/02, -);
errors6 [0] -> path_errors;
errors6 [1] -> ICMP6PingResponder -> route6;
