// What kernels and elements share of an element's state: the kernels' numbers are those of the element's spec.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as etherSwitch from "../../assembly/ether-switch-layout.js";
import * as forward from "../../assembly/forward-layout.js";
import * as filter from "../../assembly/host-filter-layout.js";
import * as ip from "../../assembly/ip-layout.js";
import * as lines from "../../assembly/lines-layout.js";
import * as lisp from "../../assembly/lisp-layout.js";
import * as traffic from "../../assembly/traffic-layout.js";
import { EtherSwitch } from "../../elements/ethernet/ether-switch.js";
import { HostEtherFilter } from "../../elements/ethernet/host-ether-filter.js";
import { LineSwitch } from "../../elements/ethernet/line-switch.js";
import { ICMPError } from "../../elements/icmp/icmp-error.js";
import { ICMP6Error } from "../../elements/icmp/icmp6-error.js";
import { CheckIPHeader } from "../../elements/ip/check-ip-header.js";
import { CheckIP6Header } from "../../elements/ip/check-ip6-header.js";
import { DecIPTTL } from "../../elements/ip/dec-ip-ttl.js";
import { DecIP6HLIM } from "../../elements/ip/dec-ip6-hlim.js";
import { IPFragmenter } from "../../elements/ip/ip-fragmenter.js";
import { IPGWOptions } from "../../elements/ip/ip-gw-options.js";
import { LISPClassifier } from "../../elements/lisp/data-plane/lisp-classifier.js";
import { LISPDecap } from "../../elements/lisp/data-plane/lisp-decap.js";
import { LISPEncap } from "../../elements/lisp/data-plane/lisp-encap.js";
import { LISPMapCache } from "../../elements/lisp/itr/lisp-map-cache.js";
import { LISPHostSwitch } from "../../elements/lisp/mobility/lisp-host-switch.js";
import { NumberedSink } from "../../elements/traffic/numbered-sink.js";
import { VoiceSink } from "../../elements/traffic/voice-sink.js";
import type { ElementSpec } from "../../src/router/spec.js";

interface Shared {
  readonly element: { readonly name: string; readonly spec: ElementSpec };
  /** Byte of each counter in the state, as the kernels have it; those that no kernel counts may be left out. */
  readonly counters: Readonly<Record<string, number>>;
  /** Byte at which the state's area begins, where kernels read one. */
  readonly area?: number;
}

/** Places of counters that a kernel numbers from 0 on, the first of them at byte `at`. */
const numbered = (at: number, numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).map(([name, n]) => [name, at + n * 8]));

/** The drops of a sink of datagrams, the first of them at byte `at`; `payload` is the one of a payload that is not its. */
const datagrams = (at: number, payload: string): Record<string, number> =>
  numbered(at, {
    no_header: traffic.DATAGRAM_NO_HEADER,
    not_udp: traffic.DATAGRAM_NOT_UDP,
    fragment: traffic.DATAGRAM_FRAGMENT,
    bad_length: traffic.DATAGRAM_BAD_LENGTH,
    bad_checksum: traffic.DATAGRAM_BAD_CHECKSUM,
    other_port: traffic.DATAGRAM_OTHER_PORT,
    [payload]: traffic.DATAGRAM_BAD_PAYLOAD,
    too_many: traffic.DATAGRAM_TOO_MANY,
  });

const SHARED: readonly Shared[] = [
  {
    element: IPFragmenter,
    counters: {
      fragments: forward.FRAG_FRAGMENTS,
      drops: forward.FRAG_DROPS,
      malformed: forward.FRAG_MALFORMED,
      too_many: forward.FRAG_TOO_MANY,
      no_slot: forward.FRAG_NO_SLOT,
    },
    area: forward.FRAG_AREA,
  },
  {
    element: ICMPError,
    counters: numbered(0, {
      no_header: forward.ICMP4_NO_HEADER,
      icmp_error: forward.ICMP4_ICMP_ERROR,
      not_unicast: forward.ICMP4_NOT_UNICAST,
      link_broadcast: forward.ICMP4_LINK_BROADCAST,
      bad_source: forward.ICMP4_BAD_SOURCE,
      fragment: forward.ICMP4_FRAGMENT,
      source_routed: forward.ICMP4_SOURCE_ROUTED,
      no_room: forward.ICMP4_NO_ROOM,
    }),
    area: forward.ICMP4_AREA,
  },
  {
    element: ICMP6Error,
    counters: numbered(0, {
      no_header: forward.ICMP6_NO_HEADER,
      icmp_error: forward.ICMP6_ICMP_ERROR,
      not_unicast: forward.ICMP6_NOT_UNICAST,
      link_broadcast: forward.ICMP6_LINK_BROADCAST,
      bad_source: forward.ICMP6_BAD_SOURCE,
      no_room: forward.ICMP6_NO_ROOM,
    }),
    area: forward.ICMP6_AREA,
  },
  { element: IPGWOptions, counters: { bad_option: forward.GWOPT_FAULTS }, area: forward.GWOPT_AREA },
  {
    element: CheckIPHeader,
    counters: numbered(0, {
      tiny: ip.IP_CHECK_TINY,
      version: ip.IP_CHECK_VERSION,
      header_length: ip.IP_CHECK_HEADER_LENGTH,
      length: ip.IP_CHECK_LENGTH,
      checksum: ip.IP_CHECK_CHECKSUM,
      source: ip.IP_CHECK_SOURCE,
    }),
    area: ip.IP_CHECK_OFFSET,
  },
  {
    element: CheckIP6Header,
    counters: numbered(0, {
      tiny: ip.IP6_CHECK_TINY,
      version: ip.IP6_CHECK_VERSION,
      length: ip.IP6_CHECK_LENGTH,
      source: ip.IP6_CHECK_SOURCE,
    }),
    area: ip.IP6_CHECK_OFFSET,
  },
  {
    element: DecIPTTL,
    counters: numbered(0, { expired: ip.IP_TTL_EXPIRED, no_header: ip.IP_TTL_NO_HEADER }),
    area: ip.IP_TTL_MULTICAST,
  },
  {
    element: DecIP6HLIM,
    counters: numbered(0, { expired: ip.IP6_HLIM_EXPIRED, no_header: ip.IP6_HLIM_NO_HEADER }),
  },
  {
    element: HostEtherFilter,
    counters: { other: filter.FILTER_OTHER, own: filter.FILTER_OWN, short: filter.FILTER_SHORT },
    area: filter.FILTER_ADDRESS,
  },
  {
    element: EtherSwitch,
    counters: {
      flooded: etherSwitch.SWITCH_FLOODED,
      replaced: etherSwitch.SWITCH_REPLACED,
      same_port: etherSwitch.SWITCH_SAME_PORT,
      short: etherSwitch.SWITCH_SHORT,
      no_slot: etherSwitch.SWITCH_NO_SLOT,
    },
  },
  {
    element: LineSwitch,
    counters: {
      flooded: lines.LINES_FLOODED,
      replaced: lines.LINES_REPLACED,
      same_port: lines.LINES_SAME_PORT,
      short: lines.LINES_SHORT,
      no_slot: lines.LINES_NO_SLOT,
      lost: lines.LINES_LOST,
      down: lines.LINES_DOWN,
      no_room: lines.LINES_NO_ROOM,
      no_line: lines.LINES_NO_LINE,
    },
  },
  {
    element: LISPMapCache,
    counters: {
      hits: lisp.CACHE_HITS,
      misses: lisp.CACHE_MISSES,
      map_requests: lisp.CACHE_MAP_REQUESTS,
      native: lisp.CACHE_NATIVE,
      bad_packet: lisp.CACHE_DROPS,
      no_action: lisp.CACHE_DROPS + 8,
    },
    area: lisp.CACHE_AREA,
  },
  {
    element: LISPEncap,
    counters: {
      ...numbered(lisp.ENCAP_DROPS - lisp.ENCAP_NO_RLOC * 8, {
        no_locator: lisp.ENCAP_NO_RLOC,
        no_source: lisp.ENCAP_NO_SOURCE,
        no_headroom: lisp.ENCAP_NO_HEADROOM,
        bad_packet: lisp.ENCAP_BAD_INNER,
        locator_gone: lisp.ENCAP_GONE,
      }),
    },
    area: lisp.ENCAP_AREA,
  },
  {
    element: LISPDecap,
    counters: numbered(lisp.DECAP_DROPS - lisp.DECAP_TRUNCATED * 8, {
      truncated: lisp.DECAP_TRUNCATED,
      not_lisp: lisp.DECAP_NOT_LISP,
      fragment: lisp.DECAP_FRAGMENT,
      bad_length: lisp.DECAP_BAD_LENGTH,
      bad_checksum: lisp.DECAP_BAD_CHECKSUM,
      encrypted: lisp.DECAP_ENCRYPTED,
      unknown_iid: lisp.DECAP_UNKNOWN_IID,
      bad_inner: lisp.DECAP_BAD_INNER,
      bad_ecn: lisp.DECAP_BAD_ECN,
    }),
    area: lisp.DECAP_AREA,
  },
  {
    element: LISPClassifier,
    counters: numbered(0, {
      data: lisp.CLASS_DATA,
      control: lisp.CLASS_CONTROL,
      other: lisp.CLASS_OTHER,
      gpe: lisp.CLASS_GPE,
    }),
    area: lisp.CLASS_AREA,
  },
  {
    element: NumberedSink,
    counters: {
      received: traffic.NUMBERED_RECEIVED,
      doubled: traffic.NUMBERED_DOUBLED,
      reordered: traffic.NUMBERED_REORDERED,
      too_old: traffic.NUMBERED_TOO_OLD,
      before: traffic.NUMBERED_BEFORE,
      stale: traffic.NUMBERED_STALE,
      restarts: traffic.NUMBERED_RESTARTS,
      ...datagrams(traffic.NUMBERED_DROPS, "not_numbered"),
    },
    area: traffic.NUMBERED_AREA,
  },
  {
    element: VoiceSink,
    counters: {
      received: traffic.VOICE_RECEIVED,
      doubled: traffic.VOICE_DOUBLED,
      reordered: traffic.VOICE_REORDERED,
      late: traffic.VOICE_LATE,
      restarts: traffic.VOICE_RESTARTS,
      ...datagrams(traffic.VOICE_DROPS, "not_rtp"),
      ...numbered(traffic.VOICE_DROPS, { bad_sequence: traffic.VOICE_BAD_SEQUENCE }),
    },
    area: traffic.VOICE_AREA,
  },
  { element: LISPHostSwitch, counters: {}, area: lisp.SWITCH_AREA },
];

for (const { element, counters, area } of SHARED) {
  test(`${element.name}'s kernels count where its spec says`, () => {
    const { spec } = element;
    const names = [...Object.keys(spec.counters ?? {}), ...Object.keys(spec.drops ?? {})];
    for (const [name, place] of Object.entries(counters))
      assert.is(place, names.indexOf(name) * 8, `${name} of ${names.join(", ")}`);
    if (area !== undefined) assert.is(area, names.length * 8, "where the area begins");
  });
}

test.run();
