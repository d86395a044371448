import type { Verdict } from "./arrivals.ts";
import type { Finding } from "./finding.ts";
import { durationText } from "./settings.ts";
import type { ProbeResult, ResponseHeaders } from "./stream-probe.ts";

export interface Measured {
  verdict: Verdict;
  result: ProbeResult;
  /** A second answer, asked for without compression, where the first was compressed and did not stream. */
  uncompressed?: { verdict: Verdict };
}

/** What was measured, with the likely cause and how to mend it. */
export function describeDelivery(about: string, { verdict, result, uncompressed }: Measured): Finding {
  const { delivery, events, spanMs } = verdict;
  const first = result.arrivals[0]?.atMs ?? result.totalMs;
  const times = `${events} events over ${durationText(spanMs)}, the first after ${durationText(first)}`;
  if (delivery === "streams") return { level: "ok", about, message: `streams: ${times}` };
  if (delivery === "unclear") {
    const message = `cannot be told: ${times}, which is too little`;
    return { level: "warning", about, message, next: "ask a model that says more, with --model and --prompt" };
  }
  const what =
    delivery === "buffers"
      ? `buffers: all ${events} events came at the end, after ${durationText(first)}`
      : `batches every ${durationText(verdict.everyMs ?? 0)}: ${events} events came in ${verdict.bursts} lots`;
  const encoding = result.headers["content-encoding"];
  if (encoding !== undefined && uncompressed?.verdict.delivery === "streams") {
    return {
      level: "problem",
      about,
      message: `${what}; something compresses it (${encoding}), and without compression it streams`,
      next: `switch compression off for text/event-stream${compressionFix(result.headers)}`,
    };
  }
  const { name, next } = likelyBuffer(result.headers);
  const also = encoding === undefined ? "" : `, and compresses it (${encoding})`;
  return { level: "problem", about, message: `${what}; ${name} collects it${also}`, next };
}

function compressionFix({ server }: ResponseHeaders): string {
  if (/nginx/i.test(server ?? ""))
    return ": take it out of gzip_types (and brotli_types), or `gzip off;` for these paths";
  if (/caddy/i.test(server ?? "")) return ": `encode` with a `match` that leaves it out, and `flush_interval -1`";
  return "; a compressor that stays has to flush after every event. `cache-control: no-transform` is sent, and was not obeyed";
}

/** Who stands in between and says so, and what is known to help there. */
const buffers: { sign: (headers: ResponseHeaders) => boolean; name: string; next: string }[] = [
  {
    sign: (headers) => headers["cf-ray"] !== undefined,
    name: "Cloudflare, or what stands behind it,",
    next: "check that the response keeps content-type text/event-stream, and switch off compression and rules that change bodies for these paths",
  },
  {
    sign: (headers) => headers["x-amz-cf-id"] !== undefined,
    name: "CloudFront, or what stands behind it,",
    next: "switch off compression in the cache behaviour, and use the managed policy CachingDisabled for these paths",
  },
  {
    sign: (headers) => headers["x-amzn-requestid"] !== undefined || headers["x-amz-apigw-id"] !== undefined,
    name: "API Gateway or Lambda",
    next: "use response streaming: a function URL with RESPONSE_STREAM, or an integration with the response transfer mode STREAM",
  },
  {
    sign: (headers) => headers["x-served-by"] !== undefined && headers["x-timer"] !== undefined,
    name: "Fastly",
    next: "set beresp.do_stream = true and beresp.do_gzip = false for these paths",
  },
  {
    sign: ({ server }) => /nginx|openresty/i.test(server ?? ""),
    name: "nginx",
    next: "`proxy_buffering off; proxy_cache off; gzip off; proxy_http_version 1.1; proxy_read_timeout 1h;` in the location",
  },
  {
    sign: ({ server }) => /apache/i.test(server ?? ""),
    name: "Apache",
    next: "`ProxyPass ... flushpackets=on`, and `SetEnv no-gzip 1` for these paths",
  },
  {
    sign: (headers) => headers["content-length"] !== undefined,
    name: "something that gave the answer a content-length",
    next: "a proxy, a serverless function or a middleware reads the whole response before it sends it: pass the body on as a stream",
  },
];

function likelyBuffer(headers: ResponseHeaders): { name: string; next: string } {
  const found = buffers.find(({ sign }) => sign(headers));
  if (found !== undefined) return found;
  return {
    name: "something in between",
    next: "in nginx `proxy_buffering off; gzip off;`, in Caddy `flush_interval -1`, in Apache `flushpackets=on`; then look for compression, virus scanners and middleware that reads whole responses",
  };
}
