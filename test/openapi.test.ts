import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { describeApi } from "../src/gateway/openapi.ts";
import { readFrames, scriptedModel, startGateway } from "./support/gateway.ts";
import { databasePath } from "./support/records.ts";

// https://spec.openapis.org/oas/v3.1.1.html, of it what the description uses; whatever else is in it is refused.
const json = z.lazy((): z.ZodType => schemaObject);
const schemaObject: z.ZodType = z.strictObject({
  $ref: z.string().startsWith("#/components/schemas/").optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  properties: z.record(z.string(), json).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.union([z.boolean(), json]).optional(),
  propertyNames: json.optional(),
  items: z.union([z.boolean(), json]).optional(),
  prefixItems: z.array(json).optional(),
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  pattern: z.string().optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});
const content = z.record(z.string().regex(/^[a-z]+\/[a-z-]+$/), z.strictObject({ schema: json.optional() }));
const security = z.array(z.record(z.literal("bearer"), z.array(z.never())).or(z.strictObject({})));
const operation = z.strictObject({
  summary: z.string().min(1),
  description: z.string().optional(),
  tags: z.array(z.string()).length(1),
  operationId: z.string().regex(/^[A-Za-z0-9]+$/),
  parameters: z.array(
    z.discriminatedUnion("in", [
      z.strictObject({ name: z.string(), in: z.literal("path"), required: z.literal(true), schema: json }),
      z.strictObject({
        name: z.string(),
        in: z.literal("query"),
        required: z.boolean(),
        description: z.string().optional(),
        schema: json,
      }),
    ]),
  ),
  requestBody: z.strictObject({ required: z.literal(true), content }).optional(),
  responses: z.strictObject({
    "200": z.strictObject({ description: z.string(), content }),
    default: z.strictObject({ description: z.string(), content }),
  }),
  security: security.optional(),
});
const documentSchema = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(z.string().startsWith("/"), z.partialRecord(z.enum(["get", "post", "delete"]), operation)),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[\w.-]+$/), json),
    securitySchemes: z.strictObject({
      bearer: z.strictObject({ type: z.literal("http"), scheme: z.literal("bearer"), description: z.string() }),
    }),
  }),
  security,
});

type Document = z.infer<typeof documentSchema>;
const described = (): Document => documentSchema.parse(describeApi("1.2.3"));

describe("the description of the API", () => {
  test("is an OpenAPI document", () => {
    expect(documentSchema.safeParse(describeApi("1.2.3")).error).toBeUndefined();
  });

  test("calls each operation by a name of its own, and names what is filled into its path", () => {
    const ids: string[] = [];
    for (const [path, methods] of Object.entries(described().paths)) {
      for (const { operationId, parameters } of Object.values(methods)) {
        ids.push(operationId);
        const names = parameters.filter((one) => one.in === "path").map(({ name }) => name);
        expect(names, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
        const all = parameters.map((one) => `${one.in} ${one.name}`);
        expect(new Set(all).size, path).toBe(all.length);
      }
    }
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  test("refers to nothing that is not in it, and its patterns can be used", () => {
    const document = described();
    const found = { $ref: new Set<string>(), pattern: new Set<string>() };
    JSON.stringify(document, (key, value: unknown) => {
      if ((key === "$ref" || key === "pattern") && typeof value === "string") found[key].add(value);
      return value;
    });
    expect([...found.$ref]).toEqual(["#/components/schemas/Error"]);
    expect(document.components.schemas).toHaveProperty("Error");
    for (const pattern of found.pattern) expect(() => new RegExp(pattern, "u"), pattern).not.toThrow();
    expect(found.pattern.size).toBeGreaterThan(0);
  });
});

type Operation = z.infer<typeof operation>;
type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

const schemaOf = ({ responses }: Operation) => responses["200"].content["application/json"]?.schema;

/** What the description says of the body of an answer. */
function declared(document: Document, path: string, method: "get" | "post" = "get"): z.ZodType {
  const route = document.paths[path]?.[method];
  const schema = route === undefined ? undefined : schemaOf(route);
  if (schema === undefined) throw new Error(`nothing is said of what ${path} answers`);
  return z.fromJSONSchema(schema as JsonSchema);
}

function component(document: Document, name: string): z.ZodType {
  return z.fromJSONSchema(document.components.schemas[name] as JsonSchema);
}

/** A gateway that has answered, failed, gone on after a break, and is in the midst of an answer. */
async function prepare(store: "memory" | "sqlite") {
  const poet = scriptedModel(["one ", "two ", "three"]);
  const letGo = poet.hold(1);
  const broken = async function* () {
    yield "one";
    throw new Error("broken");
  };
  const { url } = await startGateway({
    log: store === "memory" ? { store } : { store, path: databasePath() },
    models: { poet: poet.model, broken },
    routes: {
      best: { targets: ["sim/instant?fault=500", "sim/instant"] },
      joined: { targets: ["sim/instant?words=60&fault=cut@30", "sim/instant?words=60"] },
    },
    prices: { "models/poet": { inputPerMillion: 1, outputPerMillion: 2 } },
  });
  const ask = async (model: string): Promise<Response> => {
    const headers = { "content-type": "application/json", "headrace-tags": "team=search" };
    const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] });
    return fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
  };
  for (const model of ["best", "joined", "broken", "sim/instant?fault=missing-usage"]) await (await ask(model)).text();
  const open = await ask("poet");
  onTestFinished(async () => {
    letGo();
    await open.text();
  });
  const document = documentSchema.parse(await (await fetch(`${url}/openapi.json`)).json());
  return { url, ask, document, open: open.headers.get("headrace-stream-id") ?? "" };
}

describe.each(["memory", "sqlite"] as const)("what is answered is what is described, with the log in %s", (store) => {
  test("on every route that has a description of its answer", async () => {
    const { url, document, open } = await prepare(store);
    const isAsDescribed = async (path: string, address = path): Promise<unknown> => {
      const response = await fetch(url + address);
      const text = await response.text();
      expect(response.status, text).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      const body = JSON.parse(text) as unknown;
      expect(declared(document, path).safeParse(body).error?.issues, `${address}: ${text}`).toBeUndefined();
      return body;
    };
    const addresses: Record<string, readonly string[]> = {
      "/admin/key": [""],
      "/admin/streams": ["", "?limit=2", "?state=open", "?outcome=failed", "?tag=team:search"],
      "/admin/summary": ["model", "operation", "route", "key", "day", "hour"].map((by) => `?by=${by}`),
      "/admin/targets": [""],
      "/admin/setup": [""],
    };
    for (const [path, queries] of Object.entries(addresses)) {
      for (const query of queries) await isAsDescribed(path, path + query);
    }
    const { data } = (await isAsDescribed("/admin/streams")) as { data: { id: string; seamCount: number }[] };
    expect(data).toHaveLength(5);
    expect(data.some(({ seamCount }) => seamCount > 0)).toBe(true);
    for (const { id } of data) await isAsDescribed("/v1/streams/{id}/trace", `/v1/streams/${id}/trace`);
    const broken = await fetch(`${url}/v1/streams/${open}/break`, { method: "POST" });
    expect(broken.status).toBe(200);
    expect(declared(document, "/v1/streams/{id}/break", "post").safeParse(await broken.json()).error).toBeUndefined();

    // What is described and not asked here would go unnoticed.
    const answering = Object.entries(document.paths).filter(([, methods]) => Object.values(methods).some(schemaOf));
    const asked = [...Object.keys(addresses), "/v1/streams/{id}/trace", "/v1/streams/{id}/break"];
    expect(answering.map(([path]) => path).toSorted()).toEqual(asked.toSorted());
  });

  test("in each line of an export, and each event of the live feed", async () => {
    const { url, ask, document } = await prepare(store);
    const summary = component(document, "TraceSummary");
    const types = Object.keys(document.paths["/admin/export"]?.get?.responses["200"].content ?? {});
    const [lines, table] = await Promise.all(
      ["jsonl", "csv"].map((format) => fetch(`${url}/admin/export?format=${format}`)),
    );
    const sent = [lines, table].map((response) => response?.headers.get("content-type")?.split(";")[0]);
    expect(sent).toEqual(types);
    const exported = ((await lines?.text()) ?? "").trim().split("\n");
    expect(exported).toHaveLength(5);
    for (const line of exported) expect(summary.safeParse(JSON.parse(line)).error, line).toBeUndefined();
    const live = await fetch(`${url}/admin/live`);
    expect(live.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const feed = readFrames(live);
    await (await ask("best")).text();
    const frame = (await feed.next()).value ?? "";
    expect(summary.safeParse(JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "")).error, frame).toBeUndefined();
    await feed.return();
  });

  test("in errors", async () => {
    const { url, document } = await prepare(store);
    const error = component(document, "Error");
    for (const [path, status] of [
      ["/admin/streams?limit=x", 400],
      ["/admin/summary?by=mood", 400],
      ["/v1/streams/st_nobody/trace", 404],
      ["/v1/streams/st_nobody", 404],
      ["/admin/nowhere", 404],
    ] as const) {
      const response = await fetch(url + path);
      expect(response.status, path).toBe(status);
      expect(error.safeParse(await response.json()).error, path).toBeUndefined();
    }
  });
});
