import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { parseAst } from "vitest/node";

export const repository = fileURLToPath(new URL("../../", import.meta.url));

/** A node of the ESTree syntax tree, with TypeScript's own kinds. */
export interface SyntaxNode {
  type: string;
  start: number;
  [field: string]: unknown;
}

/** Paths of the files below a folder, from the repository's root, without what is installed or built. */
export function filesIn(folder: string): string[] {
  return readdirSync(repository + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile()) return [path];
    const isOurs =
      entry.isDirectory() && !/^(\.git|\.headrace|\.engine.*|node_modules|dist|coverage)$/.test(entry.name);
    return isOurs ? filesIn(path) : [];
  });
}

export function readText(path: string): string {
  return readFileSync(repository + path, "utf8");
}

export interface SourceFile {
  path: string;
  text: string;
  nodes: readonly SyntaxNode[];
  /** `path:line`, as editors and terminals link it. */
  at(position: number): string;
}

export function parseSource(path: string, text = readText(path)): SourceFile {
  const nodes: SyntaxNode[] = [];
  collectNodes(parseAst(text, { lang: "ts" }), nodes);
  return { path, text, nodes, at: (position) => `${path}:${text.slice(0, position).split("\n").length}` };
}

function collectNodes(value: unknown, nodes: SyntaxNode[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collectNodes(item, nodes);
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value && typeof value.type === "string") nodes.push(value as SyntaxNode);
    for (const child of Object.values(value)) collectNodes(child, nodes);
  }
}

const importKinds = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
]);

/** What a file imports, statically or not, with the place of each. */
export function importsOf({ nodes }: SourceFile): { specifier: string; start: number }[] {
  return nodes.flatMap((node) => {
    if (!importKinds.has(node.type)) return [];
    const source = node["source"] as { value?: unknown } | null | undefined;
    return typeof source?.value === "string" ? [{ specifier: source.value, start: node.start }] : [];
  });
}

/** Uses of globals: `name` for a function that is called, `name.property` for what is read from an object. */
export function globalsOf({ nodes }: SourceFile): { name: string; start: number }[] {
  return nodes.flatMap((node) => {
    const called = node["callee"] as SyntaxNode | undefined;
    if (called?.type === "Identifier") return [{ name: String(called["name"]), start: node.start }];
    const object = node["object"] as SyntaxNode | undefined;
    if (node.type !== "MemberExpression" || object?.type !== "Identifier") return [];
    const property = node["property"] as SyntaxNode;
    return [{ name: `${String(object["name"])}.${String(property["name"])}`, start: node.start }];
  });
}
