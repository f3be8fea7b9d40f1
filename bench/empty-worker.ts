// A worker thread that does nothing: what a thread costs before anything runs in it.

import { parentPort } from "node:worker_threads";

parentPort!.postMessage("here");
// Until it is told to end.
parentPort!.once("message", () => {});
