// Listings of what may be a million lines: in parts, as packets wait meanwhile.

/** Lines of a part: some 10 ms. */
export const LINES = 4096;

/**
 * A line for each item, at most `most`; where there are more items, a last line `more: ` with the `place` of the next one
 * (`next`) or of the last one listed (`last`): what the handler is to be read with for the rest.
 */
export function linesOf<T>(
  items: Iterable<T>,
  line: (item: T) => string,
  place: (next: T, last: T) => string,
  most = LINES,
): string {
  let lines = "";
  let left = most;
  let last: T | null = null;
  for (const item of items) {
    if (left-- === 0) return `${lines}more: ${place(item, last!)}\n`;
    lines += line(item);
    last = item;
  }
  return lines;
}
