// GET /v1/functions/{function}/trace: packets' ways through a function's elements, a JSON object a line, as they come.

import { setTimeout as pause } from "node:timers/promises";
import type { TraceReply } from "../../trace/traced.js";
import type { Call, Route } from "./route.js";

/** Milliseconds between two looks at what is through. */
const LOOK_MS = 50;
/** Bytes that may wait for a caller who does not read; the function keeps what comes then, and bounds it. */
const BACKLOG = 2 ** 20;

export const TRACE: Route = {
  method: "GET",
  path: "/v1/functions/{function}/trace",
  summary:
    "Packets' ways through the function's elements: a JSON object a line for each, as they come, and one with 'end' at last",
  query: {
    filter: { doc: "a pattern as IPClassifier takes, e.g. udp port 4342 (every packet)" },
    count: { doc: "so many packets, at most 10000 (10)", type: "integer" },
    seconds: { doc: "for so long at most (10)", type: "integer" },
    bytes: { doc: "also the packet's bytes at each element, in base64", type: "boolean" },
  },
  reply: { type: "string", description: "Lines of JSON" },
  media: "application/x-ndjson",
  run: trace,
};

async function trace({ service, path, query, response }: Call): Promise<void> {
  const f = service.function(path.function);
  const id = await f.request("trace", {
    filter: query.filter ?? "",
    count: Number(query.count ?? 10),
    seconds: Number(query.seconds ?? 10),
    bytes: query.bytes === "true",
  });
  let gone = response.destroyed;
  response.on("close", () => {
    gone = true;
  });
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  for (let reply: TraceReply | null = null; reply?.end == null; ) {
    try {
      reply = await f.request("traced", { id, stop: gone });
    } catch {
      // The function ended, or nobody read for long: so did the trace.
      reply = { packets: [], end: { end: "stopped", missed: 0 } };
    }
    for (const packet of reply.packets) response.write(`${JSON.stringify(packet)}\n`);
    if (reply.end !== null) response.write(`${JSON.stringify(reply.end)}\n`);
    else {
      do await pause(LOOK_MS);
      while (response.writableLength > BACKLOG && !gone);
    }
  }
  response.end();
}
