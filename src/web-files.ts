import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

import type { WebFile, WebUi } from "./gateway/web-ui.ts";

const contentTypes: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * Reads the built pages, which lie in `dist/web` whether this runs from `src` or from `dist`. Everything is in memory
 * from then on: no request ever becomes a path.
 *
 * @returns undefined when they were not built.
 */
export async function readWebUi(folder = new URL("../dist/web/", import.meta.url)): Promise<WebUi | undefined> {
  const page = await readFile(new URL("index.html", folder)).catch(() => undefined);
  if (page === undefined) return undefined;
  const names = await readdir(new URL("assets/", folder));
  const read = async (name: string) => {
    const type = contentTypes[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return [name, fileOf(await readFile(new URL(`assets/${name}`, folder)), type)] as const;
  };
  return {
    page: fileOf(page, "text/html; charset=utf-8"),
    assets: new Map(await Promise.all(names.map(read))),
  };
}

function fileOf(body: Uint8Array<ArrayBuffer>, contentType: string): WebFile {
  return { body, gzipped: new Uint8Array(gzipSync(body)), contentType };
}
