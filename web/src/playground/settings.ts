import { isJsonObject, type Json, type JsonObject } from "../../../src/core/json.ts";

/** What is asked for beside the messages; texts as they were typed, so that they can be wrong for a while. */
export interface Settings {
  system: string;
  temperature: string;
  topP: string;
  maxTokens: string;
  seed: string;
  stop: string;
  reasoningEffort: string;
  /** JSON: OpenAI's list of tools. */
  tools: string;
  /** JSON: whatever else the body is to have. */
  others: string;
}

export const noSettings: Settings = {
  system: "",
  temperature: "",
  topP: "",
  maxTokens: "",
  seed: "",
  stop: "",
  reasoningEffort: "",
  tools: "",
  others: "",
};

export const exampleTools = `[
  {
    "type": "function",
    "function": {
      "name": "get_weather",
      "description": "The weather in a city",
      "parameters": {
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"]
      }
    }
  }
]`;

/** What is wrong, by field; empty when all is well. */
export function problemsOf(settings: Settings): Partial<Record<keyof Settings, string>> {
  const problems: Partial<Record<keyof Settings, string>> = {};
  const check = (name: keyof Settings, isRight: (value: number) => boolean, what: string) => {
    const text = settings[name].trim();
    if (text !== "" && !isRight(Number(text))) problems[name] = what;
  };
  check("temperature", (value) => value >= 0 && value <= 2, "A number from 0 to 2");
  check("topP", (value) => value > 0 && value <= 1, "A number above 0, up to 1");
  check("maxTokens", (value) => Number.isInteger(value) && value > 0, "A whole number above 0");
  check("seed", Number.isInteger, "A whole number");
  if (settings.tools.trim() !== "" && readTools(settings.tools) === undefined) {
    problems.tools = "Not a JSON list of tools";
  }
  if (settings.others.trim() !== "" && readObject(settings.others) === undefined) {
    problems.others = "Not a JSON object";
  }
  return problems;
}

/** The fields of an OpenAI Chat body that the settings stand for. */
export function fieldsOf(settings: Settings): JsonObject {
  const number = (name: string, text: string) => (text.trim() === "" ? {} : { [name]: Number(text) });
  const stop = settings.stop.split(",").flatMap((text) => (text.trim() === "" ? [] : [text.trim()]));
  const tools = readTools(settings.tools);
  return {
    ...number("temperature", settings.temperature),
    ...number("top_p", settings.topP),
    ...number("max_tokens", settings.maxTokens),
    ...number("seed", settings.seed),
    ...(stop.length > 0 && { stop }),
    ...(settings.reasoningEffort !== "" && { reasoning_effort: settings.reasoningEffort }),
    ...(tools !== undefined && { tools }),
    ...readObject(settings.others),
  };
}

/** How many of them are set. */
export function countOf(settings: Settings): number {
  return Object.values(settings).filter((text) => text.trim() !== "").length;
}

function readTools(text: string): Json[] | undefined {
  const value = readJson(text);
  return Array.isArray(value) && value.length > 0 ? value : undefined;
}

function readObject(text: string): JsonObject | undefined {
  const value = readJson(text);
  return isJsonObject(value) ? value : undefined;
}

function readJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
