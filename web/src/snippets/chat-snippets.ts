import type { JsonObject } from "../../../src/core/json.ts";
import { keyInCode, type SnippetWriter } from "./snippet.ts";
import { writePythonCall } from "./python.ts";

const curl: SnippetWriter = (body, { origin, hasKey }) => {
  const lines = [
    `curl -N ${origin}/v1/chat/completions`,
    `-H 'Content-Type: application/json'`,
    ...(hasKey ? [`-H "Authorization: Bearer $HEADRACE_API_KEY"`] : []),
    // Not as an argument: with an image in it the body would be too long for one.
    `--data-binary @- <<'JSON'`,
  ];
  return `${lines.join(" \\\n  ")}\n${writeJson(body)}\nJSON\n`;
};

const openaiJs: SnippetWriter = (body, options) => `import OpenAI from "openai";

const openai = new OpenAI({
  baseURL: "${options.origin}/v1",
  apiKey: ${keyInCode(options)},
});
const stream = await openai.chat.completions.create(${writeJson(body)});
for await (const chunk of stream) {
  const delta = chunk.choices[0]?.delta;
  process.stdout.write(delta?.content ?? "");${
    hasTools(body)
      ? `
  for (const { function: called } of delta?.tool_calls ?? []) {
    process.stdout.write((called?.name ?? "") + (called?.arguments ?? ""));
  }`
      : ""
  }
}
`;

const openaiPython: SnippetWriter = (
  body,
  { origin, hasKey },
) => `${hasKey ? "import os\n\n" : ""}from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key=${hasKey ? 'os.environ["HEADRACE_API_KEY"]' : '"none"'},
)
stream = client.chat.completions.create(${writePythonCall(body)})
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)${
          hasTools(body)
            ? `
        for call in choice.delta.tool_calls or []:
            print((call.function.name or "") + (call.function.arguments or ""), end="", flush=True)`
            : ""
        }
`;

const plainFetch: SnippetWriter = (
  body,
  { origin, hasKey },
) => `const response = await fetch("${origin}/v1/chat/completions", {
  method: "POST",
  headers: {
    "Content-Type": "application/json",${hasKey ? "\n    Authorization: `Bearer ${process.env.HEADRACE_API_KEY}`," : ""}
  },
  body: JSON.stringify(${writeJson(body).replaceAll("\n", "\n  ")}),
});
// Server-sent events; each has an id to resume from.
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}
`;

/** Programs that make a Chat Completions request. */
export const chatSnippets = {
  curl: { title: "curl", write: curl },
  "openai-js": { title: "OpenAI for JavaScript", write: openaiJs },
  "openai-python": { title: "OpenAI for Python", write: openaiPython },
  fetch: { title: "fetch", write: plainFetch },
} satisfies Record<string, { title: string; write: SnippetWriter }>;

function hasTools({ tools }: JsonObject): boolean {
  return tools !== undefined;
}

function writeJson(body: JsonObject): string {
  return JSON.stringify({ ...body, stream: true }, null, 2);
}
