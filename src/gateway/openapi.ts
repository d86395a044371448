import { z } from "zod";

import { accessTo } from "./access.ts";
import { traceSummarySchema } from "./admin-schemas.ts";
import type { Described } from "./openapi-routes.ts";
import { describedRoutes } from "./openapi-routes.ts";

type Document = Record<string, unknown>;

/** The description of the HTTP API, in the form that tools read. */
export function describeApi(version: string): Document {
  const paths: Record<string, Document> = {};
  for (const route of describedRoutes) {
    (paths[route.path] ??= {})[route.method] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Headrace",
      version,
      description:
        "Answers of language models as durable logs. Routes of known protocols take and give what their vendors document; every streaming answer carries `headrace-stream-id`.",
    },
    paths,
    components: {
      schemas: { Error: errorSchema, TraceSummary: jsonSchema(traceSummarySchema, "output") },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "Needed once keys are configured." },
      },
    },
    security: [{}, { bearer: [] }],
  };
}

const errorSchema = {
  type: "object",
  description: "In the form of the protocol that was asked in; on other routes in this one.",
  properties: {
    error: {
      type: "object",
      properties: { message: { type: "string" }, type: { type: "string" }, code: { type: ["string", "null"] } },
      required: ["message"],
    },
  },
  required: ["error"],
};

function operation(route: Described): Document {
  const { summary, tag, body, response, contentType = "application/json" } = route;
  const schema = response === undefined ? {} : { schema: jsonSchema(response, "output") };
  const content = Object.fromEntries([contentType].flat().map((type) => [type, schema]));
  return {
    summary,
    tags: [tag],
    operationId: `${route.method}${route.path.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_all, letter: string) => letter.toUpperCase())}`,
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: { type: "object", description: body, additionalProperties: true } } },
      },
    }),
    responses: {
      "200": { description: "OK", content },
      default: {
        description: "An error",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
    ...accessOf(route),
  };
}

function accessOf({ path }: Described): Document {
  const access = accessTo(path);
  if (access === "anyone") return { security: [{}] };
  return access === "admin" ? { description: "Where keys are in use, for admin keys only." } : {};
}

function pathParameters(path: string): Document[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodObject | undefined): Document[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(query, "input") as {
    properties?: Record<string, Document>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Document {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" });
  return rest;
}
