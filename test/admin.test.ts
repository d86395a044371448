import { describe, expect, test } from "vitest";
import type { z } from "zod";

import {
  setupSchema,
  summarySchema,
  targetsSchema,
  tracePageSchema,
  traceSchema,
} from "../src/gateway/admin-schemas.ts";
import type { AppOptions } from "../src/gateway/app.ts";
import { createApp } from "../src/gateway/app.ts";
import { describedRoutes } from "../src/gateway/openapi-routes.ts";
import { systemClock } from "../src/outside.ts";
import { protocols } from "../src/protocols/all.ts";
import type { Summary, Trace, TracePage } from "../src/records/trace.ts";
import { readFrames, scriptedModel, startGateway } from "./support/gateway.ts";

const keys = {
  keys: [
    { name: "alice", key: "key-of-alice-0123" },
    { name: "bob", key: "key-of-bob-012345" },
  ],
};
const as = (name: "alice" | "bob") => ({
  authorization: `Bearer ${keys.keys.find((key) => key.name === name)?.key}`,
});

interface Asked {
  model?: string;
  headers?: Record<string, string>;
  headrace?: object;
}

async function ask(url: string, { model = "poet", headers = {}, headrace }: Asked = {}): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, headrace, stream: true, messages: [{ role: "user", content: "Hello" }] }),
  });
  await response.text();
  return response.headers.get("headrace-stream-id") ?? "";
}

async function read<Body>(address: string, headers: Record<string, string> = {}, schema?: z.ZodType): Promise<Body> {
  const response = await fetch(address, { headers });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const body = JSON.parse(text) as Body;
  expect(schema?.safeParse(body).error?.issues, `is as described: ${text}`).toBeUndefined();
  return body;
}

const poet = () => scriptedModel(["one ", "two"]).model;
const ids = ({ data }: TracePage) => data.map(({ id }) => id);

describe("the holder of a key", () => {
  test("sees of another's streams nothing at all", async () => {
    const { url } = await startGateway({ models: { poet: poet() }, access: keys });
    const feed = readFrames(await fetch(`${url}/admin/live`, { headers: as("bob") }));
    const secret = await ask(url, { headers: as("alice"), headrace: { tags: { project: "apollo" } } });
    expect((await fetch(`${url}/v1/streams/${secret}/trace`, { headers: as("bob") })).status).toBe(404);
    for (const query of ["", `?q=${secret.slice(0, 8)}`, "?tag=project:apollo", "?model=poet", "?outcome=completed"]) {
      const page = await read<TracePage>(`${url}/admin/streams${query}`, as("bob"));
      expect(ids(page), query).toEqual([]);
    }
    const summary = await read<Summary>(`${url}/admin/summary?by=key`, as("bob"));
    expect(summary).toMatchObject({ totals: { requests: 0 }, groups: [], series: [] });
    for (const format of ["jsonl", "csv"]) {
      const exported = await fetch(`${url}/admin/export?format=${format}`, { headers: as("bob") });
      expect(await exported.text()).not.toContain(secret);
    }
    expect(
      (await fetch(`${url}/v1/streams/${secret}?purge=true`, { method: "DELETE", headers: as("bob") })).status,
    ).toBe(404);
    // The first thing that the feed tells is the reader's own.
    const own = await ask(url, { headers: as("bob") });
    expect((await feed.next()).value).toContain(own);

    expect(ids(await read<TracePage>(`${url}/admin/streams`, as("alice")))).toEqual([secret]);
    const mine = await read<Summary>(`${url}/admin/summary?by=key`, as("alice"));
    expect(mine.groups).toMatchObject([{ key: "alice", requests: 1 }]);
  });

  test("is needed for everything but the description of the API", async () => {
    const { url } = await startGateway({ models: { poet: poet() }, access: keys });
    for (const path of ["streams", "summary", "targets", "live", "setup", "export"]) {
      expect((await fetch(`${url}/admin/${path}`)).status, path).toBe(401);
    }
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
  });
});

describe("the list of streams", () => {
  test("comes in pages, newest first, each stream once", async () => {
    const { url } = await startGateway({ models: { poet: poet() } });
    const asked: string[] = [];
    for (let index = 0; index < 7; index++) asked.push(await ask(url));
    const seen: string[] = [];
    for (let before = ""; ;) {
      const page = await read<TracePage>(`${url}/admin/streams?limit=3${before}`, {}, tracePageSchema);
      seen.push(...ids(page));
      if (page.next === undefined) break;
      before = `&before=${page.next}`;
    }
    expect(seen.toSorted()).toEqual(asked.toSorted());
    const { data } = await read<TracePage>(`${url}/admin/streams`);
    expect(data.map(({ startedAt }) => startedAt)).toEqual(
      data.map(({ startedAt }) => startedAt).toSorted((a, b) => b - a),
    );
  });

  test("is filtered by time, route, model, outcome, state, tag and a part of the id", async () => {
    const failing = async function* () {
      yield "one";
      throw new Error("broken");
    };
    const routes = { best: { targets: ["poet"] } };
    const { url } = await startGateway({ models: { poet: poet(), failing }, routes });
    const routed = await ask(url, { model: "best", headrace: { tags: { user: "a:b", team: "x" } } });
    const plain = await ask(url);
    const failed = await ask(url, { model: "failing" });
    const find = async (query: string) => ids(await read<TracePage>(`${url}/admin/streams?${query}`)).toSorted();
    expect(await find("route=best")).toEqual([routed]);
    expect(await find("model=models/poet")).toEqual([routed, plain].toSorted());
    expect(await find("model=poet")).toEqual([plain]);
    expect(await find("outcome=completed")).toEqual([routed, plain].toSorted());
    expect(await find("outcome=failed")).toEqual([failed]);
    expect(await find("state=open")).toEqual([]);
    expect(await find("tag=user:a:b")).toEqual([routed]);
    expect(await find("tag=user:a")).toEqual([]);
    expect(await find(`q=${plain.slice(5, 15)}`)).toEqual([plain]);
    expect(await find("q=%25")).toEqual([]);
    expect(await find(`to=${Date.now() - 60_000}`)).toEqual([]);
    expect(await find(`from=${Date.now() - 60_000}&to=${Date.now() + 60_000}`)).toHaveLength(3);
    expect(await find(`model=${encodeURIComponent("' OR 1=1 --")}`)).toEqual([]);
  });

  test("says which parameter is wrong", async () => {
    const { url } = await startGateway();
    for (const [query, param] of [
      ["limit=0", "limit"],
      ["limit=x", "limit"],
      ["before=nonsense", "before"],
      ["outcome=fine", "outcome"],
      ["tag=nothing", "tag"],
      ["modle=gpt-4o", "modle"],
    ]) {
      const response = await fetch(`${url}/admin/streams?${query}`);
      expect(response.status, query).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param } });
    }
  });
});

test("sums by model, route and time agree with the streams they are made of", async () => {
  const prices = { "models/poet": { inputPerMillion: 3, outputPerMillion: 7 } };
  const failing = async function* () {
    yield "one";
    throw new Error("broken");
  };
  const { url } = await startGateway({
    models: { poet: poet(), failing },
    routes: { best: { targets: ["poet"] } },
    prices,
  });
  for (const model of ["poet", "best", "best", "failing"]) await ask(url, { model });
  const { data } = await read<TracePage>(`${url}/admin/streams`);
  const total = (pick: (trace: TracePage["data"][number]) => number | undefined) =>
    data.reduce((sum, trace) => sum + (pick(trace) ?? 0), 0);
  for (const by of ["model", "route", "key", "day", "hour"]) {
    const bucketMs = by === "hour" ? 3_600_000 : 24 * 3_600_000;
    const { totals, groups, series } = await read<Summary>(`${url}/admin/summary?by=${by}`, {}, summarySchema);
    expect(totals).toMatchObject({ requests: 4, errors: 1, costUnknown: 1 });
    expect(totals.outputTokens).toBe(total(({ usage }) => usage?.outputTokens));
    expect(totals.cost).toBeCloseTo(
      total(({ cost }) => cost?.total),
      12,
    );
    const times = data.map(({ startedAt }) => Math.floor(startedAt / bucketMs) * bucketMs);
    expect(series.map(({ at }) => at)).toEqual([...new Set(times)].toSorted((a, b) => a - b));
    for (const parts of [groups, series]) {
      expect(parts.reduce((sum, part) => sum + part.requests, 0)).toBe(4);
      expect(parts.reduce((sum, part) => sum + part.inputTokens, 0)).toBe(totals.inputTokens);
    }
  }
  const { groups } = await read<Summary>(`${url}/admin/summary?by=route`);
  expect(groups.map(({ key, requests }) => [key, requests])).toEqual([
    ["(none)", 2],
    ["best", 2],
  ]);
  // What one line of a table stands for is what is summed when it is asked for alone.
  for (const by of ["model", "route", "key"]) {
    const all = await read<Summary>(`${url}/admin/summary?by=${by}`);
    for (const { key, ...sums } of all.groups) {
      const alone = await read<Summary>(`${url}/admin/summary?${by}=${encodeURIComponent(key)}`);
      expect(alone.totals).toEqual(sums);
    }
  }
});

test("targets say how they have been doing", async () => {
  const routes = { best: { targets: ["sim/gpt-4o?fault=500", "sim/gpt-4o"] } };
  const { url } = await startGateway({ routes, reliability: { breakerFailures: 1 } });
  const before = await read<{ data: { name: string }[] }>(`${url}/admin/targets`, {}, targetsSchema);
  expect(before.data.map(({ name }) => name)).toEqual(["sim/gpt-4o?fault=500", "sim/gpt-4o"]);
  await ask(url, { model: "best" });
  const { data } = await read<{ data: { restsUntil?: number }[] }>(`${url}/admin/targets`, {}, targetsSchema);
  expect(data).toMatchObject([
    { health: "resting", successes: 0 },
    { health: "ok", successes: 1, failures: 0, concurrency: { active: 0, queued: 0 } },
  ]);
  expect(Math.abs((data[0]?.restsUntil ?? 0) - Date.now())).toBeLessThan(10 * 60_000);
});

test("what is set up is shown without a secret", async () => {
  const environment = { OPENAI_API_KEY: "sk-very-secret-1", MY_KEY: "sk-very-secret-2" };
  const providers = {
    box: {
      vendor: "openai-compatible",
      baseUrl: "http://user:very-secret-3@127.0.0.1:9/v1",
      headers: { "x-token": "very-secret-4" },
      apiKey: "very-secret-5",
    },
    mine: { vendor: "groq", apiKeyVariable: "MY_KEY" },
  };
  const { url } = await startGateway({ providers }, { environment });
  const setup = await read<{ providers: object[]; missing: object[] }>(`${url}/admin/setup`, {}, setupSchema);
  expect(JSON.stringify(setup)).not.toContain("very-secret");
  expect(setup.providers).toEqual(
    expect.arrayContaining([
      { name: "openai", vendor: "openai", label: "OpenAI", hasKey: true },
      { name: "box", vendor: "openai-compatible", label: "an OpenAI-compatible server", hasKey: true },
      { name: "mine", vendor: "groq", label: "Groq", hasKey: true },
    ]),
  );
  expect(setup.missing).toContainEqual({ vendor: "anthropic", variable: "ANTHROPIC_API_KEY" });
  expect(setup.missing).not.toContainEqual({ vendor: "openai", variable: "OPENAI_API_KEY" });
});

describe("an export", () => {
  test("holds every stream, and nothing that a spreadsheet would compute", async () => {
    const { url } = await startGateway({ models: { poet: poet(), '=1+cmd|"x"': poet(), "+a": poet(), "@b": poet() } });
    const models = ["poet", '=1+cmd|"x"', "+a", "@b"];
    for (const model of models) await ask(url, { model });
    const csv = await (await fetch(`${url}/admin/export?format=csv`)).text();
    const rows = csv.trimEnd().split("\r\n");
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatch(/^id,owner,started_at,model,/);
    expect(csv).toContain(`"'=1+cmd|""x"""`);
    for (const cell of csv.split(/[,\r\n]+/)) expect(cell).not.toMatch(/^"?[=+\-@]/);
    const jsonl = await (await fetch(`${url}/admin/export?format=jsonl`)).text();
    const lines = jsonl
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { model: string });
    expect(lines.map(({ model }) => model).toSorted()).toEqual(models.toSorted());
  });
});

describe("the description of the API", () => {
  test("has every route, and no other", async () => {
    const { url } = await startGateway();
    const { paths } = await read<{ paths: Record<string, object> }>(`${url}/openapi.json`);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.toSorted()).toEqual(describedRoutes.map(({ method, path }) => `${method} ${path}`).toSorted());
    // Only the table of routes is looked at: none of them is called.
    const app = createApp({
      protocols,
      clock: systemClock,
      metrics: async () => ({ contentType: "", text: "" }),
    } as unknown as AppOptions);
    const routes = app.routes.filter(({ method }) => method !== "ALL");
    const real = routes.map(({ method, path }) => {
      const open = path
        .replace(/\/:version\{.*\}\/:target\{.*\}$/, "/{version}/{target}")
        .replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}");
      return `${method.toLowerCase()} ${open}`;
    });
    expect(new Set(described)).toEqual(new Set(real));
  });

  test("tells what a trace is, and traces are so", async () => {
    const { url } = await startGateway({ routes: { best: { targets: ["sim/gpt-4o?fault=500", "sim/gpt-4o"] } } });
    const id = await ask(url, { model: "best", headrace: { tags: { a: "b" } } });
    await read<Trace>(`${url}/v1/streams/${id}/trace`, {}, traceSchema);
    const document = await read<{ paths: Record<string, { get: { responses: object } }> }>(`${url}/openapi.json`);
    expect(JSON.stringify(document.paths["/v1/streams/{id}/trace"]?.get.responses)).toContain("timeToFirstTokenMs");
    expect(JSON.stringify(document)).not.toContain("#/$defs/");
  });
});
