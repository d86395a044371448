import type { Json, JsonObject } from "../core/json.ts";
import { parseObject } from "./json-values.ts";

/** Arguments as text, also where a vendor sends the object itself. */
export function textOfArguments(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Arguments as an object; undefined when the text is none. No text at all means no arguments. */
export function parseArguments(text: string): JsonObject | undefined {
  return text.trim() === "" ? {} : parseObject(text);
}

/** The same for vendors without tools that take plain text: that becomes the only member of an object. */
export function objectOfArguments(kind: "function" | "custom", text: string): JsonObject | undefined {
  return kind === "custom" ? { input: text } : parseArguments(text);
}

/** How Anthropic asks for arguments to be sent back that the model wrote badly, or that were cut off. */
export function invalidArguments(text: string): JsonObject {
  return { INVALID_JSON: text };
}
