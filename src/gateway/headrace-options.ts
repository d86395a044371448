import { z } from "zod";

import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";

/** What a single request may decide for itself, in a `headrace` object in its body. */
const schema = z.strictObject({
  onDisconnect: z.enum(["continue", "cancel"]).optional(),
});

export type HeadraceOptions = z.infer<typeof schema>;

/**
 * Takes the `headrace` object out of a body; what is left is for the provider.
 *
 * @throws HeadraceError `invalid-request` - an unknown option, or a wrong value.
 */
export function takeHeadraceOptions(body: JsonObject): { body: JsonObject; options: HeadraceOptions } {
  if (body["headrace"] === undefined) return { body, options: {} };
  const { headrace, ...rest } = body;
  const result = schema.safeParse(headrace);
  if (result.success) return { body: rest, options: result.data };
  const issue = result.error.issues[0];
  const path = ["headrace", ...(issue?.path ?? [])].join(".");
  const known = Object.keys(schema.shape).join(", ");
  throw new HeadraceError("invalid-request", `${path}: ${issue?.message ?? "wrong"}; known options are ${known}`, {
    param: path,
  });
}
