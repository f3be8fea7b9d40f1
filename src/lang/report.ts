// Collects the diagnostics of one elaboration, in order and not without end.

import type { Diagnostic, Landmark } from "./diagnostics.js";
import { MAX_DIAGNOSTICS } from "./limits.js";

/** Stands for all diagnostics past the limit. */
export function tooManyErrors(landmark: Landmark | null): Diagnostic {
  const message = "too many errors; the rest is not shown";
  return { severity: "error", code: "too-many-errors", landmark, message };
}

export class Report {
  readonly diagnostics: Diagnostic[] = [];

  /** One that goes on where this one is. */
  copy(): Report {
    const copy = new Report();
    copy.diagnostics.push(...this.diagnostics);
    return copy;
  }

  /** Whether further diagnostics would not be kept. */
  get full(): boolean {
    return this.diagnostics.length > MAX_DIAGNOSTICS;
  }

  add(diagnostic: Diagnostic): void {
    if (this.full) return;
    if (this.diagnostics.length < MAX_DIAGNOSTICS) this.diagnostics.push(diagnostic);
    else this.diagnostics.push(tooManyErrors(diagnostic.landmark));
  }

  error(code: string, landmark: Landmark | null, message: string, hint?: string): void {
    this.add({ severity: "error", code, landmark, message, ...(hint === undefined ? {} : { hint }) });
  }

  warning(code: string, landmark: Landmark | null, message: string): void {
    this.add({ severity: "warning", code, landmark, message });
  }
}
