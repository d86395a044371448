import type { Command } from "commander";
import { addCommonOptions, addConnectOptions, connect, type ConnectOptions } from "./connect.ts";
import { styled, writeJson } from "./terminal.ts";

export function addModelsCommand(program: Command): void {
  const command = program.command("models").description("list the models and routes that can be asked");
  addCommonOptions(addConnectOptions(command)).action(models);
}

async function models(options: ConnectOptions & { json?: boolean }): Promise<void> {
  const { client, close } = await connect(options);
  try {
    const list = await client.models();
    if (options.json) return writeJson(list);
    const width = Math.max(5, ...list.map(({ id }) => id.length));
    process.stdout.write(`${styled("bold", `${"MODEL".padEnd(width)}  FROM`)}\n`);
    for (const { id, ownedBy } of list) process.stdout.write(`${id.padEnd(width)}  ${styled("dim", ownedBy)}\n`);
  } finally {
    await close();
  }
}
