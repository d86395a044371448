import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/** What is in here are names of the caller's own. */
const opaque: ReadonlySet<string> = new Set([
  "args",
  "headrace",
  "labels",
  "parameters",
  "parametersJsonSchema",
  "partMetadata",
  "response",
  "responseJsonSchema",
  "responseSchema",
]);

const snakeCase = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/;

/**
 * A body with all its fields in camel case: Google takes them in snake case just as well. The body itself when there is
 * nothing to change.
 */
export function withCamelCase(body: JsonObject): JsonObject {
  return convert(body) as JsonObject;
}

function convert(value: Json): Json {
  if (Array.isArray(value)) {
    const items = value.map(convert);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isJsonObject(value)) return value;
  let isChanged = false;
  const entries = Object.entries(value).map(([key, member]) => {
    const name = snakeCase.test(key) ? key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) : key;
    const converted = member === undefined || opaque.has(name) ? member : convert(member);
    isChanged ||= name !== key || converted !== member;
    return [name, converted] as const;
  });
  return isChanged ? Object.fromEntries(entries) : value;
}
