import type { JsonObject } from "../../../src/core/json.ts";

export type SnippetName = "curl" | "openai-js" | "openai-python" | "fetch";

export interface SnippetOptions {
  origin: string;
  /** The gateway asks for a key: which one is never written into a snippet. */
  hasKey: boolean;
}

export const snippetNames: readonly { name: SnippetName; title: string }[] = [
  { name: "curl", title: "curl" },
  { name: "openai-js", title: "OpenAI for JavaScript" },
  { name: "openai-python", title: "OpenAI for Python" },
  { name: "fetch", title: "fetch" },
];

/** The same request, from a program. */
export function writeSnippet(name: SnippetName, body: JsonObject, options: SnippetOptions): string {
  return writers[name]({ ...body, stream: true }, options);
}

const writers: Record<SnippetName, (body: JsonObject, options: SnippetOptions) => string> = {
  curl(body, { origin, hasKey }) {
    const lines = [
      `curl -N ${origin}/v1/chat/completions`,
      `-H 'Content-Type: application/json'`,
      ...(hasKey ? [`-H "Authorization: Bearer $HEADRACE_API_KEY"`] : []),
      `-d '${JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)}'`,
    ];
    return `${lines.join(" \\\n  ")}\n`;
  },

  "openai-js": (body, { origin, hasKey }) => `import OpenAI from "openai";

const openai = new OpenAI({
  baseURL: "${origin}/v1",
  apiKey: ${hasKey ? "process.env.HEADRACE_API_KEY" : '"none"'},
});
const stream = await openai.chat.completions.create(${JSON.stringify(body, null, 2)});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
`,

  "openai-python": (body, { origin, hasKey }) => `import os
from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key=${hasKey ? 'os.environ["HEADRACE_API_KEY"]' : '"none"'},
)
stream = client.chat.completions.create(
${Object.entries(body)
  .map(([field, value]) => `    ${field}=${writePython(value)},\n`)
  .join("")})
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`,

  fetch: (body, { origin, hasKey }) => `const response = await fetch("${origin}/v1/chat/completions", {
  method: "POST",
  headers: {
    "Content-Type": "application/json",${hasKey ? "\n    Authorization: `Bearer ${process.env.HEADRACE_API_KEY}`," : ""}
  },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),
});
// Server-sent events; each has an id to resume from.
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}
`,
};

/** JSON as Python writes it. Strings are the same in both. */
function writePython(value: unknown, indent = "    "): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const items = Array.isArray(value)
    ? value.map((item) => writePython(item, inner))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${writePython(item, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (items.length === 0) return `${open}${close}`;
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}
