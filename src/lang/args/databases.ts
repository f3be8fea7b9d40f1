// The names that every router knows. Numbers are from the IANA registries named beside
// each table; the spellings are Click's where Click has the name.

/**
 * Database names, for ArgContext.lookup. Those of addresses hold bytes in network order: `ip` 4,
 * `ipPrefix` 8 (address, mask), `ip6` 16, `ip6Prefix` 17 (address, length), `ether` 6,
 * `ipGateway` 4 (of a device). The others hold numbers.
 */
export const DATABASES = {
  ip: "ip addresses",
  ipPrefix: "ip prefixes",
  ipGateway: "ip gateways",
  ip6: "ip6 addresses",
  ip6Prefix: "ip6 prefixes",
  ether: "ethernet addresses",
  ipProtocols: "ip protos",
  icmpTypes: "icmp types",
  icmp6Types: "icmp6 types",
  annotations: "annotations",
  etherTypes: "ethertypes",
  tcpPorts: "tcp ports",
  udpPorts: "udp ports",
} as const;

/** The database of the codes of an ICMP type. */
export function icmpCodeDatabase(type: number): string {
  return `icmp codes ${type}`;
}

/** The database of the codes of an ICMPv6 type. */
export function icmp6CodeDatabase(type: number): string {
  return `icmp6 codes ${type}`;
}

/** The database of the ports of an IP protocol. */
export function portDatabase(protocol: number): string {
  if (protocol === 6) return DATABASES.tcpPorts;
  return protocol === 17 ? DATABASES.udpPorts : `ports of ip proto ${protocol}`;
}

/** Bytes of a packet's annotation area. */
export const ANNOTATION_BYTES = 48;

/** Click's names for sets of protocols, beyond the one byte of the header field. */
export const PROTOCOL_TCP_OR_UDP = 256;
export const PROTOCOL_TRANSPORT = 257;
export const PROTOCOL_PAYLOAD = 258;

type Names = Readonly<Record<string, number>>;

/** IANA "Assigned Internet Protocol Numbers". */
const IP_PROTOCOLS: Names = {
  ip: 0,
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ggp: 3,
  ipencap: 4,
  ipip: 4,
  st: 5,
  tcp: 6,
  egp: 8,
  igp: 9,
  pup: 12,
  udp: 17,
  hmp: 20,
  "xns-idp": 22,
  rdp: 27,
  "iso-tp4": 29,
  dccp: 33,
  xtp: 36,
  ddp: 37,
  "idpr-cmtp": 38,
  ipv6: 41,
  "ipv6-route": 43,
  "ipv6-frag": 44,
  idrp: 45,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  skip: 57,
  "ipv6-icmp": 58,
  icmp6: 58,
  "ipv6-nonxt": 59,
  "ipv6-opts": 60,
  rspf: 73,
  vmtp: 81,
  eigrp: 88,
  ospf: 89,
  "ax.25": 93,
  etherip: 97,
  encap: 98,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  isis: 124,
  sctp: 132,
  fc: 133,
  "mobility-header": 135,
  udplite: 136,
  "mpls-in-ip": 137,
  manet: 138,
  hip: 139,
  shim6: 140,
  wesp: 141,
  rohc: 142,
  tcpudp: PROTOCOL_TCP_OR_UDP,
  transp: PROTOCOL_TRANSPORT,
  payload: PROTOCOL_PAYLOAD,
};

/** IANA "Internet Control Message Protocol (ICMP) Parameters", types. */
const ICMP_TYPES: Names = {
  "echo-reply": 0,
  unreachable: 3,
  sourcequench: 4,
  redirect: 5,
  echo: 8,
  routeradvert: 9,
  routersolicit: 10,
  timeexceeded: 11,
  parameterproblem: 12,
  timestamp: 13,
  "timestamp-reply": 14,
  inforeq: 15,
  "inforeq-reply": 16,
  maskreq: 17,
  "maskreq-reply": 18,
};

/** The same registry, codes by type. */
const ICMP_CODES: Readonly<Record<number, Names>> = {
  3: {
    net: 0,
    host: 1,
    protocol: 2,
    port: 3,
    needfrag: 4,
    srcroutefail: 5,
    netunknown: 6,
    hostunknown: 7,
    isolated: 8,
    netprohibited: 9,
    hostprohibited: 10,
    tosnet: 11,
    toshost: 12,
    filterprohibited: 13,
    hostprecedence: 14,
    precedencecutoff: 15,
  },
  5: { net: 0, host: 1, tosnet: 2, toshost: 3 },
  11: { transit: 0, reassembly: 1 },
  12: { erroratptr: 0, missingopt: 1, length: 2 },
};

/** IANA "Internet Control Message Protocol version 6 (ICMPv6) Parameters", types. */
const ICMP6_TYPES: Names = {
  unreachable: 1,
  toobig: 2,
  packettoobig: 2,
  timeexceeded: 3,
  parameterproblem: 4,
  echo: 128,
  "echo-reply": 129,
  routersolicit: 133,
  routeradvert: 134,
  neighborsolicit: 135,
  neighboradvert: 136,
  redirect: 137,
};

/** The same registry, codes by type. */
const ICMP6_CODES: Readonly<Record<number, Names>> = {
  1: { noroute: 0, prohibited: 1, beyondscope: 2, address: 3, host: 3, port: 4, policy: 5, rejectroute: 6 },
  3: { transit: 0, reassembly: 1 },
  4: { erroratptr: 0, nextheader: 1, option: 2 },
};

/** IANA "Service Name and Transport Protocol Port Number Registry": ports the same over TCP and UDP. */
const PORTS: Names = {
  tcpmux: 1,
  echo: 7,
  discard: 9,
  sink: 9,
  systat: 11,
  daytime: 13,
  netstat: 15,
  qotd: 17,
  chargen: 19,
  "ftp-data": 20,
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  mail: 25,
  time: 37,
  whois: 43,
  tacacs: 49,
  domain: 53,
  dns: 53,
  bootps: 67,
  bootpc: 68,
  tftp: 69,
  gopher: 70,
  finger: 79,
  http: 80,
  www: 80,
  kerberos: 88,
  pop2: 109,
  pop3: 110,
  sunrpc: 111,
  portmapper: 111,
  auth: 113,
  ident: 113,
  nntp: 119,
  ntp: 123,
  epmap: 135,
  "netbios-ns": 137,
  "netbios-dgm": 138,
  "netbios-ssn": 139,
  imap2: 143,
  imap: 143,
  snmp: 161,
  "snmp-trap": 162,
  snmptrap: 162,
  xdmcp: 177,
  bgp: 179,
  irc: 194,
  imap3: 220,
  ldap: 389,
  https: 443,
  "microsoft-ds": 445,
  isakmp: 500,
  route: 520,
  router: 520,
  rip: 520,
  ldaps: 636,
  imaps: 993,
  pop3s: 995,
  socks: 1080,
  openvpn: 1194,
  "ms-sql-s": 1433,
  pptp: 1723,
  radius: 1812,
  "radius-acct": 1813,
  nfs: 2049,
  "lisp-data": 4341,
  "lisp-control": 4342,
  mysql: 3306,
  rdp: 3389,
  "ipsec-nat-t": 4500,
  vxlan: 4789,
  sip: 5060,
  "sip-tls": 5061,
  mdns: 5353,
  postgresql: 5432,
  "http-alt": 8080,
};

const TCP_PORTS: Names = {
  ...PORTS,
  submission: 587,
  printer: 515,
  login: 513,
  shell: 514,
  exec: 512,
  rsync: 873,
};
const UDP_PORTS: Names = { ...PORTS, syslog: 514, who: 513, biff: 512 };

/** IANA "IEEE 802 Numbers", EtherTypes. */
const ETHER_TYPES: Names = {
  ip: 0x0800,
  ip4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ip6: 0x86dd,
  mpls: 0x8847,
  pppoe: 0x8864,
  eapol: 0x888e,
  qinq: 0x88a8,
  lldp: 0x88cc,
};

const annotation = (offset: number, size: number): number => size * 0x10000 + offset;

/** The annotation area's fields, as offset + size * 2^16. */
const ANNOTATIONS: Names = {
  DST_IP: annotation(0, 4),
  DST_IP6: annotation(0, 16),
  PAINT: annotation(16, 1),
  ICMP_PARAMPROB: annotation(17, 1),
  FIX_IP_SRC: annotation(19, 1),
  VLAN: annotation(20, 2),
  VLAN_TCI: annotation(20, 2),
  AGGREGATE: annotation(20, 4),
  FWD_RATE: annotation(20, 4),
  MISC_IP: annotation(20, 4),
  EXTRA_PACKETS: annotation(24, 4),
  REV_RATE: annotation(24, 4),
  SEND_ERR: annotation(26, 1),
  IPREASSEMBLER: annotation(28, 4),
  EXTRA_LENGTH: annotation(28, 4),
  FIRST_TIMESTAMP: annotation(32, 8),
  PACKET_NUMBER: annotation(32, 4),
  SEQUENCE_NUMBER: annotation(36, 4),
  PERFCTR: annotation(40, 8),
};

const TABLES: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map(
  [
    [DATABASES.ipProtocols, IP_PROTOCOLS] as const,
    [DATABASES.icmpTypes, ICMP_TYPES] as const,
    [DATABASES.icmp6Types, ICMP6_TYPES] as const,
    ...Object.entries(ICMP_CODES).map(([type, codes]) => [icmpCodeDatabase(Number(type)), codes] as const),
    ...Object.entries(ICMP6_CODES).map(([type, codes]) => [icmp6CodeDatabase(Number(type)), codes] as const),
    [DATABASES.tcpPorts, TCP_PORTS] as const,
    [DATABASES.udpPorts, UDP_PORTS] as const,
    [DATABASES.etherTypes, ETHER_TYPES] as const,
    [DATABASES.annotations, ANNOTATIONS] as const,
  ].map(([name, table]) => [name, new Map(Object.entries(table))]),
);

/** The number of `name` in a built-in database. */
export function builtinName(database: string, name: string): number | undefined {
  return TABLES.get(database)?.get(name);
}

/** The first name of `value` in a built-in database. */
export function builtinNameOf(database: string, value: number): string | undefined {
  for (const [name, number] of TABLES.get(database) ?? []) if (number === value) return name;
  return undefined;
}
