// The LISP part of the public library: what an element offers that stands in for one of ours, and what that is made of.

export { type RecordFields, recordOfMapping } from "./control/control-records.js";
export { HeaderVerifier } from "./data-plane/header-verifier.js";
export { SiteMappings } from "./etr/site-mappings.js";
export { type Mapping, MappingError, mappingText, parseMapping } from "./mapping.js";
export { HostTable } from "./mobility/host-table.js";
export type * from "./offers/lisp-offers.js";
export { MapCache } from "./tables/map-cache.js";
export { PeerTable } from "./tables/peer-table.js";
export { SiteRecords } from "./tables/site-records.js";
