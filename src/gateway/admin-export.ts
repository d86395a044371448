import type { Records } from "../records/records.ts";
import type { TraceQuery } from "../records/records-store.ts";
import type { TraceSummary } from "../records/trace.ts";
import { readQuery, recordsOf, traceQuery } from "./admin.ts";
import { exportQuerySchema } from "./admin-schemas.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";

const rowsAtOnce = 500;

/** `GET /admin/export`: all streams that a list would show, as a file. */
export function exportTraces(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { format, ...filters } = readQuery(c, exportQuerySchema);
    const pages = readPages(recordsOf(app), traceQuery(c, filters));
    // A question that takes too long is answered as an error; later on there is only breaking off.
    const first = await pages.next();
    const write = format === "csv" ? csvRow : (summary: TraceSummary): string => `${JSON.stringify(summary)}\n`;
    const encoder = new TextEncoder();
    let page: IteratorResult<TraceSummary[]> | undefined = first;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        if (format === "csv") controller.enqueue(encoder.encode(`${columns.map(([name]) => name).join(",")}\r\n`));
      },
      async pull(controller) {
        const { value, done } = page ?? (await pages.next());
        page = undefined;
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value.map(write).join("")));
      },
    });
    return c.body(body, 200, {
      "content-type": format === "csv" ? "text/csv; charset=utf-8" : "application/jsonl; charset=utf-8",
      "content-disposition": `attachment; filename="headrace-streams.${format}"`,
      "cache-control": "no-store",
    });
  };
}

async function* readPages(
  records: Records,
  query: Omit<TraceQuery, "limit" | "before">,
): AsyncGenerator<TraceSummary[], undefined, undefined> {
  for (let before: string | undefined; ;) {
    const { data, next } = await records.list({ ...query, limit: rowsAtOnce, before });
    yield data;
    if (next === undefined) return undefined;
    before = next;
  }
}

type Cell = string | number | undefined;

const columns: readonly [name: string, read: (summary: TraceSummary) => Cell][] = [
  ["id", ({ id }) => id],
  ["owner", ({ owner }) => owner],
  ["started_at", ({ startedAt }) => new Date(startedAt).toISOString()],
  ["model", ({ model }) => model],
  ["route", ({ route }) => route],
  ["operation", ({ operation }) => operation],
  ["protocol", ({ protocol }) => protocol],
  ["provider", ({ provider }) => provider],
  ["served_model", ({ servedModel }) => servedModel],
  ["state", ({ state }) => state],
  ["outcome", ({ outcome }) => outcome],
  ["finish_reason", ({ finishReason }) => finishReason],
  ["error_code", ({ error }) => error?.code],
  ["attempts", ({ attemptCount }) => attemptCount],
  ["seams", ({ seamCount }) => seamCount],
  ["input_tokens", ({ usage }) => usage?.inputTokens],
  ["output_tokens", ({ usage }) => usage?.outputTokens],
  ["cached_input_tokens", ({ usage }) => usage?.cachedInputTokens],
  ["reasoning_tokens", ({ usage }) => usage?.reasoningTokens],
  ["input_audio_tokens", ({ usage }) => usage?.inputAudioTokens],
  ["input_image_tokens", ({ usage }) => usage?.inputImageTokens],
  ["output_audio_tokens", ({ usage }) => usage?.outputAudioTokens],
  ["output_image_tokens", ({ usage }) => usage?.outputImageTokens],
  ["usage_estimated", ({ usage }) => (usage === undefined ? undefined : String(usage.estimated === true))],
  ["cost_usd", ({ cost }) => cost?.total],
  ["cost_delivered_usd", ({ cost }) => cost?.delivered],
  ["cost_discarded_usd", ({ cost }) => cost?.discarded],
  ["cost_hedged_usd", ({ cost }) => cost?.hedged],
  ["time_to_first_token_ms", ({ timeToFirstTokenMs }) => timeToFirstTokenMs],
  ["duration_ms", ({ durationMs }) => durationMs],
  ["tokens_per_second", ({ tokensPerSecond }) => tokensPerSecond],
  ["tags", ({ tags }) => (tags === undefined ? undefined : JSON.stringify(tags))],
];

function csvRow(summary: TraceSummary): string {
  return `${columns.map(([, read]) => cell(read(summary))).join(",")}\r\n`;
}

function cell(value: Cell): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  // What begins like a formula would be computed by spreadsheets, and names of models and tags come from callers.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
