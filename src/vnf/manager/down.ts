// Ends a service from outside: in order when its manager answers, and what is left of it when that was killed.

import { ApiClient, ApiError } from "../api/client.js";
import { processRuns, type ServiceFolder, type ServiceRecord, signalled } from "../state/folder.js";
import { endProcess, Ledger } from "../state/ledger.js";

export interface Ended {
  /** `terminated`: its manager did; `killed`: that did not end in time; `removed`: there was no manager any more. */
  readonly how: "terminated" | "killed" | "removed";
  /** What a manager that was killed had left and is gone now, and what of it stays, with the reason. */
  readonly gone: readonly string[];
  readonly stays: readonly string[];
}

/** Ends the service of `folder`; a manager that does not end in `seconds` is killed. */
export async function endService(folder: ServiceFolder, seconds: number): Promise<Ended> {
  const record = folder.read();
  let how: Ended["how"] = "removed";
  if (record !== null && processRuns(record.pid, record.started)) {
    const end = performance.now() + seconds * 1000;
    await askToEnd(record, folder.token(), seconds);
    while (processRuns(record.pid, record.started) && folder.exists && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    if (!folder.exists) return { how: "terminated", gone: [], stays: [] };
    try {
      // Once it is gone it makes nothing more.
      if (await endProcess(record.pid, record.started)) how = "killed";
    } catch (e) {
      return { how: "killed", gone: [], stays: [`process ${record.pid}: ${(e as Error).message}`] };
    }
  }
  const { gone, stays } = await new Ledger(folder.ledgerFile).release();
  if (stays.length === 0) folder.remove();
  return { how, gone, stays };
}

/** By its API; one that has none yet, or does not answer, by a signal. */
async function askToEnd({ url, pid }: ServiceRecord, token: string | null, seconds: number): Promise<void> {
  try {
    if (url !== "" && token !== null) {
      await new ApiClient(url, token).call(
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
  signalled(pid, "SIGTERM");
}
