import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import { describedRoutes } from "../src/gateway/openapi-routes.ts";
import type { ConfigInput } from "../src/index.ts";
import { createHeadrace } from "../src/index.ts";
import type { Summary, Trace, TracePage } from "../src/records/trace.ts";
import { configFromEnvironment } from "../src/config/environment.ts";
import { readFrames, scriptedModel, startGateway } from "./support/gateway.ts";
import { temporaryFolder } from "./support/process.ts";

const keyOf = (name: string): string => `canary-${name}-0123456789abcdef`;
const keys = [
  { name: "ann", key: keyOf("ann") },
  { name: "bob", key: keyOf("bob") },
  { name: "ops", key: keyOf("ops"), role: "admin" as const },
];
const secret = "the canary sings";

async function start(config: ConfigInput = {}) {
  const script = scriptedModel([`${secret} `, "loudly"]);
  const { url } = await startGateway(
    { models: { poet: script.model }, access: { keys }, ...config },
    { report: () => {} },
  );
  const as = (name: string, path: string, { headers, ...init }: RequestInit = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      ...init,
      headers: {
        ...(headers as Record<string, string>),
        ...(name !== "" && { authorization: `Bearer ${keyOf(name)}` }),
      },
    });
  const json = async <Body>(name: string, path: string): Promise<Body> => {
    const response = await as(name, path);
    expect(response.status, path).toBe(200);
    return (await response.json()) as Body;
  };
  /** A response of OpenAI's kind, so that it has every kind of address. */
  const begin = async (name: string): Promise<string> => {
    const response = await as(name, "/v1/responses", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "poet", input: "go", stream: true }),
    });
    expect(response.status).toBe(200);
    void response.text().catch(() => {});
    return response.headers.get("headrace-stream-id") as string;
  };
  return { url, script, as, json, begin };
}

const ids = ({ data }: TracePage): string[] => data.map(({ id }) => id);

describe("who may call what", () => {
  test("every route is open to those in this table and to nobody else", async () => {
    const { as } = await start();
    const table: Record<string, string[]> = { anyone: [], user: [], admin: [] };
    for (const { method, path } of describedRoutes) {
      const statusOf = async (name: string): Promise<number> => {
        const asked =
          path === "/{version}/{target}" ? "/v1beta/models/poet:generateContent" : path.replaceAll(/\{\w+\}/g, "st_0");
        const response = await as(name, asked, { method: method.toUpperCase() });
        await response.body?.cancel();
        return response.status;
      };
      const refused = (status: number) => status === 401 || status === 403;
      const [nobody, user, admin] = [await statusOf(""), await statusOf("ann"), await statusOf("ops")];
      expect([refused(admin), path]).toEqual([false, path]);
      table[!refused(nobody) ? "anyone" : !refused(user) ? "user" : "admin"]?.push(`${method} ${path}`);
    }
    expect(table["admin"]).toEqual(["get /admin/targets", "get /admin/setup", "get /metrics"]);
    expect(table["anyone"]).toEqual([
      "get /health",
      "get /health/live",
      "get /healthz",
      "get /health/ready",
      "get /readyz",
      "get /",
      "get /assets/{name}",
      "get /openapi.json",
    ]);
    expect(table["user"]).toContain("get /admin/streams");
  });

  test("what is not listed under /admin is for admins only, so a new page is closed until somebody opens it", async () => {
    const { as } = await start();
    for (const path of ["/admin", "/admin/", "/admin/new", "/admin/streams/", "/admin/setup/x"]) {
      expect([path, (await as("ann", path)).status, (await as("ops", path)).status]).toEqual([path, 403, 404]);
    }
  });

  test("whoever is refused is told which kind of key it takes", async () => {
    const { as } = await start();
    const response = await as("ann", "/admin/setup");
    const { error } = (await response.json()) as { error: { message: string } };
    expect([response.status, error.message]).toEqual([403, expect.stringMatching(/admin key.*HEADRACE_ADMIN_KEYS/)]);
  });

  test("a key can be asked what it is, and without keys everything is open", async () => {
    const { json } = await start();
    expect(await json("ann", "/admin/key")).toEqual({ name: "ann", role: "user" });
    expect(await json("ops", "/admin/key")).toEqual({ name: "ops", role: "admin" });
    const open = await start({ access: {} });
    expect(await open.json("", "/admin/key")).toEqual({ role: "admin" });
    for (const path of ["/metrics", "/admin/targets", "/admin/setup"]) {
      expect((await open.as("", path)).status).toBe(200);
    }
  });
});

type Try = [path: string, init: RequestInit];

/** Every way to get at a stream. */
function triesFor(id: string): Try[] {
  const response = id.replace("st_", "resp_");
  const headers = { "content-type": "application/json", "x-request-id": "req_1" };
  const resuming = { headers: { ...headers, "last-event-id": `${id}:1-1` } };
  const goingOn = JSON.stringify({ model: "poet", input: "go", previous_response_id: response });
  return [
    [`/v1/streams/${id}`, { headers }],
    [`/v1/streams/${id}?as=text&after=1-0`, { headers }],
    [`/v1/streams/${id}/trace`, { headers }],
    [`/v1/streams/${id}/break`, { headers, method: "POST" }],
    [`/v1/streams/${id}`, { headers, method: "DELETE" }],
    [`/v1/streams/${id}?purge=true`, { headers, method: "DELETE" }],
    [`/v1/responses/${response}`, { headers }],
    [`/v1/responses/${response}?stream=true&starting_after=0`, { headers }],
    [`/v1/responses/${response}/input_items`, { headers }],
    [`/v1/responses/${response}/cancel`, { headers, method: "POST" }],
    [`/v1/responses/${response}`, { headers, method: "DELETE" }],
    ["/v1/responses", { headers, method: "POST", body: goingOn }],
    ["/stream?prompt=go&model=poet", resuming],
    ...["/v1/chat/completions", "/v1/messages", "/api/chat", "/generate"].map((path): Try => [
      path,
      { ...resuming, method: "POST", body: "{}" },
    ]),
    [`/v1/streams?before=${id}`, { headers }],
  ];
}

describe("another user's stream", () => {
  test("is not there on any route: not to read, go on with, answer to, stop, break, delete, list or sum", async () => {
    const { as, begin } = await start();
    const id = await begin("ann");
    const tries = triesFor(id);
    for (const [index, [path, init]] of triesFor("st_unknown").entries()) {
      const unknown = await as("bob", path, init);
      const foreign = await as("bob", ...(tries[index] as Try));
      expect([path, foreign.status]).toEqual([path, 404]);
      // And nobody can tell that there is one.
      expect((await foreign.text()).replaceAll(id.slice("st_".length), "unknown")).toBe(await unknown.text());
    }
    for (const path of [
      "/v1/streams",
      "/admin/streams",
      `/admin/streams?q=${id}`,
      "/admin/export",
      "/admin/summary?by=key",
    ]) {
      expect(await (await as("bob", path)).text(), path).not.toMatch(new RegExp(`${id}|ann|poet`));
    }
    expect(await (await as("ann", `/v1/streams/${id}?as=text`)).text()).toContain(secret);
  });
});

describe("keys", () => {
  test("are in no list, sum, export, trace, metric or configuration, whoever is asked", async () => {
    const reports: string[] = [];
    const script = scriptedModel(["hi"]);
    const { url } = await startGateway(
      { models: { poet: script.model }, access: { keys } },
      { report: (error, id) => void reports.push(`${id} ${error.message} ${error.stack}`) },
    );
    const asking = (key: string, path: string, init: RequestInit = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } });
    const body = JSON.stringify({ model: "poet", prompt: "go" });
    for (const key of [...keys.map((entry) => entry.key), "canary-of-nobody"]) {
      await (await asking(key, "/v1/streams", { method: "POST", body })).text();
      await (await asking(key, `/v1/streams/st_0?after=${key}`)).text();
    }
    const said: string[] = [];
    for (const path of [
      "/admin/streams",
      "/admin/export",
      "/admin/export?format=csv",
      "/admin/summary?by=key",
      "/admin/setup",
      "/admin/targets",
      "/admin/key",
      "/metrics",
    ]) {
      const response = await asking(keyOf("ops"), path);
      expect(response.status).toBe(200);
      said.push(await response.text());
    }
    const hashes = keys.map(({ key }) => createHash("sha256").update(key).digest("hex"));
    for (const hidden of [...hashes, "canary-"]) expect(`${said.join()}${reports.join()}`).not.toContain(hidden);
  });
});

describe("an admin key", () => {
  test("sees the records of all streams: lists, sums, export, traces, live", async () => {
    const { as, json, begin } = await start();
    const feed = readFrames(await as("ops", "/admin/live"));
    const hers = await begin("ann");
    expect((await feed.next()).value).toContain(hers);
    const his = await begin("bob");
    expect(new Set(ids(await json<TracePage>("ops", "/admin/streams")))).toEqual(new Set([hers, his]));
    const { groups } = await json<Summary>("ops", "/admin/summary?by=key");
    expect(groups.map(({ key }) => key).toSorted()).toEqual(["ann", "bob"]);
    expect(await (await as("ops", "/admin/export")).text()).toContain(his);
    expect(await json<Trace>("ops", `/v1/streams/${hers}/trace`)).toMatchObject({ id: hers, owner: "ann" });
    // Its own list is still its own.
    expect(await json("ops", "/v1/streams")).toMatchObject({ data: [] });
  });

  test("stops a runaway stream, and deletes what is kept of one", async () => {
    const { script, as, begin } = await start();
    script.hold(1);
    const runaway = await begin("ann");
    const stopped = await as("ops", `/v1/streams/${runaway}`, { method: "DELETE" });
    expect(await stopped.json()).toMatchObject({ id: runaway, state: "closed" });
    expect(script.aborted).toBe(true);
    expect((await as("ops", `/v1/streams/${runaway}?purge=true`, { method: "DELETE" })).status).toBe(200);
    expect((await as("ann", `/v1/streams/${runaway}`)).status).toBe(404);
    expect((await as("ops", `/v1/streams/${runaway}/trace`)).status).toBe(404);
  });

  test("does not read what others were told", async () => {
    const { as, begin } = await start();
    const hers = await begin("ann");
    for (const path of [`/v1/streams/${hers}`, `/v1/streams/${hers}?as=text`, `/v1/streams/${hers}?after=1-1`]) {
      const response = await as("ops", path);
      expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("key that started it")]);
    }
    const response = hers.replace("st_", "resp_");
    for (const path of [
      `/v1/responses/${response}`,
      `/v1/responses/${response}?stream=true`,
      `/v1/responses/${response}/input_items`,
    ]) {
      expect([path, (await as("ops", path)).status]).toEqual([path, 404]);
    }
    expect(await (await as("ops", `/v1/streams/${hers}/trace`)).text()).not.toContain(secret);
  });
});

describe("a key without a name", () => {
  const gatewayWith = async (variables: Record<string, string>, path: string) => {
    const { input } = configFromEnvironment(variables);
    const config = { ...input, models: { poet: scriptedModel(["hi"]).model }, log: { store: "sqlite" as const, path } };
    return createHeadrace(config, { environment: {} });
  };
  const ask = (path: string, key: string, init: RequestInit = {}) =>
    new Request(`http://localhost${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    });
  const [first, second] = [keyOf("first"), keyOf("second")];

  test("keeps its streams when the variable is reordered, and no other key gets them", async () => {
    const path = `${await temporaryFolder()}/headrace.db`;
    const before = await gatewayWith({ HEADRACE_API_KEYS: `${first},${second}` }, path);
    const body = JSON.stringify({ model: "poet", prompt: "go" });
    const started = await before.fetch(ask("/v1/streams", first, { method: "POST", body }));
    await started.text();
    const id = started.headers.get("headrace-stream-id") as string;
    await before.close();

    const after = await gatewayWith({ HEADRACE_API_KEYS: `${second},${first}` }, path);
    expect((await after.fetch(ask(`/v1/streams/${id}`, second))).status).toBe(404);
    expect((await after.fetch(ask(`/v1/streams/${id}/trace`, second))).status).toBe(404);
    expect((await after.fetch(ask(`/v1/streams/${id}`, first))).status).toBe(200);
    const trace = (await (await after.fetch(ask(`/v1/streams/${id}/trace`, first))).json()) as Trace;
    expect(trace.owner).toMatch(/^key-[0-9a-f]{12}$/);
    await after.close();
  });

  test("is named by what nobody can find it from, and the same as a key or as its hash", async () => {
    const hash = createHash("sha256").update(first).digest("hex");
    const nameOf = async (key: { key: string } | { keyHash: string }): Promise<string> => {
      const headrace = await createHeadrace({ access: { keys: [key] }, log: { store: "memory" } }, { environment: {} });
      const { name } = (await (await headrace.fetch(ask("/admin/key", first))).json()) as { name: string };
      await headrace.close();
      return name;
    };
    const name = await nameOf({ key: first });
    expect(await nameOf({ keyHash: `sha256:${hash}` })).toBe(name);
    expect(hash).not.toContain(name.slice("key-".length));
    expect(first).not.toContain(name.slice("key-".length));
  });

  test("cannot be a user's and an admin's at once", async () => {
    const variables = { HEADRACE_API_KEYS: `ann=${first}`, HEADRACE_ADMIN_KEYS: `ops=${first}` };
    const starting = gatewayWith(variables, `${await temporaryFolder()}/headrace.db`);
    await expect(starting).rejects.toThrow(/"ann" \(user\) and "ops" \(admin\) are the same key/);
    await expect(starting).rejects.not.toThrow(first);
  });
});
