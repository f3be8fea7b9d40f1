// What the LISP data plane keeps in the router's memory. Shared with
// TypeScript like layout.ts. Names are RFC 9300's and 9301's.

// ---- RLOC record ----------------------------------------------------------
// One for each RLOC, instance ID and Destination Map-Version that mappings name,
// shared by them all: what an encapsulator must know. SLOT_ROUTE of a packet
// points at one and SLOT_ROUTE_TAG holds its RLOC_TAG, which changes when the
// record goes out of use. The memory of a record is never anything but a record
// again, so that a packet that has waited, however long, can still look.
//
// The encapsulator that used it last keeps here what is the same in all headers
// it puts in front of packets to this RLOC; RLOC_KEY says whose and which state
// of it. Whoever changes a record or a state makes them differ.
export const RLOC_TAG = 0; // u32: the number of its present use, from RLOC_FIRST; never 0
export const RLOC_KEY = 4; // u32: ENCAP_KEY of the encapsulator, with RLOC_KEY_6 for IPv6; 0 = nobody's
export const RLOC_LIMIT = 8; // u32: largest inner packet, bytes
export const RLOC_SUM = 12; // u32: IPv4: sum of the header's constant 16-bit words but the first and fourth
export const RLOC_HEADER = 16; // 36 bytes: IPv4, UDP and LISP headers, or (from RLOC_LISP on) the LISP header
export const RLOC_LISP = 44; // 8 bytes
export const RLOC_FAMILY = 52; // u8: 4 or 6
export const RLOC_ENCAP = 53; // u8: ENCAP_KIND_*
export const RLOC_PORT = 54; // u16: UDP port there, as it lies in memory
export const RLOC_PATH = 56; // u32: address of what is known of the way there (PATH_*)
export const RLOC_IID = 60; // u32: instance ID
export const RLOC_ADDRESS = 64; // 16 bytes, network order; IPv4: the first 4
export const RLOC_VERSION = 80; // u32: Destination Map-Version Number, as in the LISP header's first word
export const RLOC_USERS = 84; // u32: locators of mappings that point here; out of use: the next such record
export const RLOC_NEXT = 88; // u32: the next record of the same RLOC
export const RLOC_PREVIOUS = 92; // u32: the one before, 0 for the first
export const RLOC_SIZE = 96;
// Nothing that others put into SLOT_ROUTE points at memory that begins so.
export const RLOC_FIRST = 0x4c4f43f5;
export const RLOC_KEY_6 = 0x80000000;

// What is known of an RLOC whatever the mapping: one for all its records, so that one write is enough.
export const PATH_ADDRESS = 0; // 16 bytes, network order; IPv4: the first 4
export const PATH_FAMILY = 16; // u8: 4 or 6
export const PATH_DOWN = 17; // u8: 1 = found unreachable
export const PATH_ENCAP = 18; // u8: ENCAP_KIND_*
export const PATH_PORT = 20; // u16: UDP port there, as it lies in memory
export const PATH_MTU = 24; // u32: effective MTU, bytes; all ones = not known
export const PATH_WORD = 28; // u32: first word of the LISP header (N, E, nonce) in network order, 0 = nothing to say
export const PATH_NONCE = 32; // u32: N and a nonce of its own, in network order
export const PATH_RECORDS = 36; // u32: its first record
export const PATH_RECORD_COUNT = 40; // u32
export const PATH_USERS = 44; // u32: locators that point to its records
export const PATH_FIRST = 48; // u32: first in the list of those that traffic may use; see LINK_NEXT
export const PATH_LAST = 52; // u32
export const PATH_LISTED = 56; // u32: how many they are
export const PATH_PREPARED = 60; // u32: counts the times that an encapsulator prepared headers, which it does for a packet
export const PATH_OTHERS = 64; // u32: first in the list of its other locators
export const PATH_SIZE = 80;
export const ENCAP_KIND_LISP = 0; // RFC 9300, section 5

// ---- Mapping --------------------------------------------------------------
// One for each EID-prefix; the value in the prefix table is its address. Before
// it lie its locators, the first one next to it; behind it what it is. So what
// packets need of a mapping with up to two locators lies in one line of the
// processor's cache: a block of 64 + 32 n bytes begins with the last of n locators.
export const MAPPING_EPOCH = 0; // u32: ROOT_EPOCH when the choice among locators was last made ready
export const MAPPING_TOTAL = 4; // u32: sum of the weights among which the choice is, 0 = no locator may be used; read with the epoch
export const MAPPING_EID = 8; // 16 bytes, network order; IPv4: the first 4
export const MAPPING_IID = 24; // u32: instance ID
export const MAPPING_FAMILY = 28; // u8: 4 or 6
export const MAPPING_LENGTH = 29; // u8: prefix length
export const MAPPING_COUNT = 30; // u8: locators
export const MAPPING_VERDICT = 31; // u8: VERDICT_*: what packets get when there is no locator for them
export const MAPPING_TTL = 32; // u32: seconds it was given for, 0 = for good
export const MAPPING_QUEUE = 36; // u32: its place in the expiry queue, from 1; 0 = none
export const MAPPING_EXPIRY = 40; // f64: steady nanoseconds
export const MAPPING_VERSION = 48; // u16: Map-Version Number, 0 = none
export const MAPPING_ACTION = 50; // u8: ACT of a negative mapping
export const MAPPING_STATUS = 51; // u8: STATUS_*, or 0
export const MAPPING_LSB = 52; // u32: Locator-Status-Bits seen last from its site, those of its locators
export const MAPPING_PACKETS = 56; // u64: packets that were given no locator
export const MAPPING_LINKS = 64; // LINK_SIZE bytes for each locator, in the order of the Map-Reply

export const STATUS_SEEN = 1; // MAPPING_LSB holds
export const STATUS_NEVER = 2; // Locator-Status-Bits do not count its locators

export const LOCATOR_RLOC = 0; // u32: address of its RLOC record
export const LOCATOR_TAG = 4; // u32: the RLOC_TAG of that: both go to SLOT_ROUTE and SLOT_ROUTE_TAG at once
export const LOCATOR_PACKETS = 8; // u64: packets that were given this locator
export const LOCATOR_UNTIL = 16; // u16: weights of the choosable ones up to and with this one
export const LOCATOR_PRIORITY = 18; // u8; 255 = must not be used
export const LOCATOR_WEIGHT = 19; // u8
export const LOCATOR_MPRIORITY = 20; // u8: multicast priority
export const LOCATOR_MWEIGHT = 21; // u8
export const LOCATOR_FLAGS = 22; // u8: LOCATOR_*, as in the Map-Reply, and LOCATOR_DOWN
export const LOCATOR_INDEX = 23; // u8: its place in the mapping
export const LOCATOR_SIZE = 24; // locator i of a mapping is at the mapping's address - (i + 1) * LOCATOR_SIZE
export const LOCATOR_DOWN = 8; // found unreachable for this mapping (Locator-Status-Bits)
export const LOCATOR_LOCAL = 4;
export const LOCATOR_PROBED = 2;
export const LOCATOR_REACHABLE = 1;
// Locators that traffic may use (priority below 255, R bit) form a list for each RLOC: those of networks first,
// the newest first, then those of single hosts. The others form a list, too.
export const LINK_NEXT = 0; // u32: address of the next locator in the list, 0 = none
export const LINK_PREVIOUS = 4; // u32
export const LINK_SIZE = 8;

export const VERDICT_MAP_REQUEST = 1;
export const VERDICT_NATIVE = 2;
export const VERDICT_DROP = 3; // and the following: the drop reasons of LISPMapCache, in its order

// ---- LISPMapCache's state: counters, then this -----------------------------
export const CACHE_HITS = 0;
export const CACHE_MISSES = 8;
export const CACHE_MAP_REQUESTS = 16;
export const CACHE_NATIVE = 24;
export const CACHE_DROPS = 32; // bad_packet first, then those of VERDICT_DROP and following
export const CACHE_AREA = 88;
export const CACHE_IID = CACHE_AREA; // u32: instance ID of all packets
export const CACHE_PER_PACKET = CACHE_AREA + 4; // u32: 1 = each packet brings its instance ID in SLOT_IID
export const CACHE_ROOT = CACHE_AREA + 8; // u32: address of the instances' root
export const CACHE_DENIED = CACHE_AREA + 12; // u32: 1 = packets whose mapping says Drop are set aside, with 3 in SLOT_PORT (natives: 2)
export const CACHE_AREA_SIZE = 16;

// Instances by their IDs: a root that stays, a directory by the first bits of the ID's hash, and pages with open
// addressing, never full. A page that fills up becomes two, so that no instance that comes moves more than a page.
export const ROOT_DIRECTORY = 0; // u32: address of the addresses of pages
export const ROOT_SHIFT = 4; // u32: bits of a hash behind those that the directory goes by
export const ROOT_EPOCH = 8; // u32: of a map-cache: counts the times that an RLOC went up or down
export const ROOT_FIRST = 16; // u32 x 2: the directory while it has two entries
export const ROOT_SIZE = 32;
export const INSTANCE_IID = 0; // u32: instance ID + 1, 0 = free
export const INSTANCE_TABLE_4 = 4; // u32: IPv4 prefix table, 0 = none
export const INSTANCE_TABLE_6 = 8; // u32: IPv6 prefix table, 0 = none
export const INSTANCE_SIZE = 16;
export const INSTANCE_PAGE = 64; // places of a page

// ---- LISPEncap's state -----------------------------------------------------
export const ENCAP_PACKETS = 0;
export const ENCAP_TOO_BIG = 8;
export const ENCAP_DROPS = 16; // in the order of ENCAP_NO_RLOC and following
export const ENCAP_AREA = 56;
export const ENCAP_KEY = ENCAP_AREA; // u32: number of this state: a new one, from LISP_KEYS, with each change
export const ENCAP_ID = ENCAP_AREA + 4; // u32: next IPv4 identification
export const ENCAP_COPY = ENCAP_AREA + 8; // u64: bits of an inner IPv4 header's first 8 bytes to copy: traffic class, DF
export const ENCAP_TTL_MASK = ENCAP_AREA + 16; // u32: 0xff = copy the TTL
export const ENCAP_TTL = ENCAP_AREA + 20; // u32: TTL when it is not copied
export const ENCAP_TOS = ENCAP_AREA + 24; // u32: bits of the traffic class that are not copied
export const ENCAP_DF = ENCAP_AREA + 28; // u32: 0x40 = set DF
export const ENCAP_MTU = ENCAP_AREA + 32; // u32: largest outer packet, bytes
export const ENCAP_SOURCE_4 = ENCAP_AREA + 36; // u32, network order, 0 = none
export const ENCAP_SOURCE_6 = ENCAP_AREA + 40; // 16 bytes
export const ENCAP_HAS_6 = ENCAP_AREA + 56; // u32: 1 = there is an IPv6 source
export const ENCAP_WORD = ENCAP_AREA + 60; // u32: E, or V and Source Map-Version, for RLOCs with nothing of their own to say
export const ENCAP_NONCE_MASK = ENCAP_AREA + 64; // u32: all ones = send PATH_NONCE
export const ENCAP_SITE = ENCAP_AREA + 68; // u32: root of our own EID-prefixes (SITE_*), 0 = none
export const ENCAP_IID = ENCAP_AREA + 72; // u32: 0 = I bit when the IID is not 0, 1 = always, 2 = never
export const ENCAP_L_BIT = ENCAP_AREA + 76; // u32: 0x40 = set L
export const ENCAP_LSB = ENCAP_AREA + 80; // u32: Locator-Status-Bits as a number; 0 without the L bit
export const ENCAP_LABEL = ENCAP_AREA + 84; // u32: mask of the flow hash that becomes the IPv6 flow label
export const ENCAP_SEEN = ENCAP_AREA + 88; // u32: RLOC_CHANGES when headers were last prepared anew
export const ENCAP_AREA_SIZE = 92;

export const ENCAP_DONE = 0;
export const ENCAP_REPORT = 1; // larger than the path's MTU
export const ENCAP_NO_RLOC = 2;
export const ENCAP_NO_SOURCE = 3;
export const ENCAP_NO_HEADROOM = 4;
export const ENCAP_BAD_INNER = 5;
export const ENCAP_GONE = 6;

// ---- LISPDecap's state -----------------------------------------------------
export const DECAP_PACKETS = 0;
export const DECAP_DROPS = 8; // in the order of DECAP_TRUNCATED and following
export const DECAP_AREA = 128;
export const DECAP_PORT = DECAP_AREA; // u32: UDP port, as it lies in memory
export const DECAP_CHECK = DECAP_AREA + 4; // u32: 1 = verify UDP checksums that are not 0
export const DECAP_DSCP = DECAP_AREA + 8; // u32: 0xfc = copy the DSCP to the inner header
export const DECAP_ROOT = DECAP_AREA + 12; // u32: root of the instance IDs expected, 0 = any
export const DECAP_PEERS = DECAP_AREA + 16; // u32: address of the peers, 0 = not noted
export const DECAP_PEER_MASK = DECAP_AREA + 20; // u32: places there - 1
export const DECAP_EVENTS = DECAP_AREA + 24; // u32: address of an array of BATCH_MAX u32
export const DECAP_EVENT_COUNT = DECAP_AREA + 28; // u32: peers put there by the last call
export const DECAP_VERIFY = DECAP_AREA + 32; // u32: address of what headers are verified by (VERIFY_*), 0 = nothing
export const DECAP_ONLY = DECAP_AREA + 36; // u32: one of the instance IDs expected + 1, looked at first; 0 = none
export const DECAP_SITE = DECAP_AREA + 40; // u32: root of the site's own EID-prefixes, 0 = not known
export const DECAP_HOSTS_4 = DECAP_AREA + 44; // u32: tables of the mobile hosts of DECAP_HOSTS_IID, 0 = there are none
export const DECAP_HOSTS_6 = DECAP_AREA + 48; // u32
export const DECAP_HOSTS_IID = DECAP_AREA + 52; // u32
export const DECAP_AREA_SIZE = 56;

export const DECAP_DONE = 0;
export const DECAP_TRUNCATED = 1;
export const DECAP_NOT_LISP = 2;
export const DECAP_FRAGMENT = 3;
export const DECAP_BAD_LENGTH = 4;
export const DECAP_BAD_CHECKSUM = 5;
export const DECAP_ENCRYPTED = 6;
export const DECAP_UNKNOWN_IID = 7;
export const DECAP_BAD_INNER = 8;
export const DECAP_BAD_ECN = 9;
export const DECAP_NULL_VERSION = 10;
export const DECAP_NEWER_VERSION = 11;
export const DECAP_OLDER_VERSION = 12;
export const DECAP_OLDER_SOURCE = 13;
export const DECAP_EXPIRED = 14;
export const DECAP_OWN_SOURCE = 15;
export const DECAP_REASONS = 15;

// A peer: an RLOC that packets come from, for one instance ID.
// SLOT_ROUTE of a packet from it points at it, and SLOT_ROUTE_TAG holds its
// PEER_TAG. What its first word can be is neither that nor an RLOC_TAG.
export const PEER_FAMILY = 0; // u32: 4 or 6, 0 = free
export const PEER_IID = 4; // u32
export const PEER_FLAGS = 8; // u32: the N, L, E, V, I bits of its last packet (0x80 ... 0x08)
export const PEER_NONCE = 12; // u32: last nonce with the N bit
export const PEER_ADDRESS = 16; // 16 bytes, network order; IPv4: the first 4
export const PEER_VERSIONS = 32; // u32: last Source and Dest Map-Version, 24 bits
export const PEER_LSB = 36; // u32: last Locator-Status-Bits
export const PEER_AWAITED = 40; // u32: nonce the control plane waits to see echoed, plus PEER_AWAITS; 0 = none
export const PEER_CHANGES = 44; // u32: PEER_* that happened since the control plane looked
export const PEER_PACKETS = 48; // u64
export const PEER_TAG = 56; // u32: its number, from PEER_TAGS, and PEER_TAGGED: another when its place is taken over
export const PEER_SIZE = 64;
export const PEER_TAGGED = 0x80000000;
export const PEER_AWAITS = 0x80000000;
export const PEER_NEW = 1;
export const PEER_ECHO_REQUESTED = 2;
export const PEER_ECHOED = 4;
export const PEER_LSB_CHANGED = 8;
export const PEER_VERSION_CHANGED = 16;

// ---- What data headers say of mappings ---------------------------------------
// An EID-prefix of our own site: what is said of it in the headers of packets that come from it.
export const SITE_VERSION = 0; // u32: Map-Version Number, 0 = none
export const SITE_LSB = 4; // u32: Locator-Status-Bits as a number
export const SITE_FLAGS = 8; // u32: SITE_*
export const SITE_SIZE = 16;
export const SITE_HAS_LSB = 1;
export const SITE_REFUSE_OLD = 2; // nobody can have an older mapping any more

// What LISPDecap verifies the headers of packets by.
export const VERIFY_SITE = 0; // u32: root of our own EID-prefixes (SITE_*), 0 = none
export const VERIFY_CACHE = 4; // u32: address of the state of the LISPMapCache, 0 = none
export const VERIFY_FLAGS = 8; // u32: VERIFY_*
export const VERIFY_COUNT = 12; // u32: events of the last call
export const VERIFY_REFUSED_COUNT = 16; // u32: senders whose older Destination Map-Versions are refused
export const VERIFY_EVENTS = 32; // VERIFY_EVENTS_MAX events
export const VERIFY_EVENTS_MAX = 16;
export const VERIFY_REFUSED = 1056; // VERIFY_REFUSED_MAX times REFUSED_*
export const VERIFY_REFUSED_MAX = 64;
export const VERIFY_SIZE = 2592;
export const VERIFY_VERSIONS = 1; // look at Map-Versions
export const VERIFY_STATUS = 2; // look at Locator-Status-Bits
export const VERIFY_REFUSE_SOURCE = 4; // drop packets with an older Source Map-Version

export const EVENT_KIND = 0; // u32
export const EVENT_FAMILY = 4; // u32: 4 or 6, of the EID
export const EVENT_IID = 8; // u32
export const EVENT_RECORD = 12; // u32: address of what it is about: our EID-prefix, or the mapping of the sender's
export const EVENT_EID = 16; // 16 bytes, network order; IPv4: the first 4
export const EVENT_RLOC = 32; // 16 bytes: the sender
export const EVENT_RLOC_FAMILY = 48; // u32: 4 or 6
export const EVENT_LSB = 52; // u32: Locator-Status-Bits as a number
export const EVENT_WIDTH = 56; // u32: how many of them
export const EVENT_SIZE = 64;
export const EVENT_OLDER_DESTINATION = 1; // the sender has an old mapping of ours
export const EVENT_NEWER_SOURCE = 2; // we have an old mapping of the sender's
export const EVENT_STATUS_BITS = 3; // the sender's site says something else of its locators

export const REFUSED_RLOC = 0; // 16 bytes
export const REFUSED_RECORD = 16; // u32: address of our EID-prefix
export const REFUSED_FAMILY = 20; // u32: 4 or 6
export const REFUSED_SIZE = 24;

// ---- Mobile hosts -----------------------------------------------------------
// What prefix tables say of an EID: the address of one of these.
export const HOST_KIND = 0; // u32: HOST_*, which is the output of LISPHostSwitch, too
export const HOST_PACKETS = 8; // u64: packets that matched it
export const HOST_SIZE = 16;
export const HOST_NONE = 0; // no mobile host's
export const HOST_HERE = 1;
export const HOST_AWAY = 2;
export const HOST_RANGE = 3; // in a dynamic-EID range, and not known
export const HOST_EXPECTED = 4; // not here yet: packets for it are held

// LISPHostSwitch's state: the drop counter, then this.
export const SWITCH_AREA = 8;
export const SWITCH_TABLE_4 = SWITCH_AREA; // u32: prefix table of IPv4 EIDs
export const SWITCH_TABLE_6 = SWITCH_AREA + 4; // u32
export const SWITCH_OFFSET_4 = SWITCH_AREA + 8; // u32: where in a header the address stands
export const SWITCH_OFFSET_6 = SWITCH_AREA + 12; // u32
export const SWITCH_IID = SWITCH_AREA + 16; // u32
export const SWITCH_PER_PACKET = SWITCH_AREA + 20; // u32: 1 = packets bring their instance ID
export const SWITCH_AREA_SIZE = 24;

// Which peer exchanges packets with which EID: one record each pair, zero when free.
export const LOG_EID = 0; // 16 bytes, network order; IPv4: the first 4
export const LOG_RLOC = 16; // 16 bytes
export const LOG_IID = 32; // u32
export const LOG_FAMILIES = 36; // u32: 4 or 6 of the EID, and of the RLOC << 8
export const LOG_FROM = 40; // u64: packets from the peer to the EID
export const LOG_TO = 48; // u64: packets from the EID to the peer
export const LOG_SEEN = 56; // f64: steady nanoseconds of the last packet
export const LOG_SIZE = 64;
// Behind the records: those of one EID form a list.
export const LOG_LINKS_SIZE = 8; // for each record u32 x 2: the next of its list, and the one before, by place from 1; 0 = none
export const LOG_HEAD_SIZE = 4; // for each hash of an EID: the first of the list, as many as records
export const LOG_PLACE_SIZE = 76; // all of it, a record

// LISPPeerLog's state.
export const PEERLOG_TABLE = 0; // u32: address of the records
export const PEERLOG_MASK = 4; // u32: places there - 1
export const PEERLOG_PEERS = 8; // u32: address of LISPDecap's peers, 0 = none
export const PEERLOG_PEERS_SIZE = 12; // u32: bytes that they take
export const PEERLOG_SIZE = 16;

// ---- LISPClassifier's state: a counter for each class, then this ------------
export const CLASS_DATA = 0;
export const CLASS_CONTROL = 1;
export const CLASS_OTHER = 2;
export const CLASS_GPE = 3;
export const CLASS_AREA = 32;
export const CLASS_DATA_PORT = CLASS_AREA; // u32 each: UDP port as it lies in memory
export const CLASS_CONTROL_PORT = CLASS_AREA + 4;
export const CLASS_GPE_PORT = CLASS_AREA + 8;
export const CLASS_GPE_OUTPUT = CLASS_AREA + 12; // u32: output of VXLAN-GPE packets
export const CLASS_AREA_SIZE = 16;
