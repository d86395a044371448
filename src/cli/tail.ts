import { type Command, Option } from "commander";
import { addCommonOptions, connectTo } from "./connect.ts";
import { exitCodes, onBrokenPipe, printable, writeJson } from "./terminal.ts";

interface TailOptions {
  after?: string;
  as: "text" | "events";
  json?: boolean;
  url?: string;
  apiKey?: string;
}

export function addTailCommand(program: Command): void {
  const command = program
    .command("tail")
    .description("follow a stream of a running gateway, from its beginning or a cursor")
    .argument("<id>", "the stream's id, such as st_7Qk…")
    .option("--after <cursor>", "read on after this cursor, such as 1-42")
    .addOption(new Option("--as <form>", "what to print").choices(["text", "events"]).default("text"))
    .addOption(new Option("--url <url>", "the gateway").env("HEADRACE_URL").default("http://127.0.0.1:8484"))
    .addOption(new Option("--api-key <key>", "key for the gateway").env("HEADRACE_API_KEY"));
  addCommonOptions(command).action(tail);
}

async function tail(streamId: string, options: TailOptions): Promise<void> {
  // The stream goes on; whoever wants to end it stops it.
  process.on("SIGINT", () => {
    if (process.stdout.isTTY) process.stdout.write("\n");
    process.exit(exitCodes.interrupted);
  });
  onBrokenPipe(() => process.exit(exitCodes.ok));
  const position = options.after === undefined ? {} : { after: options.after };
  const answer = connectTo(options).follow(streamId, position);
  if (options.as === "events" || options.json) {
    for await (const event of answer.events) writeJson(event);
    return;
  }
  for await (const text of answer.text) process.stdout.write(printable(text));
  if (process.stdout.isTTY) process.stdout.write("\n");
}
