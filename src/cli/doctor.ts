import { type Command, Option } from "commander";
import { addCommonOptions } from "./connect.ts";
import type { Finding } from "./doctor/finding.ts";
import { printFindings, printSettings, printSummary } from "./doctor/print.ts";
import { exitCodes, styled, UsageError, writeJson } from "./terminal.ts";
import { packageVersion } from "../version.ts";

interface DoctorOptions {
  url?: string;
  key?: string;
  apiKey?: string;
  model?: string;
  prompt?: string;
  config?: string;
  offline?: boolean;
  json?: boolean;
}

export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description("look for what is missing or wrong here, or measure whether a deployed address streams")
    .option("--config <file>", "configuration file to look at")
    .option("--offline", "call nothing outside this machine")
    .option("--url <url>", "measure whether answers of this address stream or are collected on the way")
    .addOption(new Option("--key <key>", "key for that address").env("HEADRACE_API_KEY"))
    .addOption(new Option("--api-key <key>", "the same").hideHelp())
    .option("-m, --model <model>", "with --url: what to ask, where it is no Headrace with its simulator")
    .option("--prompt <text>", "with --url: what to say to it");
  addCommonOptions(command).action(doctor).addHelpText("after", help);
}

const help = `
The exit code is 0 when nothing is broken, and 1 when something is. Keys are checked by a call that costs
nothing, and never shown.

Examples:
  headrace doctor                                      this machine and its providers
  headrace doctor --url https://llm.example.com        does it stream, or does a proxy collect it?`;

async function doctor(options: DoctorOptions): Promise<void> {
  if (options.url !== undefined) return measureUrl(options.url, options);
  if (options.model !== undefined || options.prompt !== undefined) {
    throw new UsageError("--model and --prompt go with --url");
  }
  const { examine } = await import("./doctor/examine.ts");
  const examination = await examine({ config: options.config, offline: options.offline === true });
  const { providers, servers, settings, configuration, machine } = examination;
  const findings: Finding[] = [...providers, ...servers, ...configuration, ...machine];
  finish(findings);
  if (options.json) return writeJson({ ok: isWell(findings), version: packageVersion(), ...examination });
  process.stdout.write(`${styled("bold", "Headrace")} ${packageVersion()}\n\n`);
  printFindings("Providers", providers);
  if (servers.length > 0) printFindings("Servers on this machine", servers);
  printSettings(settings);
  if (configuration.length > 0) printFindings("Configuration", configuration);
  printFindings("Machine", machine);
  printSummary(findings);
}

async function measureUrl(url: string, { key, apiKey, model, prompt, json }: DoctorOptions): Promise<void> {
  const { checkUrl } = await import("./doctor/url.ts");
  const {
    finding,
    verdict,
    model: asked,
  } = await checkUrl({ url, apiKey: apiKey ?? key, model, prompt, timeoutMs: 60_000 });
  finish([finding]);
  if (json) return writeJson({ ok: isWell([finding]), ...finding, ...verdict, model: asked });
  printFindings("Delivery", [finding]);
}

function finish(findings: readonly Finding[]): void {
  if (!isWell(findings)) process.exitCode = exitCodes.failure;
}

function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== "problem");
}
