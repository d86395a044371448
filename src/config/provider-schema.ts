import { z } from "zod";

/** One entry of the section `providers`. */
export const providerSchema = z.strictObject({
  vendor: z
    .string()
    .min(1)
    .describe("Who is behind it: `openai`, `openrouter`, `ollama`, ... or `openai-compatible` with a `baseUrl`."),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where to send requests. Default: the vendor's own address."),
  apiKeyVariable: z
    .string()
    .min(1)
    .optional()
    .describe("Name of the environment variable that holds the key. Default: the vendor's usual one."),
  apiKey: z.string().min(1).optional().describe("The key itself, for local servers; prefer `apiKeyVariable`."),
  region: z
    .string()
    .min(1)
    .optional()
    .describe("Region of the service, for vendors that have one. Default: the vendor's usual variable."),
  apiVersion: z
    .string()
    .min(1)
    .optional()
    .describe("Version of the API, for vendors that want it in the address. Default: the vendor's usual variable."),
  headers: z.record(z.string(), z.string()).optional().describe("Headers added to every request."),
  background: z
    .boolean()
    .optional()
    .describe(
      "Whether answers are made in the background, where they survive a broken connection; for `openai-responses` and `azure-openai-responses`, which then store them.",
    ),
  models: z.array(z.string().min(1)).optional().describe("Models to list; others are passed on all the same."),
});
