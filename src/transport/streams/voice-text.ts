// The account of a voice call for people.

import type { VoiceQuality, VoiceReport } from "./voice-call.js";

function sound(q: VoiceQuality): string {
  return `R ${q.r.toFixed(1)}, MOS ${q.mos.toFixed(2)} (loss ${q.loss_percent.toFixed(2)} %, burst ratio ${q.burst_ratio.toFixed(2)}, mouth to ear ${q.mouth_to_ear_ms.toFixed(1)} ms)`;
}

/** Some lines, the last with its newline. */
export function voiceText(r: VoiceReport): string {
  const delay =
    r.delay_from === "none"
      ? "network delay unknown, taken as 0"
      : `network delay ${r.network_delay_ms.toFixed(3)} ms (${r.delay_from === "rtt" ? "half of RTT" : "by the clock"})`;
  const lines = [
    `call ${r.ssrc} from ${r.source}: ${r.received} received, ${r.lost} lost of ${r.expected}, ${r.doubled} doubled, ${r.reordered} reordered, ${r.late} late, jitter ${r.jitter_ms.toFixed(3)} ms`,
    `  ${sound(r)}`,
    `  ${delay}, play-out buffer ${r.buffer_delay_ms.toFixed(3)} ms`,
  ];
  if (r.restarts > 0) lines.push(`  ${r.restarts} restarts of the sender`);
  if (r.resyncs > 0) lines.push(`  play-out began anew ${r.resyncs} times`);
  for (const i of r.intervals) lines.push(`  until ${i.end.toFixed(3)} s: ${sound(i)}`);
  return `${lines.join("\n")}\n`;
}
