import type { Command } from "commander";
import type { ModelSummary } from "../client/client.ts";
import { addCommonOptions, addConnectOptions, connect, type ConnectOptions } from "./connect.ts";
import { printable, styled, writeJson } from "./terminal.ts";

export function addModelsCommand(program: Command): void {
  const command = program
    .command("models")
    .description("list the models and routes that can be asked, with context and prices where they are known");
  addCommonOptions(addConnectOptions(command)).action(models);
}

async function models(options: ConnectOptions & { json?: boolean }): Promise<void> {
  const { client, close } = await connect(options);
  try {
    const list = await client.models();
    if (options.json) return writeJson(list);
    const rows = list.map((model) => [
      printable(model.id),
      contextOf(model),
      pricesOf(model),
      printable(model.ownedBy),
    ]);
    const head = ["MODEL", "CONTEXT", "$/1M IN, OUT", "FROM"];
    const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
    const line = (row: readonly string[]) => row.map((text, column) => text.padEnd(widths[column] ?? 0));
    process.stdout.write(`${styled("bold", line(head).join("  ").trimEnd())}\n`);
    for (const row of rows) {
      const [id = "", ...rest] = line(row);
      process.stdout.write(`${id}  ${styled("dim", rest.join("  ").trimEnd())}\n`);
    }
  } finally {
    await close();
  }
}

function contextOf({ contextTokens }: ModelSummary): string {
  return contextTokens === undefined ? "" : contextTokens.toLocaleString("en-US");
}

function pricesOf({ inputPerMillion, outputPerMillion }: ModelSummary): string {
  return inputPerMillion === undefined || outputPerMillion === undefined
    ? ""
    : `${inputPerMillion}, ${outputPerMillion}`;
}
