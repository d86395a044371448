import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test } from "vitest";

const run = promisify(execFile);
const entry = new URL("../src/index.ts", import.meta.url).href;

/** Runs one stream in a process of its own. Returns which telemetry packages were loaded before it and after it. */
async function packagesLoaded(telemetry: object): Promise<{ before: string[]; after: string[] }> {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = new Set();
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/(prom-client|@opentelemetry\\/(?!api\\/)[\\w-]+)\\//.exec(url)?.[1];
        if (name !== undefined) loaded.add(name);
        return next(url, context);
      },
    });
    const { createHeadrace } = await import(${JSON.stringify(entry)});
    const config = { log: { store: "memory" }, telemetry: ${JSON.stringify(telemetry)} };
    const headrace = await createHeadrace(config, { environment: {} });
    let before;
    const stream = headrace.stream({ model: "sim/instant", prompt: "hello" });
    for await (const text of stream.text) before ??= [...loaded].toSorted();
    await stream.final;
    await new Promise((resolve) => setTimeout(resolve, 500));
    console.log(JSON.stringify({ before, after: [...loaded].toSorted() }));
    await headrace.close();
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return JSON.parse(stdout) as { before: string[]; after: string[] };
}

test("without telemetry none of its packages is loaded", async () => {
  expect(await packagesLoaded({ metrics: false })).toEqual({ before: [], after: [] });
});

test("nobody waits for the metrics' package to load before the first token", async () => {
  expect(await packagesLoaded({})).toEqual({ before: [], after: ["prom-client"] });
});

test("with a collector, what traces need is loaded", async () => {
  const { before } = await packagesLoaded({ tracesUrl: "http://127.0.0.1:9/v1/traces" });
  expect(before).toEqual(
    expect.arrayContaining(["@opentelemetry/exporter-trace-otlp-proto", "@opentelemetry/sdk-trace"]),
  );
});
