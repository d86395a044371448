import type { Command } from "commander";
import type { AnswerStream, FinalAnswer } from "../client/client.ts";
import { addCommonOptions, addConnectOptions, connect, type ConnectOptions } from "./connect.ts";
import { exitCodes, onBrokenPipe, printable, readStandardInput, UsageError, writeJson } from "./terminal.ts";

interface StreamOptions extends ConnectOptions {
  model?: string;
  system?: string;
  json?: boolean;
}

export function addStreamCommand(program: Command): void {
  const command = program
    .command("stream")
    .description("stream one answer to standard output")
    .argument("[prompt]", "what to ask; `-`, or nothing with something piped in, reads standard input")
    .option("-m, --model <model>", "model or route", process.env["HEADRACE_MODEL"])
    .option("-s, --system <text>", "system message");
  addCommonOptions(addConnectOptions(command)).action(stream);
}

async function stream(argument: string | undefined, options: StreamOptions): Promise<void> {
  const prompt = await readPrompt(argument);
  const { model, system } = options;
  const connected = await connect(options);
  try {
    const answer = connected.client.stream({
      prompt,
      ...(model === undefined ? {} : { model }),
      ...(system === undefined ? {} : { system }),
    });
    const stopped = stopOnInterrupt(answer);
    onBrokenPipe(() => void answer.stop().finally(() => process.exit(exitCodes.ok)));
    const final = options.json ? await answer.final : await printText(answer);
    if (options.json) writeJson(final);
    if (stopped()) process.exitCode = exitCodes.interrupted;
  } finally {
    await connected.close();
  }
}

async function readPrompt(argument: string | undefined): Promise<string> {
  if (argument !== undefined && argument !== "-") return argument;
  if (argument === undefined && process.stdin.isTTY) {
    throw new UsageError('there is no prompt; write headrace stream "Why is the sky blue?", or pipe one in');
  }
  const prompt = (await readStandardInput()).trim();
  if (prompt === "") throw new UsageError("standard input is empty; pipe a prompt in, or give it as an argument");
  return prompt;
}

async function printText(answer: AnswerStream): Promise<FinalAnswer> {
  let last = "\n";
  try {
    for await (const text of answer.text) {
      process.stdout.write(printable(text));
      last = text.at(-1) ?? last;
    }
  } finally {
    // Files and pipes get the text as it is; a terminal's prompt belongs on a line of its own.
    if (last !== "\n" && process.stdout.isTTY) process.stdout.write("\n");
  }
  return answer.final;
}

/** The first Ctrl-C stops the answer, the second one ends the process. Returns whether there was one. */
function stopOnInterrupt(answer: AnswerStream): () => boolean {
  let count = 0;
  process.on("SIGINT", () => {
    count += 1;
    if (count > 1) process.exit(exitCodes.interrupted);
    // When not even stopping works, there is nothing left to wait for.
    answer.stop().catch(() => process.exit(exitCodes.interrupted));
  });
  process.once("SIGTERM", () => void answer.stop().finally(() => process.exit(exitCodes.terminated)));
  return () => count > 0;
}
