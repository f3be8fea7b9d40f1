// Every kernel the router's own elements call. One module, one instance a
// router; numbers in, numbers out; no statics, no data segments.

export * from "./heap";
export * from "./pool";
export { makeHeadroom } from "./slot";
export * from "./batch";
export * from "./basic";
export * from "./queue";
export * from "./time";
export {
  lpm4Create, lpm4Destroy, lpm4Exact, lpm4Insert, lpm4Remove, lpmBytes, lpmCount,
} from "./lpm4";
export { lpm4List, lpm6List } from "./lpm-list";
export { lpm4Lookup, lpm4LookupAnno, lpm4LookupHeader } from "./lpm4-lookup";
export { lpm6Create, lpm6Destroy, lpm6Exact, lpm6Insert, lpm6Remove } from "./lpm6";
export { lpm6Lookup, lpm6LookupAnno, lpm6LookupHeader } from "./lpm6-lookup";
export {
  csumAdd, csumComplete, csumCompleteBatch, csumOf, csumPseudo4, csumPseudo6, csumUpdate, csumUpdate32,
} from "./checksum";
export * from "./ip";
export * from "./ip6";
export * from "./segment";
export * from "./device";
export * from "./host-filter";
export { etherEncap } from "./ethernet";
export { etherSwitch } from "./ether-switch";
export { lineOf, lineRemove, linesDue, linesFree, linesRoom, linesTake } from "./lines";
export {
  neighbourCreate, neighbourDestroy, neighbourEncap4, neighbourEncap6, neighbourFind, neighbourFree, neighbourHeader,
  neighbourInsert, neighbourRemove,
} from "./neighbour";
export { ipFragment } from "./fragment";
export { fixIpSource, ipEncap, setIpChecksum, stripIpHeader, udpIpEncap } from "./ip-encap";
export { dropBroadcasts, ipGatewayOptions } from "./ip-options";
export { dropUnroutable } from "./unroutable";
export { routeApply4, routeApply6 } from "./route";
export * from "./link";
export * from "./replay";
export { numberedMake, numberedMissing, numberedReceive } from "./numbered";
export { icmpEchoReply, icmpError } from "./icmp";
export { icmp6EchoReply, icmp6Error } from "./icmp6";
export { lispClassify } from "./lisp-classify";
export { lispDecap } from "./lisp-decap";
export { lispEncap } from "./lisp-encap";
export { lispHosts } from "./lisp-hosts";
export { lispLogFrom, lispLogOf, lispLogTo } from "./lisp-peer-log";
export { lispPeer } from "./lisp-peer";
export { lispRoute } from "./lisp-map-cache";
export { lispSettle } from "./lisp-settle";
export { lispEncapSources } from "./lisp-source";
export { tunReceive, tunSend } from "./tun";
export { voiceReceive } from "./voice";
