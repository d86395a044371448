import { isJsonObject } from "../../core/json.ts";
import { UsageError } from "../terminal.ts";
import { judgeArrivals, type Verdict } from "./arrivals.ts";
import { describeDelivery, type Measured } from "./delivery.ts";
import type { Finding } from "./finding.ts";
import { browserEncodings, probeStream, type ProbeResult } from "./stream-probe.ts";

export interface UrlOptions {
  url: string;
  apiKey?: string | undefined;
  /** What is asked; left out, it is the simulator of a Headrace. */
  model?: string | undefined;
  prompt?: string | undefined;
  timeoutMs: number;
}

export interface UrlReport {
  finding: Finding;
  /** Missing when there was no answer to measure. */
  verdict?: Verdict;
  model?: string;
}

/** Two seconds, in which a proxy has time enough to show what it does. */
const paced = { words: 40, intervalMs: 50 };
const pacedModel = `sim/gpt-4o?words=${paced.words}&interval=${paced.intervalMs}`;

/** Measures whether answers of a deployed address stream, or are collected on the way. */
export async function checkUrl(options: UrlOptions): Promise<UrlReport> {
  const base = baseOf(options.url);
  const about = new URL(base).host;
  const failed = (message: string, next: string): UrlReport => ({
    finding: { level: "problem", about, message, next },
  });
  const listed = options.model === undefined ? await findSimulator(base, options) : "there";
  if (listed === "refused") return failed(...refusal(options));
  if (listed === "missing") {
    return failed(
      `${base}/v1/models lists no simulator, so this is no Headrace`,
      "name a model with --model, which is then asked one short question and may cost a little",
    );
  }
  const model = options.model ?? pacedModel;
  try {
    const measured = await measure({ ...options, url: base }, model);
    const { status, complete } = measured.result;
    if (status === 401) return failed(...refusal(options));
    if (status < 200 || status > 299) return failed(`answers with HTTP ${status}`, nextAfter(status));
    const { verdict } = measured;
    if (!complete) {
      const message = `the stream ends without its end marker, after ${verdict.events} events`;
      return {
        ...failed(message, "something on the way cuts it: look for response timeouts and size limits"),
        verdict,
        model,
      };
    }
    return { finding: describeDelivery(about, measured), verdict, model };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return failed(`no whole answer: ${text}`, "check the address; is it reachable from here?");
  }
}

async function measure({ url, apiKey, prompt, timeoutMs }: UrlOptions, model: string): Promise<Measured> {
  const text = prompt ?? "Count from one to fifty in words.";
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: text }] });
  const probe = async (acceptEncoding: string) => {
    const result = await probeStream({ url: `${url}/v1/chat/completions`, apiKey, body, acceptEncoding, timeoutMs });
    return { result, verdict: judge(result, model) };
  };
  let first = await probe(browserEncodings);
  // A machine that is busy for a moment, this one or that one, looks like a proxy that batches; but only once.
  if (first.verdict.delivery === "batches") first = await probe(browserEncodings);
  const { result, verdict } = first;
  if (verdict.delivery === "streams" || result.headers["content-encoding"] === undefined) return first;
  return { ...first, uncompressed: await probe("identity") };
}

function judge({ arrivals, totalMs }: ProbeResult, model: string): Verdict {
  return judgeArrivals(arrivals, model === pacedModel ? { totalMs, intervalMs: paced.intervalMs } : { totalMs });
}

async function findSimulator(
  base: string,
  { apiKey, timeoutMs }: UrlOptions,
): Promise<"there" | "missing" | "refused"> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const response = await fetch(`${base}/v1/models`, { headers, signal: AbortSignal.timeout(timeoutMs) });
    if (response.status === 401) return "refused";
    // The stream that is asked for next says better what is wrong.
    if (response.status === 403) return "there";
    const body: unknown = response.ok ? await response.json() : undefined;
    const list = isJsonObject(body) ? body["data"] : undefined;
    const isListed = Array.isArray(list) && list.some((model) => isJsonObject(model) && model["id"] === "sim/gpt-4o");
    return isListed ? "there" : "missing";
  } catch {
    return "there";
  }
}

function refusal({ apiKey }: UrlOptions): [message: string, next: string] {
  return apiKey === undefined
    ? ["wants a key, and none was given", "give it with --key or in HEADRACE_API_KEY"]
    : ["refuses the key", "give a valid one with --key or in HEADRACE_API_KEY"];
}

function nextAfter(status: number): string {
  if (status === 403) return "give another key with --key; or something in front of it does not let this machine in";
  if (status === 404) return "check the address, and the model's name";
  if (status === 502 || status === 503 || status === 504) return "the proxy is there, but not what stands behind it";
  return "look into the server's log";
}

/** People paste the address with or without what the OpenAI convention adds to it. */
function baseOf(text: string): string {
  const full = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(full) || !/^https?:$/.test(new URL(full).protocol)) {
    throw new UsageError(`--url must be an address such as https://llm.example.com, but is ${JSON.stringify(text)}`);
  }
  const { origin, pathname } = new URL(full);
  return origin + pathname.replace(/\/+$/, "").replace(/\/v1(\/chat\/completions)?$/, "");
}
