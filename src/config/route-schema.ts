import { z } from "zod";
import { hedge, onDisconnect, recovery } from "./reliability-schema.ts";

const targetSchema = z.union([
  z.string().min(1),
  z.strictObject({
    target: z.string().min(1).describe("`provider/model`."),
    weight: z
      .number()
      .positive()
      .optional()
      .describe("Share of the requests, with the strategy `weighted`. Default 1."),
    prefill: z
      .boolean()
      .optional()
      .describe("Whether the model goes on from a begun answer. Default: what is known of vendor and model."),
  }),
]);

/** One entry of the section `routes`. */
export const routeSchema = z.strictObject({
  targets: z
    .array(targetSchema)
    .min(1)
    .describe("What may answer, as `provider/model`; the ones after the first when those before it cannot."),
  strategy: z
    .enum(["failover", "weighted"])
    .default("failover")
    .describe("Which target is asked first: the first one, or one drawn by `weight`."),
  hedge: hedge().optional().describe("As `reliability.hedge`, for this route."),
  recovery: recovery().optional().describe("As `reliability.recovery`, for this route."),
  toolCalls: z
    .enum(["stream", "atomic"])
    .default("stream")
    .describe(
      "`atomic` holds tool calls back until the answer is finished, so that one that breaks in the middle can be made anew.",
    ),
  onDisconnect: onDisconnect().optional().describe("As `reliability.onDisconnect`, for this route."),
});
