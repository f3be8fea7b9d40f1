// hub.click: an Ethernet hub with three ports: what comes in on one leaves on the others.

define($PORT1 port1, $PORT2 port2, $PORT3 port3);

to1 :: Queue(1000) -> ToDevice($PORT1);
to2 :: Queue(1000) -> ToDevice($PORT2);
to3 :: Queue(1000) -> ToDevice($PORT3);

FromDevice($PORT1) -> port1 :: Tee => to2, to3;
FromDevice($PORT2) -> port2 :: Tee => to1, to3;
FromDevice($PORT3) -> port3 :: Tee => to1, to2;
