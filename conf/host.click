// host.click: an end host, for demonstrations: it answers pings, pings a peer, and sends it UDP packets, TCP streams,
// numbered packets and voice.

require(library ethernet-interface.click);

define(
  $DEVICE eth0,
  $IP4 192.168.1.10, $NET4 192.168.1.0/24, $ROUTER4 192.168.1.1,
  $IP6 fd01::10, $NET6 fd01::/64, $ROUTER6 fd01::1,
  // Whom to ping (:: is nobody), every how many seconds, and whether to print each answer; UDP packets of $SIZE data
  // bytes go to $PEER4 at $RATE a second.
  $PEER4 192.168.2.10, $PEER6 ::, $PING 0.5, $VERBOSE true, $RATE 1000, $SIZE 400,
  // TCP: it takes connections to port $TCP_PORT, and with $TCP4 or $TCP6 opens $TCP_CONNECTIONS to the peer's, which send
  // $TCP_BYTES each (-1: without end). $TCP_MTU is what the network takes.
  $TCP4 false, $TCP6 false, $TCP_PORT 5001, $TCP_CONNECTIONS 1, $TCP_BYTES -1, $TCP_MTU 1500,
  // Measured traffic: numbered packets to port 5002, so many a second, and voice calls to port 5004; what comes to these
  // ports is measured (handlers numbered.report and voice.report).
  $NUMBERED4 0, $NUMBERED6 0, $VOICE4 false, $VOICE6 false, $CODEC G.711
);

net :: EthernetInterface($DEVICE, $IP4, $IP6);
route4 :: RadixIPLookup($NET4 0, 0.0.0.0/0 $ROUTER4 0) -> [0] net;
route6 :: LookupIP6Route($NET6 :: 0, ::/0 $ROUTER6 0) -> [1] net;

net [0]
  -> CheckIPHeader
  -> mine :: IPClassifier(dst host $IP4 and icmp type echo,
                          dst host $IP4 and icmp type echo-reply,
                          dst host $IP4 and dst udp port 5002,
                          dst host $IP4 and dst udp port 5004,
                          dst host $IP4 and udp,
                          dst host $IP4 and (tcp or icmp),
                          -);
mine [0] -> ICMPPingResponder -> route4;
mine [1] -> answers :: Counter -> ping :: ICMPPingSource($IP4, $PEER4, INTERVAL $PING, VERBOSE $VERBOSE) -> route4;
mine [2] -> numbered :: NumberedSink(5002);
mine [3] -> voice :: VoiceSink(5004, CODEC $CODEC);
mine [4] -> udp_received :: Counter -> Discard;
mine [5]
  -> tcp :: TCPSource($IP4, 40000, $PEER4, $TCP_PORT, ACTIVE $TCP4, BYTES $TCP_BYTES, CONNECTIONS $TCP_CONNECTIONS, MTU $TCP_MTU)
  -> route4;
tcp [1] -> tcp_received :: TCPSink($IP4, $TCP_PORT, REFUSE true, MTU $TCP_MTU) -> route4;
tcp_received [1], mine [6] -> Discard;

net [1]
  -> CheckIP6Header
  -> mine6 :: LookupIP6Route($IP6/128 0, ::/0 1)
  -> echo6 :: Classifier(6/3a 40/81, 6/3a 40/80, 6/11 42/138a, 6/11 42/138c, -);
echo6 [0] -> answers6 :: Counter -> ping6 :: ICMP6PingSource($IP6, $PEER6, INTERVAL $PING, VERBOSE $VERBOSE) -> route6;
echo6 [1] -> ICMP6PingResponder -> route6;
echo6 [2] -> numbered;
echo6 [3] -> voice;
echo6 [4]
  -> tcp6 :: TCPSource($IP6, 40000, $PEER6, $TCP_PORT, ACTIVE $TCP6, BYTES $TCP_BYTES, CONNECTIONS $TCP_CONNECTIONS, MTU $TCP_MTU)
  -> route6;
tcp6 [1] -> tcp6_received :: TCPSink($IP6, $TCP_PORT, REFUSE true, MTU $TCP_MTU) -> route6;
tcp6_received [1], mine6 [1] -> Discard;

udp_sent :: RatedSource(LENGTH $SIZE, RATE $RATE)
  -> UDPIPEncap($IP4, 5000, $PEER4, 5000)
  -> sent :: Counter
  -> route4;

NumberedSource($IP4, 40002, $PEER4, 5002, RATE $NUMBERED4) -> route4;
NumberedSource($IP6, 40002, $PEER6, 5002, RATE $NUMBERED6) -> route6;
VoiceSource($IP4, 40004, $PEER4, 5004, CODEC $CODEC, ACTIVE $VOICE4) -> route4;
VoiceSource($IP6, 40004, $PEER6, 5004, CODEC $CODEC, ACTIVE $VOICE6) -> route6;
