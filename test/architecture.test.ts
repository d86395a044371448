import { describe, expect, test } from "vitest";

import { longestFileLines, notErasable, outsideWorld, type Part, parts } from "./support/architecture-rules.ts";
import { filesIn, globalsOf, importsOf, parseSource, readText, type SourceFile } from "./support/source-files.ts";

const source = filesIn("src").map((path) => parseSource(path));
const code = ["src", "test", "bench", "examples", "scripts", "web"]
  .flatMap(filesIn)
  .filter((path) => /\.m?[jt]sx?$/.test(path));

/** `src/log/cursor.ts` belongs to `log`, `src/headrace.ts` to `headrace`. */
function partOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

function ruleFor(file: SourceFile): Part {
  return parts[partOf(file.path)] ?? { imports: [], packages: [] };
}

function brokenImports(file: SourceFile): string[] {
  const name = partOf(file.path);
  return importsOf(file).flatMap(({ specifier, start }) => {
    if (!specifier.startsWith(".")) return [];
    const target = new URL(specifier, `file:///${file.path}`).pathname.slice(1);
    const allowed = [name, ...ruleFor(file).imports];
    if (target.startsWith("src/") && allowed.includes(partOf(target))) return [];
    const hint = "take it as a parameter, or move what both need to core/";
    return [`${file.at(start)} imports ${target}, but ${name} may import only ${allowed.join(", ")}: ${hint}`];
  });
}

function brokenPackages(file: SourceFile): string[] {
  const allowed = ruleFor(file).packages;
  return importsOf(file).flatMap(({ specifier, start }) => {
    if (specifier.startsWith(".")) return [];
    const [scope = "", rest] = specifier.split("/");
    const name = scope.startsWith("node:") ? "node" : scope.startsWith("@") ? `${scope}/${rest}` : scope;
    if (allowed.includes(name)) return [];
    const list = allowed.length === 0 ? "no package" : `only ${allowed.join(", ")}`;
    return [`${file.at(start)} imports ${specifier}, but ${partOf(file.path)} may use ${list}: take it as a parameter`];
  });
}

function usesOfTheOutsideWorld(file: SourceFile): string[] {
  if (ruleFor(file).pure !== true) return [];
  return globalsOf(file).flatMap(({ name, start }) => {
    const instead = outsideWorld[name] ?? outsideWorld[name.replace(/\..*/, ".")];
    return instead === undefined ? [] : [`${file.at(start)} uses ${name}: take ${instead} as a parameter`];
  });
}

function notErasableIn(file: SourceFile): string[] {
  return file.nodes.flatMap(({ type, start }) => {
    const instead = notErasable[type];
    return instead === undefined ? [] : [`${file.at(start)} has ${type}, which Node cannot run: write ${instead}`];
  });
}

describe("the shape of src/", () => {
  test("every folder and file of src/ has its rule, and rules only point to what comes before them", () => {
    const names = Object.keys(parts);
    const unknown = new Set(source.map(({ path }) => partOf(path)).filter((name) => !names.includes(name)));
    expect([...unknown], "add it to test/support/architecture-rules.ts and to ARCHITECTURE.md").toEqual([]);
    for (const [index, name] of names.entries()) {
      expect(names.slice(0, index), `what ${name} imports`).toEqual(
        expect.arrayContaining([...(parts[name]?.imports ?? [])]),
      );
    }
  });

  test("imports point down only", () => {
    expect(source.flatMap(brokenImports)).toEqual([]);
  });

  test("each part uses only its own packages", () => {
    expect(source.flatMap(brokenPackages)).toEqual([]);
  });

  test("the engine takes time, chance and process from its parameters", () => {
    expect(source.flatMap(usesOfTheOutsideWorld)).toEqual([]);
  });

  test("Node runs the source as it is", () => {
    expect(source.flatMap(notErasableIn)).toEqual([]);
  });
});

describe("the shape of the repository", () => {
  test(`no file has more than ${longestFileLines} lines`, () => {
    const lengths = code.map((path) => ({ path, lines: readText(path).trimEnd().split("\n").length }));
    const tooLong = lengths.filter(({ lines }) => lines > longestFileLines);
    expect(tooLong.map(({ path, lines }) => `${path} has ${lines} lines: find the two ideas in it`)).toEqual([]);
  });

  test("files are named in kebab-case after what they hold, and no folder collects leftovers", () => {
    const misnamed = code.filter((path) => !/^([a-z0-9.]+(-[a-z0-9]+)*\/)+[a-z0-9]+([-.][a-z0-9]+)*$/.test(path));
    expect(misnamed, "write names like write-loop.ts").toEqual([]);
    const leftovers = code.filter((path) => /(^|\/)(utils?|helpers?|misc|common)(\/|\.)/.test(path));
    expect(leftovers, "a helper lives beside its only user, or gets a noun and moves to core/").toEqual([]);
  });

  test("nothing mentions a path of somebody's machine", () => {
    const machinePath = /(?<![\w.:/-])(?:\/(?:home|root|Users|work|workspace|mnt|farm)\/[\w.-]+|[A-Z]:\\Users\\)/;
    const folders = [".ci", "bench", "docs", "examples", "scripts", "src", "test", "web"].flatMap(filesIn);
    const texts = [...folders, ...filesAtTop()].filter((path) => !/\.(png|ico|gguf|gz|db)$/.test(path));
    const found = texts.flatMap((path) => {
      const match = machinePath.exec(readText(path));
      return match === null ? [] : [`${path} mentions ${match[0]}: write a relative path`];
    });
    expect(found).toEqual([]);
  });

  test("these checks notice what they are for", () => {
    const wrong = parseSource(
      "src/core/wrong.ts",
      [
        'import { z } from "zod";',
        'export type { LogEntry } from "../log/stream-log.ts";',
        "enum Color { red }",
        "setTimeout(() => Date.now(), process.pid);",
        'const lazily = import("../gateway/app.ts");',
      ].join("\n"),
    );
    expect(brokenImports(wrong).map((line) => line.split(",")[0])).toEqual([
      "src/core/wrong.ts:2 imports src/log/stream-log.ts",
      "src/core/wrong.ts:5 imports src/gateway/app.ts",
    ]);
    expect(brokenPackages(wrong)).toHaveLength(1);
    expect(usesOfTheOutsideWorld(wrong)).toHaveLength(3);
    expect(notErasableIn(wrong)).toHaveLength(1);
  });
});

function filesAtTop(): string[] {
  return filesIn("").filter((path) => !path.includes("/") && /\.(md|json|ts)$|^\.(oxlintrc|oxfmtrc)/.test(path));
}
