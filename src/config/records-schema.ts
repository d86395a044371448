import { z } from "zod";

export const recordsSchema = z.strictObject({
  store: z
    .enum(["auto", "off"])
    .default("auto")
    .describe("Where traces, usage and cost are kept: beside the log, or nowhere."),
  keepDays: z.number().positive().default(30).describe("How long they are kept."),
  keepContentDays: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      "How long a finished answer can be read beyond `log.keepClosedHours`, compressed; with 0 it is removed then.",
    ),
});

const dollars = () => z.number().nonnegative();

/** What models cost, by `provider/model` or `provider/*`. */
export const pricesSchema = z.record(
  z.string().regex(/^[^/]+\/./, "must be `provider/model` or `provider/*`"),
  z.strictObject({
    inputPerMillion: dollars().describe("US dollars per million input tokens."),
    outputPerMillion: dollars().describe("US dollars per million output tokens."),
    cachedInputPerMillion: dollars()
      .optional()
      .describe("US dollars per million input tokens that came from a cache. Default: as other input."),
    inputAudioPerMillion: dollars()
      .optional()
      .describe(
        "US dollars per million input tokens of audio. Without it the cost of requests with audio is not known.",
      ),
    outputAudioPerMillion: dollars()
      .optional()
      .describe("US dollars per million output tokens of audio. Without it the cost of spoken answers is not known."),
    inputImagePerMillion: dollars()
      .optional()
      .describe("US dollars per million input tokens of pictures. Default: as other input."),
    outputImagePerMillion: dollars()
      .optional()
      .describe("US dollars per million output tokens of pictures. Without it the cost of drawn answers is not known."),
  }),
);
