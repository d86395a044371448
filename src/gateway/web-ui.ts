import { HeadraceError } from "../core/errors.ts";
import type { GatewayContext } from "./environment.ts";

export interface WebFile {
  body: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
  contentType: string;
}

/** The built pages. */
export interface WebUi {
  page: WebFile;
  /** By name; each name holds a hash of what is in the file. */
  assets: ReadonlyMap<string, WebFile>;
}

/** Reads the pages; undefined when there are none. */
export type ReadWebUi = () => Promise<WebUi | undefined>;

// Own files only, and nothing that stands in the page itself. What models write is shown there.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "cache-control": "no-cache",
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // Looking up the host of a link tells a name server that the link was written.
  "x-dns-prefetch-control": "off",
  vary: "accept, accept-encoding",
};

const assetHeaders = {
  "cache-control": "public, max-age=31536000, immutable",
  "x-content-type-options": "nosniff",
  vary: "accept-encoding",
};

/** `GET /`: the web UI for browsers, a greeting for everybody else. */
export function getPage(read: ReadWebUi, greeting: (origin: string) => string) {
  return async (c: GatewayContext): Promise<Response> => {
    if (!acceptsHtml(c.req.header("accept"))) {
      return c.text(greeting(new URL(c.req.url).origin), 200, { vary: pageHeaders.vary });
    }
    const ui = await read();
    if (ui === undefined) return c.html(notBuilt, 503, pageHeaders);
    return answerFile(c, ui.page, pageHeaders);
  };
}

/** `GET /assets/{name}`: a file of the web UI. */
export function getAsset(read: ReadWebUi) {
  return async (c: GatewayContext): Promise<Response> => {
    const file = (await read())?.assets.get(c.req.param("name") ?? "");
    if (file === undefined) throw new HeadraceError("not-found", "there is no such file; load the page again");
    return answerFile(c, file, assetHeaders);
  };
}

function answerFile(c: GatewayContext, file: WebFile, headers: Record<string, string>): Response {
  const zip = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  const { body, gzipped, contentType } = file;
  return c.body(zip ? gzipped : body, 200, {
    ...headers,
    "content-type": contentType,
    ...(zip && { "content-encoding": "gzip" }),
  });
}

/** A browser names the type; curl and clients of APIs accept anything. */
function acceptsHtml(accept = ""): boolean {
  return accept.split(",").some((range) => range.split(";")[0]?.trim().toLowerCase() === "text/html");
}

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Headrace</title>
<h1>Headrace is running</h1>
<p>Its pages were not built yet. Run <code>npm run build</code> in its folder and load this page again; <code>npm start</code> does so by itself.</p>
<p>The HTTP API works without them: <code>curl</code> this address for a list.</p>
</html>
`;
