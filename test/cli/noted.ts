// The processes of a service, as its state folder has them: other tests' services run at the same time.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The manager's process and those of the functions of the service known in `folder`. */
export function notedProcesses(folder: string): number[] {
  const { pid } = JSON.parse(readFileSync(join(folder, "service.json"), "utf8"));
  const noted = [...readFileSync(join(folder, "resources"), "utf8").matchAll(/^\+.*"pid":(\d+)/gm)];
  return [pid, ...noted.map(([, n]) => Number(n))];
}

export function runs(pid: number): boolean {
  try {
    // One that nobody has waited for yet has ended all the same.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}
