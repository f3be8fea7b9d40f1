// itr.click: the ITR in a tunnel router or proxy (RFC 9300; RFC 6832, section 5), for require(library ...).
//
// It stands on core-side.click. The file that requires both defines $RLOC4 and $RLOC6 and
//
//   $IID                                 instance ID of all EIDs
//   $MAP                                 map-cache entries that are there from the beginning
//   $MAP_RESOLVER                        Map-Resolvers, separated by spaces
//   $PUBSUB_KEY                          key shared with Map-Servers that publish changes (RFC 9437), or ""
//   $PITR                                true for a proxy
//   $PROBE, $PROBE_TIMEOUT, $PROBE_RETRIES   as LISPRLOCProber has them; and, if it wants others than the defaults,
//   $PROBE_RATE, $PROBE_ALL, $PROBE_WINDOW, $PROBE_FILE, $PROBE_FILE_INTERVAL
//   $MTU                                 largest packet the core carries
//
// IP packets to encapsulate are pushed to `cache`. These outputs are for the file to join: `cache [0]` has packets for
// `encap`, `cache [2]` those to be forwarded natively, and `cache [3]` those that a mapping drops, for `denials`; `denied [0]`
// and `denied [1]` have some of these, whose senders are to be told; `cut [1]` and `big [1]` have IPv4 and IPv6 packets
// that are too large for the core; `path_errors` (of core-side.click) is for a LISPPathMTU; `subscriber [1]` has Map-Notifies that are for no subscription. It
// also joins the Map-Replies, `control [1]`, to `[1] subscriber`, perhaps past others that ask.

cache :: LISPMapCache(IID $IID, $MAP);
encap :: LISPEncap($RLOC4, $RLOC6, MTU $MTU, DEVICE core/out);

cache [1] -> misses :: Counter
  -> resolver :: LISPResolver(cache, RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER $MAP_RESOLVER, PITR $PITR);
encap [0] -> to_core;

// Of packets that a mapping drops: at most 100 ICMP errors a second.
denials :: RatedSplitter(100) -> denied :: Classifier(0/40%f0, 0/60%f0);

// Packets that would be larger than the core carries once encapsulated (RFC 9300 section 7.1): IPv4 packets that
// allow it are cut, to what fits then, before they are encapsulated.
encap [1] -> big :: Classifier(0/40%f0, 0/60%f0);
big [0] -> cut :: IPFragmenter(65535, HONOR_MTU true) -> encap;

// ---- Control plane (RFC 9301) --------------------------------------------------
control [3] -> [0] subscriber :: LISPSubscriber(resolver, RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER $MAP_RESOLVER,
  PUBSUB_KEY $PUBSUB_KEY);
subscriber [2] -> [1] resolver;
control [6] -> solicited :: LISPSMRReceiver(resolver);
control [7] -> prober :: LISPRLOCProber(cache, RLOC $RLOC4, RLOC $RLOC6, RESOLVER resolver,
  INTERVAL $PROBE, TIMEOUT $PROBE_TIMEOUT, RETRIES $PROBE_RETRIES, PITR $PITR, RATE ${PROBE_RATE-1000},
  ALL ${PROBE_ALL-true}, WINDOW ${PROBE_WINDOW-300}, FILE "${PROBE_FILE-}", FILE_INTERVAL ${PROBE_FILE_INTERVAL-10});

resolver [0], subscriber [0], prober -> to_core;
resolver [1] -> cache;
