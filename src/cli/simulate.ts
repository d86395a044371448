import type { Command } from "commander";
import { systemClock } from "../outside.ts";
import { faultGroups, faultKindOf, faultNames } from "../providers/simulator/faults/catalog.ts";
import type { ScenarioInput } from "../providers/simulator/faults/scenario.ts";
import { addCommonOptions } from "./connect.ts";
import { closeOnSignal, readPort } from "./serve.ts";
import { styled, writeJson } from "./terminal.ts";

interface SimulateFlags {
  host: string;
  port: number;
  scenario?: string;
  json?: boolean;
}

export function addSimulateCommand(program: Command): void {
  const command = program
    .command("simulate")
    .description("serve the simulated provider alone, to point any OpenAI client at")
    .option("--host <host>", "address to listen on", "127.0.0.1")
    .option("-p, --port <port>", "port to listen on", readPort, 8485)
    .option("--scenario <file>", "what goes wrong when (.yaml, .json, ...)");
  addCommonOptions(command).action(simulate).addHelpText("after", faultHelp);
}

/** Every fault by name, with how it is asked for. */
function faultHelp(): string {
  const groups = Object.entries(faultGroups).map(([group, title]) => {
    const examples = faultNames.map(faultKindOf).filter((kind) => kind.group === group);
    return `  ${title}: ${examples.map(({ example }) => example).join(", ")}`;
  });
  return `
Faults, in the model's name ("gpt-4o?fault=cut@40&words=60&interval=15"), in the header
x-simulator-fault or in the scenario; docs/simulator.md explains each:
${groups.join("\n")}
Any of them with calls=1-3 (only in these calls), for=10s (only so long) or chance=0.1.`;
}

async function simulate({ host, port, scenario: file, json }: SimulateFlags): Promise<void> {
  const [{ createSimulator }, { serveSimulator }] = await Promise.all([
    import("../providers/simulator/simulator.ts"),
    import("../runtimes/simulator.ts"),
  ]);
  const scenario = file === undefined ? undefined : await readScenarioFile(file);
  const simulator = createSimulator({ clock: systemClock, ...(scenario !== undefined && { scenario }) });
  const server = await serveSimulator(simulator, { host, port });
  closeOnSignal(server);
  if (json) return writeJson({ baseUrl: server.baseUrl, port: server.port, pid: process.pid });
  const body = '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  process.stdout.write(
    `${styled("bold", "The simulator")} is listening on ${styled("cyan", server.baseUrl)}; no key is needed\n\n` +
      `  curl -N ${server.baseUrl}/chat/completions -H "content-type: application/json" -d '${body}'\n\n`,
  );
}

async function readScenarioFile(file: string): Promise<ScenarioInput> {
  const { readDocument } = await import("../config/document.ts");
  // The simulator checks what it is given.
  return (await readDocument(file)) as ScenarioInput;
}
