import type { Command } from "commander";
import { Option } from "commander";
import { HeadraceError } from "../core/errors.ts";
import type { Trace, TracePage } from "../records/trace.ts";
import type { ConnectOptions } from "./connect.ts";
import { addCommonOptions } from "./connect.ts";
import { writeTable } from "./table.ts";
import { printable, say, styled, UsageError, writeJson } from "./terminal.ts";
import { cells, describeTrace } from "./trace-text.ts";

interface StreamsOptions extends ConnectOptions {
  json?: boolean;
  limit?: string;
  model?: string;
  operation?: string;
  route?: string;
  outcome?: string;
  state?: string;
  tag?: string;
}

export function addStreamsCommand(program: Command): void {
  const streams = program.command("streams").description("look at the streams of a running gateway");
  const list = streams
    .command("list", { isDefault: true })
    .description("the latest streams, newest first")
    .option("-n, --limit <number>", "how many", "20")
    .option("-m, --model <model>", "asked for, or answered by")
    .option("--operation <operation>", "chat, embeddings or text_completion")
    .option("--route <route>", "asked for under this name")
    .option("--outcome <outcome>", "completed, length, content_filter, cancelled, interrupted or failed")
    .option("--state <state>", "open or closed")
    .option("--tag <name:value>", "with this tag");
  addGateway(list).action(listStreams);
  const show = streams
    .command("show")
    .description("what a stream took: attempts, timings, usage, cost")
    .argument("<id>");
  addGateway(show).action(showStream);
  const broken = streams
    .command("break")
    .description("break the provider's connection while it answers, to see the answer survive")
    .argument("<id>");
  addGateway(broken).action(breakStream);
}

function addGateway(command: Command): Command {
  command
    .addOption(new Option("--url <url>", "the gateway").env("HEADRACE_URL").default("http://127.0.0.1:8484"))
    .addOption(new Option("--api-key <key>", "key for the gateway").env("HEADRACE_API_KEY"));
  return addCommonOptions(command);
}

async function listStreams({
  json,
  limit,
  model,
  operation,
  route,
  outcome,
  state,
  tag,
  ...gateway
}: StreamsOptions): Promise<void> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ limit, model, operation, route, outcome, state, tag })) {
    if (value !== undefined) query.set(name, value);
  }
  const page = await call<TracePage>(gateway, `/admin/streams?${query}`);
  if (json) return writeJson(page);
  if (page.data.length === 0) return say("There are no such streams.");
  const rows = page.data.map((summary) => cells(summary).map(printable));
  const head = ["ID", "STARTED", "MODEL", "STATE", "FIRST TOKEN", "TOKENS", "COST"];
  const [first = "", ...lines] = writeTable(head, rows, {
    columns: process.stdout.columns,
    shrinks: "MODEL",
    dispensable: ["STARTED", "TOKENS", "FIRST TOKEN", "COST"],
  });
  process.stdout.write(`${styled("bold", first)}\n`);
  for (const line of lines) process.stdout.write(`${line}\n`);
}

async function showStream(id: string, { json, ...gateway }: StreamsOptions): Promise<void> {
  const trace = await call<Trace>(gateway, `/v1/streams/${encodeURIComponent(id)}/trace`);
  if (json) writeJson(trace);
  else process.stdout.write(`${describeTrace(trace)}\n`);
}

async function breakStream(id: string, { json, ...gateway }: StreamsOptions): Promise<void> {
  const path = `/v1/streams/${encodeURIComponent(id)}/break`;
  const broken = await call<{ attempts: { target: string }[] }>(gateway, path, "POST");
  if (json) return writeJson(broken);
  const targets = broken.attempts.map(({ target }) => printable(target)).join(" and ");
  process.stdout.write(
    `Broke the connection to ${targets}. See what followed: headrace streams show ${printable(id)}\n`,
  );
}

async function call<Body>({ url = "", apiKey }: ConnectOptions, path: string, method = "GET"): Promise<Body> {
  const base = url.replace(/\/+$/, "").replace(/\/v1$/, "");
  let response: Response;
  try {
    response = await fetch(`${base}${path}`, {
      method,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    });
  } catch (error) {
    const message = `there is no gateway at ${base}; start one with \`headrace\`, or name one with --url`;
    throw new HeadraceError("provider-unreachable", message, { cause: error });
  }
  const body = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  if (response.ok && body !== undefined) return body as Body;
  throw new UsageError(body?.error?.message ?? `the gateway answered ${response.status}`);
}
