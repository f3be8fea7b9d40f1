// What a configuration may cost. Configurations come from files and the
// network, so every size has a bound, far above what people write.

/** Characters of one source text. */
export const MAX_SOURCE = 1 << 26;
/** Compounds and groups open inside one another (Click's own bound). */
export const MAX_NESTING = 50;
/** Parameters of one compound. */
export const MAX_FORMALS = 1000;
/** Definitions that are compared with uses of overloaded compounds, in all. */
export const MAX_COMPARISONS = 1 << 22;
/** Compound elements that stand inside one another once classes are expanded. */
export const MAX_EXPANSION_DEPTH = 256;
/** Elements of one flat graph, pseudo-elements of compounds counted too. */
export const MAX_ELEMENTS = 1 << 19;
/** Connections of one flat graph, before repeated ones are merged. */
export const MAX_CONNECTIONS = 1 << 21;
/** The largest port number that can be written. */
export const MAX_PORT = 65535;
/** Ports that all port lists of one text may name together. */
export const MAX_PORTS = 1 << 20;
/** Characters of names and configurations that expansion may produce in all. */
export const MAX_TEXT = 1 << 27;
/** Diagnostics kept of one configuration; the rest is counted, not shown. */
export const MAX_DIAGNOSTICS = 1000;
/** `require(library)` inside a library, and so on. */
export const MAX_LIBRARY_DEPTH = 32;
