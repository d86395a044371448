import type { Json, JsonObject } from "../../../src/core/json.ts";

/** What OpenAI's Python library takes as arguments of their own; it refuses others unless they are in `extra_body`. */
const knownFields = new Set(
  `messages model frequency_penalty logit_bias logprobs max_completion_tokens max_tokens n parallel_tool_calls
  presence_penalty reasoning_effort response_format seed stop temperature tool_choice tools top_logprobs top_p`.split(
    /\s+/,
  ),
);

/** The arguments of `create()`, in lines of their own. */
export function writePythonCall(body: JsonObject): string {
  const known: [string, Json][] = [];
  const extra: JsonObject = {};
  for (const [field, value] of Object.entries(body)) {
    if (value === undefined) continue;
    if (knownFields.has(field)) known.push([field, value]);
    else extra[field] = value;
  }
  if (Object.keys(extra).length > 0) known.push(["extra_body", extra]);
  known.push(["stream", true]);
  return `\n${known.map(([field, value]) => `    ${field}=${writePython(value)},\n`).join("")}`;
}

/** JSON as Python writes it. Strings are the same in both. */
function writePython(value: Json | undefined, indent = "    "): string {
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
