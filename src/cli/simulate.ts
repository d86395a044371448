import type { Command } from "commander";
import { systemClock } from "../outside.ts";
import { addCommonOptions } from "./connect.ts";
import { closeOnSignal, readPort } from "./serve.ts";
import { styled, writeJson } from "./terminal.ts";

interface SimulateFlags {
  host: string;
  port: number;
  json?: boolean;
}

export function addSimulateCommand(program: Command): void {
  const command = program
    .command("simulate")
    .description("serve the simulated provider alone, to point any OpenAI client at")
    .option("--host <host>", "address to listen on", "127.0.0.1")
    .option("-p, --port <port>", "port to listen on", readPort, 8485);
  addCommonOptions(command).action(simulate);
}

async function simulate({ host, port, json }: SimulateFlags): Promise<void> {
  const [{ createSimulator }, { serveSimulator }] = await Promise.all([
    import("../providers/simulator/simulator.ts"),
    import("../runtimes/simulator.ts"),
  ]);
  const server = await serveSimulator(createSimulator({ clock: systemClock }), { host, port });
  closeOnSignal(server);
  if (json) return writeJson({ baseUrl: server.baseUrl, port: server.port, pid: process.pid });
  const body = '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  process.stdout.write(
    `${styled("bold", "The simulator")} is listening on ${styled("cyan", server.baseUrl)}; no key is needed\n\n` +
      `  curl -N ${server.baseUrl}/chat/completions -H "content-type: application/json" -d '${body}'\n\n`,
  );
}
