// How much is done of long work before packets get their turn.

/** Entries of a table that are served at once: some 0.1 ms, where each takes about a microsecond. */
export const SLICE = 128;
/** Nanoseconds of rest between two slices of work that nobody waits for. */
export const SLICE_REST = 1e6;
