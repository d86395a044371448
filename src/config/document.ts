import { readFile } from "node:fs/promises";
import { extname } from "node:path";

import { HeadraceError } from "../core/errors.ts";

/** Endings of files that hold a document rather than a program. */
export const documents = ["json", "jsonc", "yaml", "yml", "toml"];

/**
 * Reads a file by its ending.
 *
 * @throws HeadraceError `invalid-request` - there is no such file, or it cannot be understood.
 */
export async function readDocument(file: string): Promise<unknown> {
  const extension = extname(file).slice(1).toLowerCase();
  if (!documents.includes(extension)) {
    throw new HeadraceError("invalid-request", `${file} is of no known kind; it ends in .${documents.join(", .")}`);
  }
  try {
    return await parseDocument(await readFile(file, "utf8"), extension);
  } catch (error) {
    throw new HeadraceError("invalid-request", `${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

export async function parseDocument(text: string, extension: string): Promise<unknown> {
  // An empty document says nothing, which is fine; the parsers disagree about it.
  if (text.trim() === "") return {};
  const { parseJSONC, parseTOML, parseYAML } = await import("confbox");
  if (extension === "toml") return parseTOML(text);
  if (extension === "yaml" || extension === "yml") return parseYAML(text) ?? {};
  if (extension === "json") return JSON.parse(text);
  return parseJSONC(text, { allowTrailingComma: true });
}

/** The parser's words and place, without the lines of the file that it quotes: there may be a key in them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [sentence = ""] = error.message.split("\n");
  const reason = sentence.replace(/, (?:\.{3})?".*"(?:\.{3})? is not valid JSON$/, "");
  const { line, column } = error as { line?: unknown; column?: unknown };
  return typeof line === "number" && typeof column === "number" ? `${reason} (${line}:${column})` : reason;
}
