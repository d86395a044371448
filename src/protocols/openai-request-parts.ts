import { isJsonObject } from "../core/json.ts";
import type { ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { type BodyFields, definedOnly } from "./body-fields.ts";

/** A tool as OpenAI describes it: Chat Completions in a member of the tool, Responses in the tool itself. */
export function readDefinition(kind: "function" | "custom", tool: BodyFields): ToolDefinition {
  const isFunction = kind === "function";
  return definedOnly({
    kind,
    name: tool.requiredString("name"),
    description: tool.string("description"),
    parameters: isFunction ? tool.object("parameters")?.body : undefined,
    strict: isFunction ? tool.boolean("strict") : undefined,
  }) as ToolDefinition;
}

/** A choice that is a word, or an object that `readNamed` reads. */
export function readToolChoice(
  fields: BodyFields,
  key: string,
  readNamed: (choice: BodyFields) => ToolChoice | undefined,
): ToolChoice | undefined {
  const choice = fields.value(key);
  if (choice === undefined || choice === "auto" || choice === "none" || choice === "required") return choice;
  if (!isJsonObject(choice)) return fields.fail(key, "auto, none, required, or an object that names a tool");
  return readNamed(fields.requiredObject(key));
}

/** The choice is left to the model, among the tools that a list names. */
export function readAllowedMode(choice: BodyFields): ToolChoice {
  return choice.oneOf("mode", ["auto", "required"] as const) ?? "auto";
}

/** @param schemaOf - the fields of a JSON schema, which Chat Completions has in a member of the format. */
export function readResponseFormat(
  format: BodyFields | undefined,
  schemaOf: (format: BodyFields) => BodyFields,
): ResponseFormat | undefined {
  if (format === undefined) return undefined;
  const type = format.requiredString("type");
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return format.fail("type", "text, json_object or json_schema");
  const schema = schemaOf(format);
  return definedOnly({
    type: "json-schema",
    name: schema.requiredString("name"),
    schema: schema.object("schema")?.body ?? {},
    strict: schema.boolean("strict"),
    description: schema.string("description"),
  }) as ResponseFormat;
}
