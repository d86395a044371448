import type { Role } from "../access/keys.ts";
import { HeadraceError } from "../core/errors.ts";
import type { StreamInfo } from "../log/stream-log.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";

/** Who may call a route; `anyone` needs no key. */
export type Access = "anyone" | Role;

/** What says nothing about anybody. So do the files of the web UI. */
const open = new Set(["/", "/health", "/health/live", "/health/ready", "/healthz", "/readyz", "/openapi.json"]);

/** Admin routes that show to each key what is its own. */
const ownRecords = new Set(["/admin/key", "/admin/streams", "/admin/summary", "/admin/live", "/admin/export"]);

/** Who may call a path. Under `/admin/`, whatever is not listed is for admins only. */
export function accessTo(path: string): Access {
  if (open.has(path) || path.startsWith("/assets/")) return "anyone";
  const isOperational = path === "/metrics" || path === "/admin" || path.startsWith("/admin/");
  return isOperational && !ownRecords.has(path) ? "admin" : "user";
}

/** @throws HeadraceError `forbidden` - the path is for admins, and the caller is none. */
export function checkRole(path: string, role: Role): void {
  if (role === "admin" || accessTo(path) !== "admin") return;
  throw new HeadraceError(
    "forbidden",
    `${path.slice(0, 200)} needs an admin key, and this one is not: use a key of HEADRACE_ADMIN_KEYS, or give one the role "admin" in \`access.keys\``,
  );
}

/** Whose records the caller may see, and whose streams it may stop; undefined for everybody's. */
export function ownerSeenBy(c: GatewayContext): string | undefined {
  return c.var.role === "admin" ? undefined : c.var.owner;
}

/**
 * A stream whose content the caller may read: its own. Not even an admin reads what others were told.
 *
 * @throws HeadraceError `stream-not-found`; `forbidden` for an admin, who knows that there is such a stream.
 */
export async function findReadable(c: GatewayContext, { streams }: AppOptions, streamId: string): Promise<StreamInfo> {
  const info = await streams.info(streamId, ownerSeenBy(c));
  if (info.owner === c.var.owner) return info;
  throw new HeadraceError(
    "forbidden",
    `what was said in stream ${streamId} can be read with the key that started it; an admin key sees its trace, and can stop or delete it`,
  );
}
