import { HeadraceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";

/** One call to the simulator. */
export interface Call {
  method: string;
  path: string;
  query: Record<string, string>;
  /** The header `x-simulator-fault`. Empty when there is none. */
  faults: string;
  signal: AbortSignal | undefined;
  text: () => Promise<string>;
}

/** Takes a call apart without making a Request of it, which costs more than all the rest. */
export function readCall(target: Request | URL | string, init: RequestInit = {}): Call {
  const request = target instanceof Request ? target : undefined;
  const url = target instanceof Request ? new URL(target.url) : new URL(target);
  const { body } = init;
  return {
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    path: url.pathname.replace(/(?<=.)\/$/, ""),
    query: Object.fromEntries(url.searchParams),
    faults: headerOf(init.headers ?? request?.headers, "x-simulator-fault"),
    signal: init.signal ?? request?.signal,
    text: async () => {
      if (typeof body === "string") return body;
      return body === undefined || body === null ? ((await request?.text()) ?? "") : new Response(body).text();
    },
  };
}

function headerOf(headers: HeadersInit | undefined, name: string): string {
  if (headers === undefined) return "";
  if (headers instanceof Headers) return headers.get(name) ?? "";
  // Making Headers of a plain object costs as much as all the rest of a call.
  const entries = Array.isArray(headers) ? headers : Object.entries(headers);
  return entries.find(([key]) => key?.toLowerCase() === name)?.[1] ?? "";
}

/** @throws HeadraceError `invalid-request` */
export async function readJson({ text }: Call): Promise<JsonObject> {
  let body: unknown;
  try {
    body = JSON.parse(await text());
  } catch (error) {
    throw new HeadraceError("invalid-request", "the body is not valid JSON", { cause: error });
  }
  if (isJsonObject(body)) return body;
  throw new HeadraceError("invalid-request", "the body must be a JSON object with `model` and `messages`");
}

export function wrongMethod({ method, path }: Call, right: string): HeadraceError {
  return new HeadraceError("method-not-allowed", `${path} takes ${right}, not ${method}`);
}
