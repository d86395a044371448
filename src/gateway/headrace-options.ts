import { z } from "zod";

import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { Overrides } from "../routing/router.ts";

/** What a single request may decide for itself, in a `headrace` object in its body or in headers. */
const schema = z.strictObject({
  fallbacks: z.array(z.string().min(1)).max(8).optional(),
  recovery: z.enum(["auto", "off"]).optional(),
  hedgeAfterMs: z.union([z.int().positive(), z.literal("p95"), z.literal("off")]).optional(),
  onDisconnect: z.enum(["continue", "cancel"]).optional(),
  tags: z
    .record(z.string().min(1).max(64), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= 16, "at most 16 tags")
    .optional(),
});

export type HeadraceOptions = z.infer<typeof schema>;

/** The headers of the same names, and how their text becomes a value. */
const headerReaders: Record<keyof HeadraceOptions, { header: string; read(text: string): Json }> = {
  fallbacks: { header: "headrace-fallbacks", read: (text) => text.split(",").map((name) => name.trim()) },
  recovery: { header: "headrace-recovery", read: (text) => text },
  hedgeAfterMs: { header: "headrace-hedge-after-ms", read: (text) => (/^\d+$/.test(text) ? Number(text) : text) },
  onDisconnect: { header: "headrace-on-disconnect", read: (text) => text },
  tags: { header: "headrace-tags", read: readTags },
};

const optionHeaders: ReadonlySet<string> = new Set(Object.values(headerReaders).map(({ header }) => header));

/**
 * Takes the `headrace` object out of a body; what is left is for the provider. Headers count where it is silent.
 *
 * @throws HeadraceError `invalid-request` - an unknown option, or a wrong value.
 */
export function takeHeadraceOptions(
  body: JsonObject,
  headers: Pick<Headers, "get">,
): { body: JsonObject; options: HeadraceOptions } {
  const { headrace, ...rest } = body;
  const fromHeaders = readHeaders(headers);
  if (headrace === undefined && fromHeaders === undefined) return { body, options: {} };
  const given =
    headrace === undefined ? fromHeaders : isJsonObject(headrace) ? { ...fromHeaders, ...headrace } : headrace;
  const result = schema.safeParse(given);
  if (result.success) return { body: rest, options: result.data };
  const issue = result.error.issues[0];
  const path = ["headrace", ...(issue?.path ?? [])].join(".");
  const known = Object.keys(schema.shape).join(", ");
  throw new HeadraceError("invalid-request", `${path}: ${issue?.message ?? "wrong"}; known options are ${known}`, {
    param: path,
  });
}

/** The same for a request without a body: the names of the headers also work in its query, where an EventSource can use them. */
export function takeQueryOptions(
  query: Readonly<Record<string, string>>,
  headers: Headers,
): { body: JsonObject; options: HeadraceOptions } {
  const rest = Object.entries(query).filter(([name]) => !optionHeaders.has(name));
  const get = (name: string): string | null => query[name] ?? headers.get(name);
  return takeHeadraceOptions(Object.fromEntries(rest), { get });
}

/** What of it concerns the way to an answer. */
export function overridesOf({ fallbacks, recovery, hedgeAfterMs }: HeadraceOptions): Overrides {
  const hedge = typeof hedgeAfterMs === "number" ? { afterMs: hedgeAfterMs } : hedgeAfterMs;
  return { fallbacks, recovery, hedge };
}

/** `team=search, user=42` */
function readTags(text: string): Json {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name.trim(), value.join("=").trim()];
    }),
  );
}

function readHeaders(headers: Pick<Headers, "get">): JsonObject | undefined {
  let found: JsonObject | undefined;
  for (const [name, { header, read }] of Object.entries(headerReaders)) {
    const text = headers.get(header);
    if (text !== null) (found ??= {})[name] = read(text.trim());
  }
  return found;
}
