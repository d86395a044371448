import { readdirSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { Hono } from "hono";
import { beforeAll, describe, expect, test } from "vitest";

import type { GatewayEnvironment } from "../src/gateway/environment.ts";
import { getPage } from "../src/gateway/web-ui.ts";
import { buildWebUi } from "./support/browser.ts";
import { startGateway } from "./support/gateway.ts";

const built = fileURLToPath(new URL("../dist/web/", import.meta.url));
const html = { accept: "text/html,application/xhtml+xml" };

describe("the web UI, as the gateway serves it", () => {
  beforeAll(buildWebUi, 60_000);

  test("is for browsers; curl gets its greeting", async () => {
    const { url } = await startGateway();
    const greeting = await fetch(url, { headers: { accept: "*/*" } });
    expect(greeting.headers.get("content-type")).toContain("text/plain");
    const page = await fetch(url, { headers: html });
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain('<div id="root">');
  });

  test("runs nothing but its own files, and stands in nobody's frame", async () => {
    const { url } = await startGateway();
    const { headers } = await fetch(url, { headers: html });
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("its files are kept for ever, since their names change with them; the page is asked for anew", async () => {
    const { url } = await startGateway();
    const page = await fetch(url, { headers: html });
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const names = [...(await page.text()).matchAll(/\/assets\/[\w.-]+/g)].map(([name]) => name);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const file = await fetch(url + name);
      expect(file.status).toBe(200);
      expect(file.headers.get("cache-control")).toContain("immutable");
      expect(file.headers.get("content-encoding")).toBe("gzip");
      expect((await file.text()).length).toBeGreaterThan(50);
    }
  });

  test("nothing else is a file, however it is written", async () => {
    const { url } = await startGateway();
    const outside = ["../index.html", "..%2findex.html", "%2e%2e/index.html", "..%5cindex.html", "%00", "x.js", ""];
    const further = ["%2e%2e%2f%2e%2e%2fpackage.json", "/etc/passwd", "constructor", "__proto__", ".built-from"];
    for (const name of [...outside, ...further]) {
      expect([400, 404], name).toContain(await statusOf(`${url}/assets/${name}`));
    }
  });

  test("needs no key itself; what it shows does", async () => {
    const { url } = await startGateway({ access: { keys: [{ name: "app", key: "sk-test-0123456789abcdef" }] } });
    expect((await fetch(url, { headers: html })).status).toBe(200);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  });

  test("when it was not built, the page says how, and the API works", async () => {
    const app = new Hono<GatewayEnvironment>();
    app.get(
      "/",
      getPage(
        async () => undefined,
        () => "hello",
      ),
    );
    const page = await app.request("/", { headers: html });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain("npm run build");
    expect(await (await app.request("/")).text()).toBe("hello");
  });

  test("is small: 120 kB for the first page, 220 kB in all, as they travel", () => {
    const sizeOf = (path: string) => gzipSync(readFileSync(built + path)).length;
    const names = readdirSync(`${built}assets`).map((name) => `assets/${name}`);
    const page = readFileSync(`${built}index.html`, "utf8");
    const first = names.filter((name) => page.includes(name));
    const sum = (paths: string[]) => paths.reduce((total, path) => total + sizeOf(path), 0);
    expect(first.length).toBeGreaterThan(1);
    expect(sum([...first, "index.html"])).toBeLessThan(120_000);
    expect(sum([...names, "index.html"])).toBeLessThan(220_000);
  });
});

/** `fetch` would tidy the path up first. */
function statusOf(url: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  const path = url.slice(url.indexOf("/", "http://".length));
  return new Promise((resolve, reject) => {
    get({ hostname, port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once("error", reject);
  });
}
