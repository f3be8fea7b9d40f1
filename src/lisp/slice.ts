// How much is done of long work before packets get their turn.

/** Entries of a table that are served at once: some 0.3 ms, where each takes about a microsecond. */
export const SLICE = 256;
/** Nanoseconds of rest between two slices of work that nobody waits for. */
export const SLICE_REST = 1e6;
