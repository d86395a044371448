import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { exitCodes, isStyledTerminal } from "./terminal.ts";

export interface ChatInputOptions {
  prompt: string;
  /** Ctrl-C; returns whether that was of use to somebody. */
  onInterrupt: () => boolean;
}

export interface ChatInput {
  /** A person at a terminal, as opposed to a pipe. */
  readonly interactive: boolean;
  /** Left with Ctrl-C. */
  readonly interrupted: boolean;
  /** What is typed or piped in, one text per turn. The prompt shows while the next one is awaited. */
  texts(): AsyncGenerator<string, void, undefined>;
  close(): void;
}

// Lines of a paste arrive together; a person does not type two within this time.
const pasteGapMs = 25;
// Ends bold text and whatever else an answer was in the middle of.
const plainLine = "\u001b[0m\n";

export function openChatInput({ prompt, onInterrupt }: ChatInputOptions): ChatInput {
  const interactive = process.stdin.isTTY && process.stdout.isTTY;
  // While an answer runs, what is typed is kept for the next turn but not echoed into the answer.
  let muted = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) process.stdout.write(chunk);
      done();
    },
  });
  const lines: Interface = createInterface({ input: process.stdin, output, terminal: interactive, historySize: 200 });
  // Without these, the editor does not know how wide the terminal is, and long lines overwrite themselves.
  Object.defineProperty(output, "columns", { get: () => process.stdout.columns });
  Object.defineProperty(output, "rows", { get: () => process.stdout.rows });

  const waiting: string[] = [];
  let closed = false;
  let interrupted = false;
  let change = Promise.withResolvers<void>();
  const changed = () => {
    change.resolve();
    change = Promise.withResolvers();
  };

  lines.setPrompt(prompt);
  lines.on("line", (line) => {
    if (!interrupted) waiting.push(line);
    changed();
  });
  lines.on("close", () => {
    closed = true;
    changed();
  });

  const interrupt = () => {
    const wasOfUse = onInterrupt();
    if (wasOfUse && interactive) return;
    if (interactive && !muted && lines.line !== "") {
      lines.write(null, { ctrl: true, name: "e" });
      lines.write(null, { ctrl: true, name: "u" });
      return;
    }
    interrupted = true;
    // What is piped in has nobody to go on with the next question: the answer stops, and that is all.
    waiting.length = 0;
    // In the middle of an answer that does not stop there is nothing to wait for.
    if (!wasOfUse && (muted || !interactive)) {
      if (isStyledTerminal()) process.stdout.write(plainLine);
      process.exit(exitCodes.interrupted);
    }
    lines.close();
  };
  lines.on("SIGINT", interrupt);
  process.on("SIGINT", interrupt);

  /** One turn: a line, or all the lines of a paste. */
  async function nextText(): Promise<string | undefined> {
    while (waiting.length === 0) {
      if (closed) return undefined;
      await change.promise;
    }
    if (!interactive) return waiting.shift();
    let seen = 0;
    while (!closed && (seen !== waiting.length || lines.line !== "")) {
      seen = waiting.length;
      await Promise.race([change.promise, new Promise((resolve) => setTimeout(resolve, pasteGapMs))]);
    }
    return waiting.splice(0).join("\n");
  }

  return {
    interactive,
    get interrupted() {
      return interrupted;
    },
    async *texts() {
      while (true) {
        muted = false;
        if (interactive && !closed) lines.prompt(true);
        const text = await nextText();
        if (text === undefined) return;
        muted = true;
        yield text;
      }
    },
    close() {
      if (interactive) process.stdout.write("\n");
      lines.close();
    },
  };
}
