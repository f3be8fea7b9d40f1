// What the API's caller is told when nobody answers, or not to the end.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ApiClient, ApiError } from "../../../src/vnf/api/client.js";

/** What a call of a server that answers so is refused with. */
async function refusal(answer: (response: ServerResponse) => void, signal?: AbortSignal): Promise<ApiError> {
  const server: Server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await new ApiClient(url, "x").call("GET", "/", undefined, signal);
  } catch (e) {
    assert.instance(e, ApiError, String(e));
    assert.ok((e as Error).message.includes(url));
    return e as ApiError;
  } finally {
    server.closeAllConnections();
    server.close();
  }
  throw new Error("it was not refused");
}

/** Begins an answer of ten bytes. */
function begin(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": 10 });
  response.write('{"a');
}

for (const status of [200, 409])
  test(`a manager that is killed while it answers with ${status} is one that does not answer`, async () => {
    const { code, status: told } = await refusal((response) => {
      begin(response, status);
      response.socket!.end();
    });
    assert.equal([code, told], ["UNREACHABLE", 0]);
  });

test("an answer that does not end in time is too late, as one that does not begin", async () => {
  const half = await refusal((response) => begin(response, 200), AbortSignal.timeout(300));
  const none = await refusal(() => {}, AbortSignal.timeout(300));
  for (const { code, message } of [half, none]) {
    assert.is(code, "UNREACHABLE");
    assert.match(message, /\(too late\)$/);
  }
});

test.run();
