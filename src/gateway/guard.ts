import { HeadraceError } from "../core/errors.ts";

export interface GuardOptions {
  /** The gateway listens on loopback only: then a foreign Host or Origin is an attack from a web page. */
  loopback: boolean;
  /** Further host names, such as the one a proxy serves this under. */
  trustedHosts: readonly string[];
  /** Web pages that may call, as origins; `*` for all of them. */
  corsOrigins: readonly string[];
  headerBytes: number;
  headerCount: number;
}

/**
 * Refuses requests that no honest client sends.
 *
 * @returns the origin that may read the answer, when a web page asks.
 * @throws HeadraceError `forbidden`, `headers-too-large`, `invalid-request`.
 */
export function guard(
  request: Request,
  rawHeaders: readonly string[] | undefined,
  options: GuardOptions,
): string | undefined {
  checkHeaderSize(request, rawHeaders, options);
  checkHost(request, options);
  return checkOrigin(request, options);
}

function checkHeaderSize(
  { headers }: Request,
  rawHeaders: readonly string[] | undefined,
  { headerBytes, headerCount }: GuardOptions,
): void {
  const names = rawHeaders === undefined ? [...headers].flat() : rawHeaders;
  if (names.length / 2 > headerCount) {
    throw new HeadraceError(
      "headers-too-large",
      `the request has ${names.length / 2} headers; at most ${headerCount} are accepted`,
    );
  }
  let bytes = 0;
  for (const text of names) bytes += text.length + 2;
  if (bytes > headerBytes) {
    throw new HeadraceError(
      "headers-too-large",
      `the request's headers are ${bytes} bytes; at most ${headerBytes} are accepted`,
    );
  }
}

function checkHost(request: Request, { loopback, trustedHosts }: GuardOptions): void {
  if (!loopback) return;
  const host = request.headers.get("host");
  // Without a Host header there is no browser behind it: a library call, or HTTP/1.0.
  if (host === null) return;
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  if (isLoopbackName(name) || trustedHosts.includes(name)) return;
  throw new HeadraceError(
    "forbidden",
    `this gateway is not served as that host; add it to \`server.trustedHosts\` if it should be`,
  );
}

function checkOrigin(request: Request, { loopback, corsOrigins }: GuardOptions): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  if (corsOrigins.includes("*") || corsOrigins.includes(origin)) return origin;
  const { hostname } = URL.canParse(origin) ? new URL(origin) : { hostname: "" };
  // A page of the same machine, such as a development server on another port.
  if (loopback && isLoopbackName(hostname)) return origin;
  if (origin === new URL(request.url).origin) return origin;
  throw new HeadraceError(
    "forbidden",
    "web pages of that origin may not call this gateway; add it to `server.corsOrigins` if they should",
  );
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
