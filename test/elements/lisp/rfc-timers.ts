// Every timer, retransmission and rate limit of RFC 9300, 9301, 9302 and 9437 that an element claims, section by
// section, and the test under the simulated clock that has it run. What no element's own test
// has is in rfc-timers.test.ts, which sees to it that every test named here is there: rename both.
//
// Of what these RFCs say about time, not claimed by any element: RFC 9300, section 9 (gleaned mappings, used for 3
// seconds: nothing is gleaned); RFC 9301, section 5.5 (a less-specific prefix that comes later goes with the first of
// the more-specific ones in it), section 6.1 (only those are solicited whom packets went to within the last minute:
// LISPSMRSender tells everybody whom map-cache and LISPDecap know).

export interface Row {
  /** RFC and section. */
  readonly rfc: string;
  readonly what: string;
  readonly element: string;
  /** Where it is tested; without `.test.ts`. */
  readonly file: string;
  /** The test's name, or how it begins where it has several. */
  readonly name: string;
}

export const rows: Row[] = [];

function row(rfc: string, what: string, element: string, file: string, name: string): void {
  rows.push({ rfc, what, element, file, name });
}

/** Tested beside this table. */
const HERE = "rfc-timers";

// ---- RFC 9300 ------------------------------------------------------------------
row(
  "9300 6",
  "a mapping expires with its TTL",
  "LISPMapCache",
  "lisp-map-cache",
  "a mapping is gone when its TTL is over, on the clock",
);
row(
  "9300 6",
  "the next expiry moves closer",
  "LISPMapCache",
  "lisp-map-cache",
  "a mapping added later with a shorter TTL goes in time",
);
row(
  "9300 10.1",
  "an echo is asked for each interval",
  "LISPEchoNonce",
  "lisp-echo-nonce",
  "a locator with traffic both ways is asked each interval, until it has echoed",
);
row(
  "9300 10.1",
  "no echo in time: the locator is down, and tried again",
  "LISPEchoNonce",
  "lisp-echo-nonce",
  "a locator that goes on sending without an echo is down after TIMEOUT, tried again after RETRY",
);
row(
  "9300 10.1",
  "how long a peer's nonce is echoed",
  "LISPEchoNonce",
  "lisp-echo-nonce",
  "a peer's nonce is echoed in the packets to it, while it asks and up to HOLD longer",
);
row(
  "9300 10.1",
  "Echo-Nonce-request-state: who asks at the same time rests",
  "LISPEchoNonce",
  "lisp-echo-nonce",
  "who is asked while asking gives way to the greater nonce",
);
row(
  "9300 13.1",
  "use-LSB timer, 5 minutes",
  "LISPLocatorStatus",
  "lisp-locator-status",
  "after the set of locators has changed no bits are sent for USE_LSB (13.1)",
);
row(
  "9300 10",
  "Map-Requests that Locator-Status-Bits lead to, one in 3 seconds",
  "LISPLocatorStatus",
  "lisp-locator-status",
  "however bits flap, one Map-Request in 3 seconds leaves for an EID-prefix",
);

// ---- RFC 9301 ------------------------------------------------------------------
row(
  "9301 5.3",
  "Map-Requests, one a second for each EID-prefix",
  "LISPResolver",
  "lisp-resolver",
  "one EID is asked for once a second, though it stays without a mapping",
);
row(
  "9301 5.3",
  "an unanswered Map-Request: ten retransmissions, then 30 seconds of rest",
  "LISPResolver",
  "lisp-resolver",
  "without a reply it asks again after 1, 2, 4, 4 ... seconds, ten times, then rests for 30 seconds",
);
row(
  "9301 5.3",
  "all Map-Requests together",
  "LISPResolver",
  "lisp-resolver",
  "no more than RATE Map-Requests a second are sent; those above it come later",
);
row(
  "9301 5.3",
  "what each sender may ask",
  "LISPMapResolver",
  "lisp-map-resolver",
  "a sender that asks faster than it may is not heard, others are, and it again when time has passed",
);
row(
  "9301 5.4",
  "Record TTL: minutes, our own choice, bounds",
  "LISPResolver",
  "lisp-resolver",
  "a mapping goes when its TTL is over: ",
);
row(
  "9301 5.4",
  "Record TTL 0: the mapping goes at once",
  "LISPResolver",
  "lisp-resolver",
  "a TTL of 0 removes the mapping",
);
row(
  "9301 5.4",
  "Map-Replies, one in 3 seconds to an RLOC, but for questions that are repeated",
  "LISPMapReplier",
  "lisp-map-replier",
  "one asker gets the answer for one EID three times, then every 3 seconds; others and other EIDs at once",
);
row(
  "9301 5.4",
  "all Map-Replies together, and answers to probes",
  "LISPMapReplier",
  "lisp-map-replier",
  "probes have their own interval, and all replies to one asker a rate",
);
row(
  "9301 5.4",
  "a Map-Server's Map-Replies to an RLOC",
  "LISPMapServer",
  HERE,
  "a Map-Server sends no more than REPLY_RATE Map-Replies a second to one RLOC",
);
row(
  "9301 5.5",
  "overlapping prefixes have one TTL",
  "LISPMapReplier",
  "lisp-map-replier",
  "overlapping prefixes: the best match with what is more specific in it, all with one TTL (5.5)",
);
row(
  "9301 5.6",
  "T bit: a registration ends with its own TTL",
  "LISPMapServer",
  "lisp-map-server",
  "a registration ends after three minutes, or with the T bit after its own TTL, unless it is refreshed",
);
row(
  "9301 5.6",
  "the log of replays",
  "LISPMapServer",
  HERE,
  "replays are logged at once, then how many there were every ten seconds",
);
row(
  "9301 5.7",
  "an unanswered Map-Register: after 1 second, doubled up to 1 minute",
  "LISPRegistrar",
  "lisp-registrar",
  "without a Map-Notify it sends again after 1, 2, 4 ... 60 seconds, each time with a greater nonce",
);
row(
  "9301 5.7",
  "a withdrawal is sent again likewise",
  "LISPRegistrar",
  "lisp-registrar",
  "a change is registered at once; what goes is withdrawn with TTL 0, six times at most",
);
row(
  "9301 5.7",
  "a Map-Notify that acknowledges is not sent again",
  "LISPMapServer",
  HERE,
  "a Map-Notify to a Map-Register is sent once",
);
row(
  "9301 5.7",
  "an unsolicited Map-Notify: 3 times after 3 seconds, then doubled 3 times",
  "LISPMapServer",
  "lisp-map-server-moves",
  "a Map-Notify about a move is sent again after 3, 3, 3, 6, 12 and 24 seconds, and given up after 48 more",
);
row(
  "9301 5.7",
  "until its Map-Notify-Ack",
  "LISPMapServer",
  "lisp-map-server-moves",
  "its Map-Notify-Ack, with the right key, ends that",
);
row(
  "9301 5.7",
  "a Map-Notify-Ack is not sent again",
  "LISPRegistrar",
  HERE,
  "a Map-Notify-Ack is sent once for each Map-Notify",
);
row(
  "9301 6.1",
  "SMRs, one in 3 seconds to an RLOC",
  "LISPSMRSender",
  "lisp-smr",
  "one RLOC gets one SMR in 3 seconds; what has changed meanwhile is told then, once",
);
row(
  "9301 6.1",
  "SMR-invoked Map-Requests, one in 3 seconds for an EID-prefix",
  "LISPSMRReceiver",
  "lisp-smr",
  "one EID-prefix is asked for once in 3 seconds, however many SMRs come",
);
row(
  "9301 7.1",
  "probes, periodic with jitter",
  "LISPRLOCProber",
  "lisp-rloc-prober",
  "every locator that may be used is probed a time-out before its interval ends or somewhat earlier, straight to it",
);
row(
  "9301 7.1",
  "an unanswered probe is sent again; then the locator is down",
  "LISPRLOCProber",
  "lisp-rloc-prober",
  "without an answer a probe is sent again each time-out; then the flows move, within what is promised",
);
row(
  "9301 8.1",
  "negative Map-Replies are kept for their TTL, at most 15 minutes",
  "LISPResolver",
  "lisp-resolver",
  "a mapping goes when its TTL is over: ",
);
row(
  "9301 8.2",
  "a Map-Register each minute, each 20 seconds in the first 5 minutes",
  "LISPRegistrar",
  "lisp-registrar",
  "with them it registers every 20 seconds for 5 minutes, then every minute",
);
row(
  "9301 8.2",
  "the same without Map-Notifies",
  "LISPRegistrar",
  "lisp-registrar",
  "no-notify registers by the interval alone",
);
row(
  "9301 8.2",
  "a change begins the 5 minutes anew",
  "LISPRegistrar",
  HERE,
  "after a change it registers every 20 seconds again, for 5 minutes",
);
row(
  "9301 8.2",
  "a registration ends after 3 minutes",
  "LISPMapServer",
  "lisp-map-server",
  "a registration ends after three minutes, or with the T bit after its own TTL, unless it is refreshed",
);
row(
  "9301 8.3",
  "negative Map-Replies: 1 minute, 15 minutes",
  "LISPMapServer",
  "lisp-map-server",
  "what nobody registered is said for the least specific such prefix: 1 minute in a site, 15 elsewhere",
);
row(
  "9301 8.4",
  "negative Map-Replies: 15 minutes",
  "LISPMapResolver",
  "lisp-map-resolver",
  "what no Map-Server is known for is answered for 15 minutes, for the least specific prefix of which that is so",
);

// ---- RFC 9302 ------------------------------------------------------------------
row(
  "9302 7.1",
  "SMRs to senders with an old version, one in 3 seconds",
  "LISPMapVersion",
  "lisp-map-version",
  "a sender with an old mapping of ours gets an SMR each 3 seconds; after the tenth its packets are dropped (7.1)",
);
row(
  "9302 7.1",
  "packets of the former version, for its TTL",
  "LISPMapVersion",
  "lisp-map-version",
  "once the TTL of the former mapping is over, older versions are dropped without a word (7.1)",
);
row(
  "9302 7.2",
  "Map-Requests for a newer version, one in 3 seconds",
  "LISPMapVersion",
  "lisp-map-version",
  "a newer Source Map-Version leads to a Map-Request, once in 3 seconds until the mapping is new (7.2)",
);
row(
  "9302 7",
  "all of these together",
  "LISPMapVersion",
  "lisp-map-version",
  "whatever senders forge, no more messages leave than RATE",
);

// ---- RFC 9437 ------------------------------------------------------------------
row(
  "9437 5",
  "an unanswered subscription is sent again, with a greater nonce",
  "LISPSubscriber",
  "lisp-subscriber",
  "without an answer it asks again after 1, 2, 4, 8, 16 and 16 seconds, each time with a greater nonce; then it rests",
);
row(
  "9437 5",
  "a subscription that is not taken rests",
  "LISPSubscriber",
  "lisp-subscriber",
  "a Map-Reply to it: the Map-Server does not take it, and is asked again after PAUSE",
);
row(
  "9437 5",
  "renewal, before the mapping expires",
  "LISPSubscriber",
  "lisp-subscriber",
  "a subscription is renewed after RENEW, and before three quarters of its mapping's time are over",
);
row(
  "9437 5",
  "a subscription without packets ends",
  "LISPSubscriber",
  "lisp-subscriber",
  "without packets for IDLE, or when told to, it unsubscribes: ITR-RLOC of AFI 0, until that is acknowledged",
);
row(
  "9437 6",
  "publications are sent again as in RFC 9301, 5.7, then the subscription ends",
  "LISPMapServer",
  "lisp-map-server-pubsub",
  "who acknowledges no publication, or with the wrong key, is told again and again, then subscribed no longer",
);
