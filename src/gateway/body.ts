import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

export interface BodyLimits {
  maxBodyBytes: number;
  /** Nesting of arrays and objects. */
  bodyDepth: number;
}

export interface JsonBody {
  text: string;
  json: JsonObject;
}

/**
 * Reads a JSON object from a request.
 *
 * @throws HeadraceError `unsupported-media-type`, `request-too-large`, `invalid-request`.
 */
export async function readJsonBody(request: Request, { maxBodyBytes, bodyDepth }: BodyLimits): Promise<JsonBody> {
  const type = request.headers.get("content-type") ?? "";
  // A form or text/plain needs no preflight, so any web page could send one to a gateway on its reader's machine.
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    throw new HeadraceError("unsupported-media-type", "send JSON with the header `Content-Type: application/json`");
  }
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") {
    throw new HeadraceError("unsupported-media-type", "send the body uncompressed, without Content-Encoding");
  }
  const text = await readText(request, maxBodyBytes);
  return { text, json: parseJsonObject(text, bodyDepth, "the body") };
}

/**
 * A JSON object that somebody else wrote.
 *
 * @param what - it is called in messages.
 * @throws HeadraceError `invalid-request`.
 */
export function parseJsonObject(text: string, maxDepth: number, what: string): JsonObject {
  const depth = depthOf(text);
  if (depth > maxDepth) {
    throw new HeadraceError("invalid-request", `${what} is nested ${depth} deep; at most ${maxDepth} is accepted`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new HeadraceError("invalid-request", `${what} is not valid JSON: ${whereIn(text, error)}`, { cause: error });
  }
  if (!isJsonObject(json)) throw new HeadraceError("invalid-request", `${what} must be a JSON object`);
  return json;
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = (): HeadraceError =>
    new HeadraceError("request-too-large", `the body is larger than ${maxBytes} bytes; see \`server.maxBodyBytes\``);
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > maxBytes) throw tooLarge();
  // A declared length is what HTTP delivers, and runtimes have a way to read that without a web stream.
  if (length !== null) return request.text();
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let size = 0;
  for await (const bytes of request.body) {
    size += bytes.byteLength;
    if (size > maxBytes) throw tooLarge();
    pieces.push(decoder.decode(bytes, { stream: true }));
  }
  pieces.push(decoder.decode());
  return pieces.join("");
}

/** How deep arrays and objects are nested, found without parsing: a parser's stack is what this protects. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

/** Line and column of a syntax error; never the text itself, which may be a prompt. */
function whereIn(text: string, error: unknown): string {
  if (text.trim() === "") return "it is empty";
  const position = /position (\d+)/.exec(String(error))?.[1];
  if (position === undefined) return "it ends too early or has a stray character";
  const before = text.slice(0, Number(position)).split("\n");
  return `look at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
