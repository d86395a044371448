import type { Json, JsonObject } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";
import { sampleString } from "./json-strings.ts";
import type { SeededRandom } from "./random.ts";

/** What the made-up values are taken from. */
export interface SampleSource {
  /** The user's words; places, names and numbers in them are used where they fit. */
  prompt: string;
  /** The part of the prompt that this document is for, where a prompt asks for several things. */
  part: string;
  /** Which of several documents for the same prompt this is, from 0. */
  index: number;
  subject: string;
  /** Sentences for fields that hold prose; left out, such fields hold the prompt. */
  sentences?: readonly string[];
  random: SeededRandom;
}

/** A document that is valid against a JSON Schema, as far as the schema's keywords are the common ones. */
export function sampleJson(schema: JsonObject, source: SampleSource): Json {
  return new Sampler(schema, source).value(schema, { key: "", item: 0, depth: 0 });
}

interface Place {
  /** The nearest property name. */
  key: string;
  /** Position in the nearest array. */
  item: number;
  depth: number;
}

// Below this depth only what is required is made; below the second one nothing, or a recursive schema would never end.
const optionalDepth = 4;
const maxDepth = 24;

class Sampler {
  readonly #root: JsonObject;
  readonly #source: SampleSource;
  /** How many numbers of the prompt are used up. */
  #mentionedNumbers = 0;

  constructor(root: JsonObject, source: SampleSource) {
    this.#root = root;
    this.#source = source;
  }

  value(schemaOrFlag: Json | undefined, place: Place): Json {
    if (place.depth > maxDepth) return null;
    const schema = this.#resolve(schemaOrFlag, place.depth);
    if (schema["const"] !== undefined) return schema["const"];
    if (Array.isArray(schema["enum"])) return this.#choose(schema["enum"], place);
    switch (typeOf(schema, place.depth)) {
      case "object":
        return this.#object(schema, place);
      case "array":
        return this.#array(schema, place);
      case "integer":
        return this.#number(schema, true);
      case "number":
        return this.#number(schema, false);
      case "boolean":
        return !/\b(not|no|without|never)\b/i.test(this.#source.part);
      case "null":
        return null;
      default:
        return sampleString(schema, place, this.#source);
    }
  }

  /** Follows references and settles alternatives, until only plain keywords are left. */
  #resolve(schemaOrFlag: Json | undefined, depth: number): JsonObject {
    let schema: JsonObject = isJsonObject(schemaOrFlag) ? schemaOrFlag : {};
    for (let hop = 0; hop < 32; hop++) {
      const { $ref, anyOf, oneOf, allOf, ...rest } = schema;
      if (typeof $ref === "string") schema = merge(rest, this.#lookUp($ref));
      else if (Array.isArray(anyOf ?? oneOf))
        schema = merge(rest, this.#alternative((anyOf ?? oneOf) as Json[], depth));
      else if (Array.isArray(allOf))
        schema = allOf.reduce<JsonObject>((all, one) => merge(all, isJsonObject(one) ? one : {}), rest);
      else return schema;
    }
    return {};
  }

  #lookUp(reference: string): JsonObject {
    let found: Json | undefined = this.#root;
    for (const step of reference
      .replace(/^#\/?/, "")
      .split("/")
      .filter((name) => name !== "")) {
      const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
      if (Array.isArray(found)) found = found[Number(name)];
      else found = isJsonObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
    }
    return isJsonObject(found) ? found : {};
  }

  #alternative(branches: Json[], depth: number): JsonObject {
    const schemas = branches.filter(isJsonObject);
    if (depth >= optionalDepth) return schemas.toSorted((a, b) => weightOf(a) - weightOf(b))[0] ?? {};
    return schemas.find(({ type }) => type !== "null") ?? schemas[0] ?? {};
  }

  #choose(values: Json[], { item, depth }: Place): Json {
    const prompt = this.#source.part.toLowerCase();
    const isMentioned = (value: Json) =>
      typeof value === "string" && value !== "" && prompt.includes(value.toLowerCase());
    const mentioned = values.filter(isMentioned);
    const pool = mentioned.length > item || (depth < 2 && mentioned.length > 0) ? mentioned : values;
    return pool[item % pool.length] ?? null;
  }

  #object(schema: JsonObject, { depth, item }: Place): JsonObject {
    const { properties, required, additionalProperties } = schema;
    const known = isJsonObject(properties) ? properties : {};
    const needed = Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
    const names = needed.length > 0 || depth >= optionalDepth ? needed : Object.keys(known);
    const least = typeof schema["minProperties"] === "number" ? schema["minProperties"] : 0;
    const all = new Set([...names, ...Object.keys(known).slice(0, least)]);
    const isMap = Object.keys(known).length === 0 && isJsonObject(additionalProperties);
    if (isMap && all.size === 0 && depth < optionalDepth) all.add("first");
    for (let extra = 1; all.size < least && extra < 100; extra++) all.add(`item${extra}`);
    const entries = [...all].map((key) => {
      const property = Object.hasOwn(known, key) ? known[key] : additionalProperties;
      return [key, this.value(property, { key, item, depth: depth + 1 })] as const;
    });
    return Object.fromEntries(entries);
  }

  #array(schema: JsonObject, { key, depth }: Place): Json[] {
    const { prefixItems, items, minItems, maxItems, uniqueItems } = schema;
    const fixed = Array.isArray(prefixItems) ? prefixItems : [];
    const least = typeof minItems === "number" ? minItems : 0;
    const wanted = depth >= optionalDepth ? least : Math.max(least, fixed.length, items === false ? 0 : 2);
    const length = Math.min(wanted, typeof maxItems === "number" ? maxItems : wanted, 1000);
    const list: Json[] = [];
    const seen = new Set<string>();
    for (let index = 0; list.length < length && index < length + 100; index++) {
      const value = this.value(list.length < fixed.length ? fixed[list.length] : items, {
        key,
        item: index,
        depth: depth + 1,
      });
      const text = JSON.stringify(value);
      if (uniqueItems !== true || !seen.has(text)) list.push(value);
      seen.add(text);
    }
    return list;
  }

  #number(schema: JsonObject, isInteger: boolean): number {
    const step = typeof schema["multipleOf"] === "number" ? schema["multipleOf"] : isInteger ? 1 : 0.01;
    const { low, high } = boundsOf(schema, step);
    const mentioned = (this.#source.part.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number).filter((number) => {
      return (
        number >= low &&
        number <= high &&
        (!isInteger || Number.isInteger(number)) &&
        Math.abs(number / step - Math.round(number / step)) < 1e-9
      );
    });
    const found = mentioned[this.#mentionedNumbers];
    if (found !== undefined) {
      this.#mentionedNumbers++;
      return found;
    }
    const isNarrow = high - low <= 1000;
    const from = isNarrow || low > 1 ? low : Math.min(1, high);
    const to = isNarrow ? high : Math.min(high, from + 99);
    const value = Math.ceil((from + this.#source.random.number() * (to - from)) / step) * step;
    // Steps such as 0.1 are not exact in binary, so the sum may miss a bound by the last digit.
    const rounded = Number(value.toPrecision(12));
    if (rounded <= high) return rounded;
    const lower = Math.floor(high / step) * step;
    return lower >= low ? lower : low;
  }
}

function typeOf(schema: JsonObject, depth: number): string {
  const { type } = schema;
  if (typeof type === "string") return type;
  if (Array.isArray(type)) {
    const names = type.filter((name) => typeof name === "string");
    const deep = depth >= optionalDepth && names.includes("null") ? "null" : undefined;
    return deep ?? names.find((name) => name !== "null") ?? "null";
  }
  if (schema["properties"] !== undefined || schema["required"] !== undefined) return "object";
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "array";
  if (schema["minimum"] !== undefined || schema["maximum"] !== undefined) return "number";
  return "string";
}

/** How much an alternative leads to. */
function weightOf({ type, $ref, enum: values, const: constant }: JsonObject): number {
  if (type === "null") return 0;
  if (constant !== undefined || values !== undefined) return 1;
  if ($ref !== undefined || type === "object") return 4;
  return type === "array" ? 3 : 2;
}

/** Both schemas at once; where they contradict each other, the second one counts. */
function merge(one: JsonObject, other: JsonObject): JsonObject {
  const merged = { ...one, ...other };
  if (isJsonObject(one["properties"]) && isJsonObject(other["properties"])) {
    merged["properties"] = { ...one["properties"], ...other["properties"] };
  }
  if (Array.isArray(one["required"]) && Array.isArray(other["required"])) {
    merged["required"] = [...new Set([...one["required"], ...other["required"]])];
  }
  return merged;
}

function boundsOf(
  { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonObject,
  step: number,
): { low: number; high: number } {
  const low = typeof exclusiveMinimum === "number" ? exclusiveMinimum + step : -1e15;
  const high = typeof exclusiveMaximum === "number" ? exclusiveMaximum - step : 1e15;
  return {
    low: Math.max(low, typeof minimum === "number" ? minimum : -1e15),
    high: Math.min(high, typeof maximum === "number" ? maximum : 1e15),
  };
}
