import type { Command } from "commander";
import { factsOf } from "./bench/model-facts.ts";
import { measure, type Plan, type Series } from "./bench/measure.ts";
import { printSummaries } from "./bench/print.ts";
import { createProgress } from "./bench/progress.ts";
import type { Mode } from "./bench/sample.ts";
import { summarize, type Summary } from "./bench/summary.ts";
import { addCommonOptions, addConnectOptions, connect, type ConnectedClient, type ConnectOptions } from "./connect.ts";
import { exitCodes, onBrokenPipe, sayDim, UsageError, writeJson } from "./terminal.ts";

interface BenchOptions extends ConnectOptions {
  models: string[];
  requests: number;
  concurrency: number;
  prompt: string;
  maxTokens: number;
  compare?: Mode[];
  json?: boolean;
}

/** They cost nothing; others are asked only by name. */
const simulated = ["sim/gpt-4o", "sim/gpt-4o-mini", "sim/claude-3-haiku"];

export function addBenchCommand(program: Command): void {
  const command = program
    .command("bench")
    .description("measure models: time to first token, tokens per second, cost")
    .option("--models <names>", "models or routes, with commas between", readModels, simulated)
    .option("-n, --requests <count>", "answers of each model", readCount, 5)
    .option("-c, --concurrency <count>", "answers at once", readCount, 2)
    .option("--prompt <text>", "what to ask", "Explain in two sentences why the sky is blue.")
    .option("--max-tokens <count>", "longest answer", readCount, 256)
    .option("--compare <modes>", "when something is seen: streaming,blocking", readModes);
  addCommonOptions(addConnectOptions(command)).action(bench).addHelpText("after", help);
}

const help = `
Without --models it asks the built-in simulator, which costs nothing. Providers that cost money are asked only when
they are named. Ctrl-C shows what was measured until then.

Examples:
  headrace bench
  headrace bench --models openai/gpt-4o-mini,groq/llama-3.3-70b-versatile --requests 10
  headrace bench --compare streaming,blocking`;

async function bench(options: BenchOptions): Promise<void> {
  const { models, requests, concurrency, prompt, maxTokens, compare } = options;
  const modes: readonly Mode[] = compare ?? ["streaming"];
  const plan: Plan = { models, modes, requests, concurrency, prompt, maxTokens };
  const connected = await connect(options);
  onBrokenPipe(() => process.exit(exitCodes.ok));
  const signal = interruption();
  const progress = createProgress(plan);
  try {
    announceCost(plan);
    await warmUp(connected);
    const series = await measure(connected, plan, { signal, onSample: progress.show });
    progress.clear();
    const summaries = await Promise.all(series.map((one) => summarizeOne(one, series, connected)));
    report(summaries, plan, { ...options, interrupted: signal.aborted });
  } finally {
    await connected.close();
  }
}

function report(
  summaries: readonly Summary[],
  { prompt, requests, concurrency, maxTokens, modes }: Plan,
  { json, interrupted }: { json?: boolean; interrupted: boolean },
): void {
  const measured = summaries.filter(({ answered, errors }) => answered > 0 || errors.length > 0);
  if (json) writeJson({ prompt, requests, concurrency, maxTokens, interrupted, models: measured });
  else if (measured.length > 0) printSummaries(measured, { compared: modes.length > 1 });
  if (interrupted) {
    if (!json) sayDim("Interrupted; this is what was measured until then.");
    process.exitCode = exitCodes.interrupted;
  } else if (measured.some(({ answered }) => answered === 0)) {
    process.exitCode = exitCodes.failure;
  }
}

async function summarizeOne(one: Series, all: readonly Series[], { config }: ConnectedClient): Promise<Summary> {
  // Who answers is told by streams only, and is the same for answers that are not.
  const ofModel = all.filter(({ model }) => model === one.model).flatMap(({ samples }) => samples);
  const served = ofModel.find(({ servedBy }) => servedBy !== undefined)?.servedBy;
  const slash = one.model.indexOf("/");
  const named = { provider: one.model.slice(0, Math.max(0, slash)), model: one.model.slice(slash + 1) };
  const { provider, model } = served ?? named;
  return summarize(one, await factsOf(provider, model, config));
}

/** A connection, or an engine, that has done nothing yet would count against the first model. Costs nothing. */
async function warmUp({ client, config }: ConnectedClient): Promise<void> {
  await client.models();
  if (config === undefined || Object.hasOwn(config.providers, "sim")) return;
  await client.stream({ model: "sim/instant", prompt: "Hello" }).final;
}

function announceCost({ models, modes, requests, maxTokens }: Plan): void {
  const paid = models.filter((model) => !model.startsWith("sim/"));
  if (paid.length === 0) return;
  const calls = requests * modes.length;
  sayDim(
    `Asks ${paid.join(", ")} ${calls} times each, at most ${maxTokens} output tokens an answer; this may cost money.`,
  );
}

/** The first Ctrl-C ends the measuring, the second one the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  });
  return controller.signal;
}

function readModels(text: string): string[] {
  const models = [...new Set(listIn(text))];
  if (models.length === 0) throw new UsageError("--models needs names with commas between, such as sim/gpt-4o");
  return models;
}

function readModes(text: string): Mode[] {
  return [...new Set(listIn(text))].map((mode) => {
    if (mode === "streaming" || mode === "blocking") return mode;
    throw new UsageError(`--compare takes streaming and blocking, but not ${JSON.stringify(mode)}`);
  });
}

function readCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,6}$/.test(text) && count > 0) return count;
  throw new UsageError(`counts must be whole numbers above 0, but one is ${JSON.stringify(text)}`);
}

function listIn(text: string): string[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
