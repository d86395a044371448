import type { z } from "zod";

import { HeadraceError } from "../core/errors.ts";
import type { Records } from "../records/records.ts";
import type { SummaryQuery, TraceQuery } from "../records/records-store.ts";
import type { TargetReport } from "../records/trace.ts";
import { ownerSeenBy } from "./access.ts";
import { listQuerySchema, summaryQuerySchema } from "./admin-schemas.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";

/** `GET /v1/streams/{id}/trace`: everything that is known of a stream beside its content. */
export function getTrace(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> =>
    json(c, await recordsOf(app).trace(c.req.param("id") ?? "", ownerSeenBy(c)));
}

/** `GET /admin/streams`: streams, newest first, filtered. */
export function listTraces(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { limit, before, ...filters } = readQuery(c, listQuerySchema);
    return json(c, await recordsOf(app).list({ ...traceQuery(c, filters), limit, before }));
  };
}

/** `GET /admin/summary`: sums over a time. */
export function getSummary(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const query: SummaryQuery = { ...readQuery(c, summaryQuerySchema), owner: ownerSeenBy(c) };
    return json(c, await recordsOf(app).summary(query));
  };
}

/** `GET /admin/targets`: how the targets have been doing. */
export function listTargets({ router, clock }: AppOptions) {
  return (c: GatewayContext): Response => {
    const data = [...router.targets()].map(([name, { provider, model, health, limit }]): TargetReport => {
      const { restsUntil, isProbing } = health;
      const concurrency: TargetReport["concurrency"] = { active: limit.active, queued: limit.queued };
      if (limit.limit !== undefined) concurrency.limit = Math.floor(limit.limit);
      const state = isProbing ? "probing" : restsUntil === undefined ? "ok" : "resting";
      const report: TargetReport = { name, provider, model, health: state, concurrency, ...health.counts };
      if (restsUntil !== undefined) report.restsUntil = Math.round(clock.now() + restsUntil - clock.elapsed());
      return report;
    });
    return json(c, { data });
  };
}

/** `GET /admin/setup`: what there is to work with. */
export function getSetup({ setup }: AppOptions) {
  return (c: GatewayContext): Response => json(c, setup());
}

/** `GET /admin/key`: what the caller's key is. Without a name, no keys are in use. */
export function getKey(c: GatewayContext): Response {
  const { owner, role } = c.var;
  return json(c, { ...(owner !== "" && { name: owner }), role });
}

/** @throws HeadraceError `not-found` - nothing is kept. */
export function recordsOf({ records }: AppOptions): Records {
  if (records !== undefined) return records;
  throw new HeadraceError("not-found", "no records are kept here; set `records.store` to `auto` to have them");
}

type Filters = Omit<z.infer<typeof listQuerySchema>, "limit" | "before">;

/** What the filters of a request look for, among what its owner may see. */
export function traceQuery(c: GatewayContext, { tag, ...filters }: Filters): Omit<TraceQuery, "limit" | "before"> {
  const owner = ownerSeenBy(c);
  if (tag === undefined) return { ...filters, owner };
  const colon = tag.indexOf(":");
  return { ...filters, owner, tag: { name: tag.slice(0, colon), value: tag.slice(colon + 1) } };
}

/** @throws HeadraceError `invalid-request` - names the parameter at fault. */
export function readQuery<Schema extends z.ZodType>(c: GatewayContext, schema: Schema): z.infer<Schema> {
  const result = schema.safeParse(c.req.query());
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const param = String(unknown ?? issue?.path[0] ?? "").slice(0, 64);
  const why = unknown === undefined ? issue?.message : "there is no such parameter; see /openapi.json";
  throw new HeadraceError("invalid-request", `${param}: ${why ?? "wrong"}`, { param });
}

function json(c: GatewayContext, body: object): Response {
  return c.json(body, 200, { "cache-control": "no-store" });
}
