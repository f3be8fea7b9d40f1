// Ends a service from outside: in order when its manager answers, and what is left of it when that was killed.

import { endProcess, processRuns, signalProcess } from "../../system/processes.js";
import { ApiClient, ApiError } from "../api/client.js";
import type { ServiceFolder, ServiceRecord } from "../state/folder.js";
import { Ledger } from "../state/ledger.js";

export interface Ended {
  /**
   * `terminated`: its manager did; `killed`: that did not end in time; `removed`: there was no manager any more; `stays`:
   * its manager cannot be ended.
   */
  readonly how: "terminated" | "killed" | "removed" | "stays";
  /** What a manager that was killed had left and is gone now, and what of it stays, with the reason. */
  readonly gone: readonly string[];
  readonly stays: readonly string[];
}

/**
 * Ends the service of `folder`; a manager that does not end in `seconds` is killed. Rejects with NotOwnError or
 * StateError, before anything is ended or removed, where the folder or what it says could be somebody else's.
 */
export async function endService(folder: ServiceFolder, seconds: number): Promise<Ended> {
  const record = folder.read();
  if (record === null) return { how: "removed", gone: [], stays: [] };
  const ledger = new Ledger(folder.ledgerFile);
  const token = folder.token();
  // Looked at before anything is done: it would be believed afterwards.
  ledger.resources();
  let how: Ended["how"] = "removed";
  if (processRuns(record)) {
    const end = performance.now() + seconds * 1000;
    try {
      await askToEnd(record, token, seconds);
      while (processRuns(record) && folder.exists && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (!folder.exists) return { how: "terminated", gone: [], stays: [] };
      // Once it is gone it makes nothing more.
      how = (await endProcess(record)) ? "killed" : "terminated";
    } catch (e) {
      return { how: "stays", gone: [], stays: [`process ${record.pid}: ${(e as Error).message}`] };
    }
  }
  const { gone, stays } = await ledger.release();
  const foreign = stays.length === 0 ? folder.remove(record) : [];
  if (foreign.length > 0) stays.push(`${folder.path}: it holds what is no service's: ${foreign.join(", ")}`);
  return { how, gone, stays };
}

/** By its API; one that has none yet, or does not answer, by a signal. */
async function askToEnd(record: ServiceRecord, token: string | null, seconds: number): Promise<void> {
  try {
    if (record.url !== "" && token !== null) {
      await new ApiClient(record.url, token).call(
        "DELETE",
        "/v1/service",
        undefined,
        AbortSignal.timeout(seconds * 1000),
      );
      return;
    }
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
  }
  signalProcess(record, "SIGTERM");
}
