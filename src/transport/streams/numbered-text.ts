// The account of a numbered stream for people.

import type { NumberedReport } from "./numbered-flow.js";

const percent = (part: number, all: number): string =>
  all === 0 ? "0%" : `${Number(((part / all) * 100).toPrecision(3))}%`;
const ms = (value: number): string => value.toFixed(3);

/** Some lines, the last with its newline. */
export function numberedText(r: NumberedReport): string {
  const lines = [
    `stream ${r.stream} from ${r.source}: ${r.received} received, ${r.lost} lost (${percent(r.lost, r.received + r.lost)}), ${r.doubled} doubled, ${r.reordered} reordered (${percent(r.reordered, r.received)})`,
  ];
  if (r.reordered > 0)
    lines.push(
      `  reordering extent: mean ${r.reordering_extent_mean.toFixed(2)}, max ${r.reordering_extent_max}`,
    );
  const odd = [
    [r.restarts, "restarts of the sender"],
    [r.stale, "packets of a former run"],
    [r.too_old, "too old for the window"],
    [r.before, "from before counting began"],
    [r.sent_ahead, "sent later than they came: the clocks differ"],
  ] as const;
  for (const [count, what] of odd) if (count > 0) lines.push(`  ${count} ${what}`);
  if (r.lost_ranges.length > 0) {
    const ranges = r.lost_ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`));
    const omitted = r.lost_ranges_omitted > 0 ? ` and ${r.lost_ranges_omitted} more` : "";
    lines.push(`  lost: ${ranges.join(" ")}${omitted}`);
  }
  lines.push(
    `  longest gap ${r.longest_gap.toFixed(6)} s at ${r.longest_gap_start.toFixed(6)} s; silent for ${r.silent.toFixed(6)} s`,
  );
  if (r.gaps_omitted > 0) lines.push(`  ${r.gaps_omitted} earlier gaps`);
  for (const gap of r.gaps)
    lines.push(
      `  gap of ${gap.seconds.toFixed(6)} s at ${gap.start.toFixed(6)} s, from number ${gap.before} to ${gap.after}`,
    );
  const d = r.delay_ms;
  if (d !== null)
    lines.push(
      `  one-way delay, ms: min ${ms(d.min)}, mean ${ms(d.mean)}, max ${ms(d.max)}; 50% ${ms(d.p50)}, 90% ${ms(d.p90)}, 99% ${ms(d.p99)}, 99.9% ${ms(d.p999)}`,
    );
  return `${lines.join("\n")}\n`;
}
