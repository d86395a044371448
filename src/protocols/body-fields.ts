import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";

/** Reads the fields of a request body; what has the wrong type is an `invalid-request` that names the field. */
export class BodyFields {
  readonly body: JsonObject;
  readonly #path: string;

  constructor(body: JsonObject, path = "") {
    this.body = body;
    this.#path = path;
  }

  /** The field's name as clients know it, such as `messages[2].content`. */
  pathOf(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  /** Undefined when the field is missing or null, which callers use for "not set". */
  value(key: string): Json | undefined {
    return Object.hasOwn(this.body, key) ? (this.body[key] ?? undefined) : undefined;
  }

  fail(key: string, expected: string): never {
    const field = this.pathOf(key);
    const isMissing = this.value(key) === undefined;
    throw new HeadraceError(
      "invalid-request",
      `\`${field}\` ${isMissing ? "is missing; it" : ""} must be ${expected}`.replace("  ", " "),
      {
        param: field,
      },
    );
  }

  string(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value;
    return this.fail(key, "a string");
  }

  requiredString(key: string): string {
    return this.string(key) ?? this.fail(key, "a string");
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.fail(key, "true or false");
  }

  /** A list, or its only string by itself. */
  stringOrStrings(key: string): string[] | undefined {
    const value = this.value(key);
    return typeof value === "string" ? [value] : this.strings(key, "a string or a list of strings");
  }

  strings(key: string, expected = "a list of strings"): string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.fail(key, expected);
  }

  number(key: string, { min, max }: { min: number; max: number }): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && value >= min && value <= max) return value;
    return this.fail(key, `a number from ${min} to ${max}`);
  }

  integer(key: string, { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    return this.fail(key, `a whole number ${range}`);
  }

  oneOf<Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    const value = this.value(key);
    if (value === undefined || words.includes(value as Word)) return value as Word | undefined;
    return this.fail(key, `one of ${words.join(", ")}`);
  }

  object(key: string): BodyFields | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    return isJsonObject(value) ? new BodyFields(value, this.pathOf(key)) : this.fail(key, "an object");
  }

  requiredObject(key: string): BodyFields {
    return this.object(key) ?? this.fail(key, "an object");
  }

  /** The elements of a list of objects, of which there has to be one. */
  requiredObjects(key: string, expected: string): BodyFields[] {
    const objects = this.objects(key);
    return objects === undefined || objects.length === 0 ? this.fail(key, expected) : objects;
  }

  /** The elements of a list of objects. */
  objects(key: string): BodyFields[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.fail(key, "a list");
    return value.map((item, index) => {
      const path = `${key}[${index}]`;
      return isJsonObject(item) ? new BodyFields(item, this.pathOf(path)) : this.fail(path, "an object");
    });
  }
}

export type Undefinable<T> = { [Key in keyof T]: T[Key] | undefined };

/** Leaves out what is undefined, so that a field is either there or not. */
export function definedOnly<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}

/** Puts a field into a body that is being written; undefined takes it out. */
export function setField(body: JsonObject, name: string, value: Json | undefined): void {
  if (value === undefined) delete body[name];
  else body[name] = value;
}

/** Writes one field of a request as it is, under its name in a protocol. */
export function plainField(name: string, field: keyof GenerateRequest) {
  return (body: JsonObject, request: GenerateRequest): void => setField(body, name, request[field] as Json | undefined);
}
