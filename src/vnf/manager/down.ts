// Ends a service from outside: in order when its manager answers, and what is left of it when that was killed.

import { ApiClient, ApiError } from "../api/client.js";
import { processRuns, type ServiceFolder } from "../state/folder.js";
import { Ledger } from "../state/ledger.js";

export interface Ended {
  /** `terminated`: its manager did; `removed`: there was no manager any more, and what it left is gone. */
  readonly how: "terminated" | "removed";
  /** What a manager that was killed had left, and what of it stays, with the reason. */
  readonly gone: readonly string[];
  readonly stays: readonly string[];
}

/** Ends the service of `folder`; a manager that does not end in `seconds` is killed. */
export async function endService(folder: ServiceFolder, seconds: number): Promise<Ended> {
  const record = folder.read();
  let how: Ended["how"] = "removed";
  if (record !== null && processRuns(record.pid, record.started)) {
    try {
      await new ApiClient(record.url, folder.token() ?? "").call("DELETE", "/v1/service");
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
    }
    const end = Date.now() + seconds * 1000;
    while (processRuns(record.pid, record.started) && folder.exists && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    if (!folder.exists) return { how: "terminated", gone: [], stays: [] };
    if (processRuns(record.pid, record.started)) process.kill(record.pid, "SIGKILL");
    how = "removed";
  }
  const { gone, stays } = await new Ledger(folder.ledgerFile).release();
  if (stays.length === 0) folder.remove();
  return { how, gone, stays };
}
