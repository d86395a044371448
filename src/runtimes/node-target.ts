import type { IncomingMessage } from "node:http";

/** `.` and `..` between slashes, however they are written. */
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;
/** A letter, digit, `-`, `.`, `_` or `~` that is written as its code. */
const needlesslyEncoded = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/i;

/**
 * What is wrong with where a request is for; undefined when nothing is. What stands in front of the gateway and the
 * gateway itself must take a request to be for the same host and path, so whatever can be read in two ways is refused.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export function wrongTarget({ url = "", rawHeaders }: Pick<IncomingMessage, "url" | "rawHeaders">): string | undefined {
  if (!url.startsWith("/")) {
    return "ask for a path, such as GET /v1/models: this is no proxy, and serves no other host";
  }
  const [path = ""] = url.split("?", 1);
  if (path.startsWith("//") || path.includes("\\") || dotSegment.test(path)) {
    return "the path has `//` at its beginning, a backslash, or `.` or `..` between slashes; write it without";
  }
  if (needlesslyEncoded.test(path)) {
    return "the path has letters, digits or one of -._~ written as percent codes; write them as they are";
  }
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  return hosts.length > 1 ? "the request has more than one Host header; send one" : undefined;
}
