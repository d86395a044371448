import type { z } from "zod";

export interface ExplainOptions {
  /** What was read, such as a file's name. */
  where: string;
  /** What was given, to say what was found at a path. */
  input: unknown;
  /** Knows which keys exist, to suggest one for a typo. */
  schema: z.ZodType;
}

type Issue = z.core.$ZodIssue;

/** Everything that is wrong with a configuration, one line each: the key's path, what is wanted, what was found. */
export function explainConfigIssues(issues: readonly Issue[], options: ExplainOptions): string {
  const lines = issues.flatMap((issue) => explainIssue(issue, options));
  if (lines.length === 1) return `${options.where}: ${lines[0]}`;
  return `${options.where} has ${lines.length} mistakes:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function explainIssue(issue: Issue, { input }: ExplainOptions): string[] {
  return [`${issue.path.join(".")} ${issue.message} ${typeof input}`];
}
