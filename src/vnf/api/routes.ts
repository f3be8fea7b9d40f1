// What the API offers: paths, what they take and give. The server serves these, and the OpenAPI document describes them.

import { resolve } from "node:path";
import { endName } from "../descriptor/ends.js";
import { ServiceError } from "../service/error.js";
import type { LinkConditions, PairView, Service } from "../service/service.js";
import type { Call, Route } from "./route.js";
import {
  EVENTS,
  FUNCTION,
  FUNCTIONS,
  HANDLERS,
  LINES,
  LINK,
  type Schema,
  SERVICE,
  STATS,
} from "./schemas.js";
import { TRACE } from "./trace-route.js";

const NAME: Schema = { type: "string" };
const TEXT: Schema = {
  type: "object",
  required: ["value"],
  additionalProperties: false,
  properties: { value: NAME },
};

/** The routes of one service. `terminate` ends it and its API; `applyText` and `applyFile` read descriptors for it. */
export function routes(actions: Actions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/service",
      summary: "The service: its functions and links",
      reply: SERVICE,
      run: ({ service }) => serviceView(service),
    },
    {
      method: "PUT",
      path: "/v1/service",
      summary: "Makes the service what another descriptor says, touching only what differs",
      body: {
        type: "object",
        additionalProperties: false,
        properties: {
          descriptor: { type: "string", description: "A descriptor's YAML" },
          file: { type: "string", description: "Its file, inside the service's directory" },
        },
        oneOf: [{ required: ["descriptor"] }, { required: ["file"] }],
      },
      reply: { type: "object", required: ["changes"], properties: { changes: LINES } },
      run: async ({ body }) => ({ changes: await actions.apply(body as ApplyBody) }),
    },
    {
      method: "DELETE",
      path: "/v1/service",
      summary: "Terminates the service and its manager",
      reply: null,
      run: () => actions.terminate(),
    },
    {
      method: "GET",
      path: "/v1/functions",
      summary: "Every instance of a function and its state",
      reply: FUNCTIONS,
      run: ({ service }) => [...service.functions.keys()].map((name) => functionView(service, name)),
    },
    {
      method: "GET",
      path: "/v1/functions/{function}",
      summary: "One instance",
      reply: FUNCTION,
      run: ({ service, path }) => functionView(service, path.function),
    },
    ...(["start", "stop", "heal", "update"] as const).map(
      (verb): Route => ({
        method: "POST",
        path: `/v1/functions/{function}/${verb}`,
        summary: VERBS[verb],
        reply: FUNCTION,
        run: async ({ service, path }) => {
          const f = service.function(path.function);
          if (verb === "start") await f.start();
          else if (verb === "stop") await f.stop();
          else await service[verb](f.name);
          return functionView(service, f.name);
        },
      }),
    ),
    {
      method: "POST",
      path: "/v1/functions/{function}/scale",
      summary: "Changes how many replicas a function has",
      body: {
        type: "object",
        required: ["replicas"],
        additionalProperties: false,
        properties: { replicas: { type: "integer", minimum: 0, maximum: 5000 } },
      },
      reply: FUNCTIONS,
      run: async ({ service, path, body }) => {
        await service.scale(path.function, (body as { replicas: number }).replicas);
        return [...service.functions.keys()].map((name) => functionView(service, name));
      },
    },
    {
      method: "GET",
      path: "/v1/functions/{function}/stats",
      summary: "Counters of the function's elements and devices, drops by reason, memory",
      query: { meter: { doc: "also count and time what passes each element", type: "boolean" } },
      reply: STATS,
      run: ({ service, path, query }) =>
        service.function(path.function).request("stats", { meter: query.meter === "true" }),
    },
    {
      method: "GET",
      path: "/v1/functions/{function}/handlers",
      summary: "The handlers of an element, or the global ones",
      query: { element: { doc: "the element's name" } },
      reply: HANDLERS,
      run: ({ service, path, query }) =>
        service.function(path.function).request("handlers", { element: query.element ?? null }),
    },
    {
      method: "GET",
      path: "/v1/functions/{function}/handlers/{handler}",
      summary: "Reads a handler, ELEMENT.HANDLER",
      query: { parameters: { doc: "what the handler takes" } },
      reply: TEXT,
      run: async ({ service, path, query }) => {
        const request = { path: path.handler, parameters: query.parameters ?? "" };
        return { value: await service.function(path.function).request("read", request) };
      },
    },
    {
      method: "PUT",
      path: "/v1/functions/{function}/handlers/{handler}",
      summary: "Writes a handler, ELEMENT.HANDLER",
      body: TEXT,
      reply: null,
      run: ({ service, path, body }) => {
        const { value } = body as { value: string };
        return service.function(path.function).request("write", { path: path.handler, value });
      },
    },
    {
      method: "GET",
      path: "/v1/links/{link}",
      summary: "What a link does to packets now, and its pairs of ends, where they are asked for",
      query: {
        pairs: { doc: "all pairs that have something of their own or have carried packets", type: "boolean" },
        from: { doc: "those from this end: INSTANCE, or INSTANCE:DEVICE" },
        to: { doc: "those to this end" },
      },
      reply: LINK,
      run: ({ service, path, query }) => linkView(service, path.link, query),
    },
    TRACE,
    {
      method: "GET",
      path: "/v1/events",
      summary:
        "What happened: states, lines that elements wrote, faults; with follow a JSON object a line, as they come",
      query: {
        about: { doc: "only of this function or link" },
        after: { doc: "only those with a greater number", type: "integer" },
        most: { doc: "at most so many, the latest (1000)", type: "integer" },
        follow: { doc: "go on until the caller goes", type: "boolean" },
      },
      reply: EVENTS,
      run: events,
    },
    {
      method: "POST",
      path: "/v1/faults",
      summary: "Injects a fault, as descriptors write them under 'faults'",
      body: { type: "object" },
      reply: null,
      run: ({ body }) => actions.fault(body),
    },
    {
      method: "GET",
      path: "/metrics",
      summary: "Metrics in Prometheus's text format",
      query: { pairs: { doc: "also those of each pair of a link's ends", type: "boolean" } },
      reply: { type: "string" },
      media: "text/plain; version=0.0.4; charset=utf-8",
      run: ({ query }) => actions.metrics(query.pairs === "true"),
    },
  ];
}

const VERBS = {
  start: "Starts a function that is stopped",
  stop: "Stops a function in order",
  heal: "Starts a function anew",
  update: "Hot swap: the function's graph as its file is now, with its state",
} as const;

export type ApplyBody = { readonly descriptor: string } | { readonly file: string };

/** What routes ask of the manager. */
export interface Actions {
  apply(body: ApplyBody): Promise<string[]>;
  terminate(): Promise<void>;
  fault(document: unknown): void;
  /** `pairs`: also of each pair of a link's ends. */
  metrics(pairs: boolean): Promise<string>;
}

export interface FunctionView {
  /** Of the instance. */
  readonly name: string;
  readonly function: string;
  readonly state: string;
  readonly isolation: string;
  readonly graph: string;
  /** Null while it does not run. */
  readonly pid: number | null;
  /** Seconds; null while it does not run. */
  readonly uptime: number | null;
  readonly restarts: number;
  /** Why it ended last; null when it never did. */
  readonly lastEnd: string | null;
  /** Null: it is no virtual machine. `hypervisor` null: on its way from one to another. */
  readonly vm: { readonly hypervisor: string | null } | null;
}

function functionView(service: Service, name: string): FunctionView {
  const f = service.function(name);
  return {
    name,
    function: f.descriptor.name,
    state: f.state,
    isolation: f.descriptor.isolation,
    graph: f.descriptor.graph,
    pid: f.instance?.pid ?? null,
    uptime: f.uptime,
    restarts: f.restarts,
    lastEnd: f.lastEnd?.message ?? null,
    vm: f.descriptor.vm === null ? null : { hypervisor: service.guests.at(name) },
  };
}

export interface ServiceView {
  readonly name: string;
  readonly description: string;
  readonly file: string;
  readonly simulated: boolean;
  /** Seconds since its world began. */
  readonly now: number;
  readonly functions: readonly FunctionView[];
  readonly links: readonly { readonly name: string; readonly ends: readonly string[] }[];
}

export interface LinkView extends Omit<LinkConditions, "pairs"> {
  readonly name: string;
  readonly ends: readonly string[];
  readonly lost: number;
  /** Those asked for. */
  readonly pairs: readonly PairView[];
}

function linkView(service: Service, link: string, query: Readonly<Record<string, string>>): LinkView {
  const { pairs: _, ...conditions } = service.conditions(link);
  const { from = null, to = null } = query;
  const asked = query.pairs === "true" || from !== null || to !== null;
  const pairs = asked ? service.pairs(link, from, to) : [];
  return { name: link, ends: endsOfLink(service, link), ...conditions, lost: service.lost(link), pairs };
}

function endsOfLink({ functions, guests }: Service, link: string): string[] {
  return [...functions.values()]
    .filter((f) => f.descriptor.vm === null || guests.at(f.name) !== null)
    .flatMap((f) =>
      f.descriptor.devices.flatMap((d) => ("link" in d && d.link === link ? [endName(f.name, d.name)] : [])),
    );
}

function serviceView(service: Service): ServiceView {
  const { descriptor, world } = service;
  return {
    name: descriptor.name,
    description: descriptor.description,
    file: resolve(descriptor.file),
    simulated: world.simulation !== null,
    now: world.now(),
    functions: [...service.functions.keys()].map((name) => functionView(service, name)),
    links: [...descriptor.links.keys()].map((name) => ({ name, ends: endsOfLink(service, name) })),
  };
}

function events({ service, query, request, response }: Call): unknown {
  const most = Number(query.most ?? 1000);
  known(service, query.about);
  const past = service.events.latest(most, query.about, Number(query.after ?? 0));
  if (query.follow !== "true") return past;
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const send = (event: unknown): void => {
    // A caller that does not read is not waited for.
    if (response.writableLength < BACKLOG) response.write(`${JSON.stringify(event)}\n`);
  };
  for (const event of past) send(event);
  const stop = service.events.watch((event) => {
    if (query.about === undefined || event.about === query.about) send(event);
  });
  request.on("close", stop);
  return undefined;
}

/** Whether events can be about it: also about what is gone by now. Throws ServiceError. */
function known(service: Service, about: string | undefined): void {
  const { functions, events, descriptor } = service;
  if (about === undefined || about === "service" || functions.has(about) || descriptor.links.has(about))
    return;
  if (events.latest(1, about).length > 0) return;
  const names = [...functions.keys(), ...descriptor.links.keys()].join(", ");
  throw new ServiceError("NO_FUNCTION", `there is no function or link '${about}' (there are ${names})`);
}

/** Bytes that may wait for a caller who follows. */
const BACKLOG = 2 ** 20;
