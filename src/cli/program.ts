import { Command, CommanderError } from "commander";
import { loadEnvironmentFile } from "../config/environment-file.ts";
import { nearest } from "../config/nearest.ts";
import { HeadraceError } from "../core/errors.ts";
import { addBenchCommand } from "./bench.ts";
import { addChatCommand } from "./chat.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addModelsCommand } from "./models.ts";
import { addServeCommand } from "./serve.ts";
import { addSimulateCommand } from "./simulate.ts";
import { addStreamCommand } from "./stream.ts";
import { addStreamsCommand } from "./streams.ts";
import { addTailCommand } from "./tail.ts";
import { exitCodes, sayError, UsageError } from "./terminal.ts";
import { packageVersion } from "../version.ts";

/** Runs the command line and sets the exit code. */
export async function run(args: string[]): Promise<void> {
  const verbose = args.includes("--verbose") || Boolean(process.env["DEBUG"]);
  try {
    loadEnvironmentFile();
    const program = createProgram();
    refuseUnknownCommand(program, args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version come as errors too; commander has already printed what there is to say.
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
      return;
    }
    sayError(error, { verbose });
    process.exitCode = isMistakeOfCaller(error) ? exitCodes.usage : exitCodes.failure;
  }
}

/** Every command with its options. */
export function createProgram(): Command {
  const program = new Command("headrace")
    .description("The streaming layer for LLM applications: answers that survive every connection.")
    .version(packageVersion(), "-V, --version")
    .showHelpAfterError("(see headrace --help)")
    .exitOverride();
  addServeCommand(program);
  addChatCommand(program);
  addStreamCommand(program);
  addTailCommand(program);
  addStreamsCommand(program);
  addModelsCommand(program);
  addDoctorCommand(program);
  addBenchCommand(program);
  addSimulateCommand(program);
  program.addHelpText(
    "after",
    '\nExamples:\n  headrace                             serve on http://127.0.0.1:8484\n  headrace stream "Why is the sky blue?"\n  headrace chat --url http://127.0.0.1:8484\n\nVariables: HEADRACE_URL, HEADRACE_API_KEY, HEADRACE_CONFIG, and HEADRACE_<SETTING> for every setting.',
  );
  return program;
}

/** Without this, a mistyped command would be an argument of the default one. */
function refuseUnknownCommand(program: Command, [first]: string[]): void {
  const names = [...program.commands.map((command) => command.name()), "help"];
  if (first === undefined || first.startsWith("-") || names.includes(first)) return;
  const near = nearest(first, names);
  const hint = near === undefined ? `commands are ${names.join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(`there is no command ${JSON.stringify(first)}; ${hint}`);
}

function isMistakeOfCaller(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof HeadraceError && error.code === "invalid-request");
}
