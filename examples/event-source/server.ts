// Serves a page that reads answers with nothing but the browser's own EventSource, and the gateway behind it.
import { readFile } from "node:fs/promises";

import { createHeadrace, serve } from "../../src/index.ts"; // Users write: from "headrace"

const page = await readFile(new URL("index.html", import.meta.url));
const headrace = await createHeadrace({ log: { store: "memory" } });

const server = await serve(
  {
    ...headrace,
    async fetch(request, bindings) {
      if (new URL(request.url).pathname !== "/") return headrace.fetch(request, bindings);
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
    },
  },
  { port: Number(process.env["PORT"] ?? 8484) },
);
console.log(`Open ${server.url}`);
process.once("SIGTERM", () => void server.close({ drainMs: 0 }));
process.once("SIGINT", () => void server.close({ drainMs: 0 }));
