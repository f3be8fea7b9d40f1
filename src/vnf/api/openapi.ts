// The API's description in OpenAPI 3.1, made from its routes.

import { VERSION } from "../../router/version.js";
import type { Route } from "./route.js";
import type { Schema } from "./schemas.js";

const ERROR: Schema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        details: { description: "For descriptors and graphs: every diagnostic, with its place" },
      },
    },
  },
};

/** The document itself, which the server gives without asking the service. */
const DOCUMENT: Route = {
  method: "GET",
  path: "/openapi.json",
  summary: "This description",
  reply: { type: "object" },
  run: () => undefined,
};

export function openApi(routes: readonly Route[]): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of [...routes, DOCUMENT]) {
    paths[route.path] ??= {};
    paths[route.path][route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice service",
      version: VERSION,
      description: "A running service of network functions.",
    },
    security: [{ token: [] }],
    paths,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function operation(route: Route): Schema {
  const parameters: Schema[] = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  for (const [name, { doc, type = "string" }] of Object.entries(route.query ?? {}))
    parameters.push({ name, in: "query", description: doc, schema: { type } });
  const media = route.media ?? "application/json";
  const good =
    route.reply === null
      ? { 204: { description: "Done" } }
      : { 200: { description: "Done", content: { [media]: { schema: route.reply } } } };
  const refused = { description: "Refused", content: { "application/json": { schema: ERROR } } };
  return {
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.path.replace(/[^A-Za-z]+/g, "_")}`.replace(/_$/, ""),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: route.body } } } }),
    responses: { ...good, default: refused },
  };
}
