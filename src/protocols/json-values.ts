import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/** A string with something in it. */
export function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/** Undefined for what cannot be a number of things, such as tokens. */
export function readCount(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The objects of a list; none when it is no list. */
export function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Undefined when the text is no JSON, or no object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Whoever asked knows where the text came from, and what that means.
    return undefined;
  }
}
