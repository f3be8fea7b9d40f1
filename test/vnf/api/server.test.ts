// The API of a running service: what it gives, and what it refuses.

import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ApiClient, ApiError } from "../../../src/vnf/api/client.js";
import type { FunctionView, ServiceView } from "../../../src/vnf/api/routes.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import type { InstanceStats } from "../../../src/vnf/instance/protocol.js";
import { Manager } from "../../../src/vnf/manager/manager.js";
import type { ServiceEvent } from "../../../src/vnf/service/events.js";
import { ServiceFolder } from "../../../src/vnf/state/folder.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import { until } from "../../until.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
/** A copy of conf/, since a file of ours in there would be in others' way. */
const CONF = join(home, "conf");
cpSync(fileURLToPath(new URL("../../../../conf/", import.meta.url)), CONF, { recursive: true });
const FILE = join(CONF, "services/two-sites.yaml");
const state = join(home, "state");
let manager: Manager;
let api: ApiClient;

test.before(async () => {
  const world = new SimulatedWorld(1);
  const folder = new ServiceFolder("two-sites", state);
  manager = await Manager.instantiate(readDescriptor(FILE), { world, folder, port: 0 });
  await manager.service.start();
  await world.simulation.runFor(3);
  api = new ApiClient(manager.url, manager.token);
});

test.after(async () => {
  await manager.terminate();
  rmSync(home, { recursive: true, force: true });
});

async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (e) {
    assert.instance(e, ApiError);
    return `${(e as ApiError).status} ${(e as ApiError).code}`;
  }
  throw new Error("it was not refused");
}

/** Status and text of the answer to a request of any kind. */
function raw(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const call = request(`${manager.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve([response.statusCode!, text]));
    });
    call.on("error", reject);
    call.end(body);
  });
}

test("shows the service, its functions and links", async () => {
  const view = await api.get<ServiceView>("/v1/service");
  assert.is(view.name, "two-sites");
  assert.equal(view.links.find((l) => l.name === "core")?.ends, ["ms:core", "xtr1:core", "xtr2:core"]);
  const f = await api.get<FunctionView>("/v1/functions/xtr1");
  assert.equal(
    [f.state, f.isolation, f.pid, f.restarts, f.lastEnd],
    ["started", "inline", process.pid, 0, null],
  );
});

test("gives counters and drops by reason", async () => {
  const stats = await api.get<InstanceStats>("/v1/functions/ms/stats");
  const ms = stats.elements.find((e) => e.name === "ms")!;
  assert.is(ms.counters.registers, 2);
  assert.ok(stats.devices.core.rx_packets > 0);
});

test("reads, writes and lists handlers", async () => {
  const base = "/v1/functions/xtr1/handlers";
  assert.is((await api.get<{ value: string }>(`${base}/registrar.registered`)).value.trim(), "true");
  await api.call("PUT", `${base}/cache.clear`, { value: "" });
  assert.is((await api.get<{ value: string }>(`${base}/cache.size`)).value.trim(), "0");
  const listed = await api.get<{ name: string }[]>(`${base}?element=cache`);
  assert.ok(listed.some((h) => h.name === "clear"));
  assert.is(await refused(api.get(`${base}/nobody.count`)), "404 NO_ELEMENT");
  assert.is(await refused(api.get(`${base}/cache.nothing`)), "404 NO_HANDLER");
});

test("a missing or wrong token is refused, whatever is asked", async () => {
  for (const path of ["/v1/service", "/metrics", "/openapi.json", "/nothing"])
    assert.is((await raw("GET", path, {}))[0], 401);
  const wrong = new ApiClient(manager.url, "x".repeat(manager.token.length));
  assert.is(await refused(wrong.get("/v1/service")), "401 UNAUTHORIZED");
  assert.is((await raw("GET", "/v1/service", { authorization: `Basic ${manager.token}` }))[0], 401);
});

test("who is refused hears how to be let in, and what is allowed", async () => {
  const response = await fetch(`${manager.url}/v1/service`);
  assert.is(response.headers.get("www-authenticate"), "Bearer");
  const headers = { authorization: `Bearer ${manager.token}` };
  const wrong = await fetch(`${manager.url}/v1/service`, { method: "POST", headers });
  assert.equal([wrong.status, wrong.headers.get("allow")], [405, "GET, PUT, DELETE"]);
});

test("a body that is too large is refused, also when its length is not told", async () => {
  const large = "x".repeat(2 ** 20 + 1);
  assert.is(await refused(api.call("PUT", "/v1/service", { descriptor: large })), "413 TOO_LARGE");
  const headers = { authorization: `Bearer ${manager.token}`, "transfer-encoding": "chunked" };
  const [status] = await raw("PUT", "/v1/service", headers, JSON.stringify({ descriptor: large }));
  assert.is(status, 413);
});

test("who is refused hears so also when the answer comes while there is still much to send", async () => {
  // More than sockets hold.
  const large = JSON.stringify({ descriptor: "x".repeat(16 * 2 ** 20) });
  const authorization = `Bearer ${manager.token}`;
  const length = String(large.length);
  for (const [expected, headers] of [
    [413, { authorization, "content-length": length }],
    [413, { authorization, "transfer-encoding": "chunked" }],
    [401, { "content-length": length }],
  ] as const)
    assert.is((await raw("PUT", "/v1/service", headers, large))[0], expected);
  assert.is(await refused(api.call("PUT", "/v1/service", { descriptor: large })), "413 TOO_LARGE");
});

test("a path outside of the service's directory is refused", async () => {
  writeFileSync(join(home, "f.click"), "Idle -> Discard;");
  assert.is(await refused(api.call("PUT", "/v1/service", { file: "../../f.click" })), "409 OUTSIDE");
  assert.is(await refused(api.call("PUT", "/v1/service", { file: "/etc/hostname" })), "409 OUTSIDE");
  assert.is(await refused(api.call("PUT", "/v1/service", { file: "nothing.yaml" })), "404 NO_FILE");
  // A graph of the descriptor, too, and links that lead outside.
  const outside = "service: two-sites\nfunctions: { f: { graph: /etc/hostname } }\n";
  assert.is(await refused(api.call("PUT", "/v1/service", { descriptor: outside })), "422 CONFIGURATION");
  symlinkSync(join(home, "f.click"), join(CONF, "services/f.click"));
  const linked = "service: two-sites\nfunctions: { f: { graph: f.click } }\n";
  assert.is(await refused(api.call("PUT", "/v1/service", { descriptor: linked })), "422 CONFIGURATION");
});

test("requests that mean nothing are refused with what is expected", async () => {
  assert.is(await refused(api.get("/v2")), "404 NOT_FOUND");
  assert.is(await refused(api.call("POST", "/v1/service")), "405 METHOD");
  assert.is(await refused(api.get("/v1/functions/nobody")), "404 NO_FUNCTION");
  assert.is(await refused(api.get("/v1/functions/%zz")), "400 BAD_REQUEST");
  assert.is(await refused(api.get("/v1/events?most=many")), "400 BAD_REQUEST");
  assert.is(await refused(api.get("/v1/events?color=red")), "400 BAD_REQUEST");
  assert.is(
    await refused(api.call("POST", "/v1/functions/xtr1/scale", { replicas: "two" })),
    "400 BAD_REQUEST",
  );
  assert.is(await refused(api.call("PUT", "/v1/service", { descriptor: "{" })), "422 CONFIGURATION");
  const headers = { authorization: `Bearer ${manager.token}` };
  assert.is((await raw("PUT", "/v1/service", headers, "no JSON"))[0], 400);
});

test("faults are injected, and wrong ones refused", async () => {
  await api.call("POST", "/v1/faults", { at: 0, link: "core", loss: "50%", for: "1s" });
  await manager.service.world.simulation!.runFor(2);
  const events = await api.get<ServiceEvent[]>("/v1/events?about=core");
  assert.equal(
    events.map((e) => e.message),
    ['{"loss":0.5}', "over"],
  );
  assert.is(
    await refused(api.call("POST", "/v1/faults", { at: 0, link: "cor", down: true })),
    "422 CONFIGURATION",
  );
});

test("functions are stopped, started, healed, updated and scaled", async () => {
  const state = async (): Promise<string> => (await api.get<FunctionView>("/v1/functions/host1")).state;
  await api.call("POST", "/v1/functions/host1/stop");
  assert.is(await state(), "stopped");
  assert.is(await refused(api.get("/v1/functions/host1/stats")), "409 ENDED");
  await api.call("POST", "/v1/functions/host1/start");
  assert.is(await state(), "started");
  await api.call("POST", "/v1/functions/host1/update");
  await api.call("POST", "/v1/functions/host1/heal");
  assert.is(await state(), "started");
});

test("events can be followed", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const e of api.lines<ServiceEvent>("/v1/events?about=core&follow=true", stop.signal)) {
      seen.push(e.message);
      if (e.message === "down") stop.abort();
    }
  })();
  // What was before comes first: from then on it is followed.
  await until(() => seen.includes("over"), "past events come");
  manager.service.inject({ kind: "link-down", link: "core" });
  await following;
  assert.is(seen.at(-1), "down");
});

test("metrics are in Prometheus's format", async () => {
  const text = String(await api.call("GET", "/metrics"));
  assert.match(text, /^# TYPE sluice_drops_total counter$/m);
  assert.match(text, /^sluice_link_lost_total\{link="core",service="two-sites"\} \d+$/m);
  assert.match(text, /^sluice_up\{function="xtr1",service="two-sites"\} 1$/m);
  assert.match(
    text,
    /^sluice_element_total\{function="ms",element="ms",counter="registers",service="two-sites"\} \d+$/m,
  );
});

test("pairs of a link's ends are told where they are asked for", async () => {
  interface Link {
    ends: string[];
    delay: number;
    pairs: { from: string; to: string; delay: number; packets: number }[];
  }
  const all = await api.get<Link>("/v1/links/core?pairs=true");
  assert.is(all.delay, 0.005);
  assert.ok(all.pairs.some((p) => p.from === "xtr1:core" && p.packets > 0));
  assert.equal((await api.get<Link>("/v1/links/core")).pairs, []);
  const from = (await api.get<Link>("/v1/links/core?from=xtr1")).pairs;
  assert.ok(from.length > 0 && from.every((p) => p.from === "xtr1:core" && all.ends.includes(p.to)));
  const one = (await api.get<Link>("/v1/links/core?from=xtr1&to=ms:core")).pairs;
  assert.equal(
    one.map((p) => [p.from, p.to, p.delay]),
    [["xtr1:core", "ms:core", 0.005]],
  );
  assert.not.match(String(await api.call("GET", "/metrics")), /link_pair/);
  assert.match(
    String(await api.call("GET", "/metrics?pairs=true")),
    /^sluice_link_pair_total\{link="core",from="xtr1:core",to="ms:core",counter="packets",service="two-sites"\} [1-9]/m,
  );
  for (const path of ["/v1/links/cork", "/v1/links/core?from=xtr7"])
    await api.get(path).then(
      () => assert.unreachable(path),
      (e) => assert.match(e.message, /there is no link 'cork'|no end 'xtr7'.*is it 'xtr1'/),
    );
});

test("the OpenAPI document describes every path", async () => {
  const document = await api.get<{ openapi: string; paths: Record<string, object> }>("/openapi.json");
  assert.is(document.openapi, "3.1.0");
  assert.ok(Object.keys(document.paths).length > 10);
  assert.ok("get" in document.paths["/v1/functions/{function}/handlers/{handler}"]);
  assert.ok("get" in document.paths["/openapi.json"]);
});

test("replies are what the OpenAPI document says", async () => {
  interface Operation {
    responses: Record<string, { content?: Record<string, { schema: object }> }>;
  }
  const document = await api.get<{ paths: Record<string, Record<string, Operation>> }>("/openapi.json");
  const ajv = new Ajv({ strict: false });
  const asked: [string, string][] = [
    ["/v1/service", "/v1/service"],
    ["/v1/functions", "/v1/functions"],
    ["/v1/functions/{function}", "/v1/functions/xtr1"],
    ["/v1/functions/{function}/stats", "/v1/functions/xtr1/stats?meter=true"],
    ["/v1/functions/{function}/stats", "/v1/functions/host2/stats"],
    ["/v1/functions/{function}/handlers", "/v1/functions/xtr1/handlers?element=cache"],
    ["/v1/functions/{function}/handlers/{handler}", "/v1/functions/xtr1/handlers/cache.size"],
    ["/v1/links/{link}", "/v1/links/core"],
    ["/v1/links/{link}", "/v1/links/core?pairs=true"],
    ["/v1/links/{link}", "/v1/links/site1?pairs=true"],
    ["/v1/events", "/v1/events"],
  ];
  for (const [path, url] of asked) {
    const { schema } = document.paths[path].get.responses["200"].content!["application/json"];
    const validate = ajv.compile(schema);
    assert.ok(validate(await api.get(url)), `${url}: ${ajv.errorsText(validate.errors)}`);
  }
});

test("a second service of the same name is refused while the first runs", async () => {
  const folder = new ServiceFolder("two-sites", state);
  try {
    await Manager.instantiate(readDescriptor(FILE), { world: new SimulatedWorld(1), folder, port: 0 });
  } catch (e) {
    assert.match((e as Error).message, /^service 'two-sites' runs already \(process \d+\)/);
    return;
  }
  assert.unreachable();
});

test.run();
