import { styleText } from "node:util";
import { HeadraceError } from "../core/errors.ts";

/** Exit codes: what went wrong, for scripts. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** A mistake in how a command was called. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Style = Parameters<typeof styleText>[0];

/** Styled for standard output, as far as that can show it and `NO_COLOR` allows. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Says something to the person; never mixed with data. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function sayDim(text: string): void {
  say(styleText("dim", text, { stream: process.stderr }));
}

export function sayWarning(text: string): void {
  say(`${styleText("yellow", "warning", { stream: process.stderr })} ${text}`);
}

/** One clear line; the stack only for those who ask for it. */
export function sayError(error: unknown, { verbose = false } = {}): void {
  const isOurs = error instanceof HeadraceError || error instanceof UsageError;
  const message = error instanceof Error ? error.message : String(error);
  say(`${styleText("red", "error", { stream: process.stderr })} ${message}`);
  if (verbose && error instanceof Error) say(error.stack ?? "");
  else if (!isOurs) sayDim("Run it again with --verbose to see where this comes from.");
}

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Whether colours and cursor movements make sense on standard output. */
export function isStyledTerminal(): boolean {
  return process.stdout.isTTY && styled("bold", "x") !== "x";
}

// Everything that is not text: the escape character and its kin, which could move the cursor or change the title.
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A model's text, safe to show: without control characters on a terminal, unchanged in a file or a pipe. */
export function printable(text: string): string {
  return process.stdout.isTTY ? text.replace(controls, "") : text;
}

/** Calls back when whoever reads our output is gone (`| head`), which is no error. */
export function onBrokenPipe(callback: () => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") callback();
    else throw error;
  });
}

/** All that is piped in. */
export async function readStandardInput(): Promise<string> {
  process.stdin.setEncoding("utf8");
  let text = "";
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}
