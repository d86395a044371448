import type { Hono } from "hono";

import { getKey, getSetup, getSummary, getTrace, listTargets, listTraces } from "./admin.ts";
import { exportTraces } from "./admin-export.ts";
import { liveTraces } from "./admin-live.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayEnvironment } from "./environment.ts";
import { describeApi } from "./openapi.ts";

/** Routes for looking at what happens, and their description. */
export function addAdminRoutes(app: Hono<GatewayEnvironment>, options: AppOptions): void {
  app.get("/v1/streams/:id/trace", getTrace(options));
  app.get("/admin/key", getKey);
  app.get("/admin/streams", listTraces(options));
  app.get("/admin/summary", getSummary(options));
  app.get("/admin/targets", listTargets(options));
  app.get("/admin/live", liveTraces(options));
  app.get("/admin/setup", getSetup(options));
  app.get("/admin/export", exportTraces(options));
  let description: object | undefined;
  app.get("/openapi.json", (c) => c.json((description ??= describeApi(options.version))));
}
