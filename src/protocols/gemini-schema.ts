import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/**
 * Google's own kind of schema, a part of OpenAPI's with types in capitals, as JSON Schema. What is JSON Schema already
 * comes back as it is.
 *
 * @see https://ai.google.dev/api/caching#Schema
 */
export function toJsonSchema(schema: JsonObject): JsonObject {
  const written: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || dropped.has(key)) continue;
    written[key] = convert(key, value);
  }
  if (written["type"] === "type_unspecified") delete written["type"];
  // An enumeration is no format to anybody else.
  if (written["format"] === "enum") delete written["format"];
  return schema["nullable"] === true ? orNull(written) : written;
}

const dropped: ReadonlySet<string> = new Set(["nullable", "propertyOrdering", "example"]);
/** 64-bit numbers, which Google may write as text. */
const sizes: ReadonlySet<string> = new Set([
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minProperties",
  "maxProperties",
]);

function convert(key: string, value: Json): Json {
  if (key === "type" && typeof value === "string") return value.toLowerCase();
  if (sizes.has(key) && typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
  if ((key === "properties" || key === "$defs") && isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, convertSchema(member)]));
  }
  if (key === "items" || key === "additionalProperties") return convertSchema(value) ?? null;
  if ((key === "anyOf" || key === "oneOf" || key === "prefixItems") && Array.isArray(value)) {
    return value.map((item) => convertSchema(item) ?? null);
  }
  return value;
}

function convertSchema(value: Json | undefined): Json | undefined {
  return isJsonObject(value) ? toJsonSchema(value) : value;
}

function orNull(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (typeof type !== "string") return { anyOf: [schema, { type: "null" }] };
  const { enum: values } = schema;
  return { ...schema, type: [type, "null"], ...(Array.isArray(values) && { enum: [...values, null] }) };
}

/** A schema that others wrote, as Google takes it: without what it refuses and what says nothing. */
export function forGoogle(schema: JsonObject): JsonObject {
  const { $schema: _, ...rest } = schema;
  return rest;
}
