import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { keysAt, pathsOf } from "./schema-keys.ts";

export interface ExplainOptions {
  /** What was read, such as a file's name. */
  where: string;
  /** What was given, to say what was found at a path. */
  input: unknown;
  /** Knows which keys exist, to suggest one for a typo. */
  schema: z.ZodType;
  /** Paths that a variable or a flag has set, and its name. */
  origins?: ReadonlyMap<string, string>;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const secretKeys = new Set(["apiKey", "key", "keyHash", "headers"]);

/** Everything that is wrong with a configuration, one line each: the key's path, what was found, what is wanted. */
export function explainConfigIssues(issues: readonly Issue[], options: ExplainOptions): string {
  const lines = issues.flatMap((issue) => explainIssue(issue, options));
  if (lines.length === 1) return `${options.where}: ${lines[0]}`;
  return `${options.where} has ${lines.length} mistakes:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function explainIssue(issue: Issue, options: ExplainOptions): string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => explainUnknownKey(issue.path, key, options));
  if (issue.code === "invalid_union") return explainIssue(likeliestBranch(issue), options);

  const origin = options.origins?.get(issue.path.join("."));
  const path = writePath(issue.path) + (origin === undefined ? "" : ` (from ${origin})`);
  if (issue.code === "custom") return [`${path} ${issue.message}`];

  const found = valueAt(options.input, issue.path);
  const wanted = describeWanted(issue);
  if (found === undefined) return [`${path} is missing; it must be ${wanted}`];
  return [`${path} must be ${wanted}, but is ${describeFound(found, issue.path)}`];
}

/** Of several forms, the one that got furthest into the value is what the writer had in mind. */
function likeliestBranch(issue: Extract<Issue, { code: "invalid_union" }>): Issue {
  const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [first]));
  const deepest = issue.errors.find(
    (branch) => branch.some(({ path }) => path.length > 0) || branch.some(({ code }) => code === "unrecognized_keys"),
  );
  // An unknown key explains a missing one better than the other way round.
  const best = deepest?.find(({ code }) => code === "unrecognized_keys") ?? deepest?.[0];
  if (best !== undefined) return { ...best, path: [...issue.path, ...best.path] };
  const wanted = branches.map(describeWanted).join(" or ");
  return { ...issue, code: "custom", message: `must be ${wanted}` };
}

function explainUnknownKey(path: Path, key: string, { schema, origins }: ExplainOptions): string {
  const here = writePath([...path, key]);
  const origin = origins?.get([...path, key].join("."));
  const known = keysAt(schema, path);
  const near = nearest(key, known);
  const unknown = `${here}${origin === undefined ? "" : ` (from ${origin})`} is not a known key`;
  if (near !== undefined) return `${unknown}; did you mean ${writePath([...path, near])}?`;
  const elsewhere = pathsOf(schema).find((other) => other.at(-1) === key);
  if (elsewhere !== undefined) return `${unknown}; there is ${writePath(elsewhere)}`;
  return `${unknown}; known here: ${known.join(", ")}`;
}

function describeWanted(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(" or ");
    case "too_small":
      if (issue.origin === "string") return "text that is not empty";
      if (issue.origin === "array") return `a list with ${issue.minimum} or more entries`;
      return `${issue.inclusive ? "at least" : "above"} ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    case "invalid_format":
      if (issue.format === "url") return "an address that begins with http:// or https://";
      return issue.message.replace(/^must be /, "");
    default:
      return issue.message;
  }
}

const typeNames: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};

function describeFound(value: unknown, path: Path): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "function") return "a function";
  if (path.some((key) => typeof key === "string" && secretKeys.has(key))) {
    return typeof value === "string" ? "other text" : `a ${typeof value}`;
  }
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : `a ${typeof value}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

/** `routes.smart.targets[0]`, with names that are not plain words in brackets. */
function writePath(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[\w-]+$/.test(String(key))) text += text === "" ? String(key) : `.${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text === "" ? "the whole" : text;
}
