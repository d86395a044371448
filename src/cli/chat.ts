import type { Command } from "commander";
import type { AnswerStream, FinalAnswer, HeadraceClient, ModelSummary } from "../client/client.ts";
import { openChatInput } from "./chat-input.ts";
import { addCommonOptions, addConnectOptions, connect, type ConnectOptions } from "./connect.ts";
import { createMarkdownRenderer } from "./markdown.ts";
import {
  exitCodes,
  isStyledTerminal,
  onBrokenPipe,
  printable,
  say,
  sayDim,
  sayError,
  styled,
  writeJson,
} from "./terminal.ts";

interface ChatOptions extends ConnectOptions {
  model?: string;
  system?: string;
  json?: boolean;
  verbose?: boolean;
}

export function addChatCommand(program: Command): void {
  const command = program
    .command("chat")
    .description("talk to a model")
    .option("-m, --model <model>", "model or route", process.env["HEADRACE_MODEL"])
    .option("-s, --system <text>", "system message");
  addCommonOptions(addConnectOptions(command)).action(chat);
}

const help = `  /model [name]    ask another model; without a name, list them
  /system [text]   set the system message; without text, remove it
  /reset           forget the conversation
  /exit            leave (Ctrl-D does, too)
  Ctrl-C           stop the answer; at an empty line, leave`;

async function chat(options: ChatOptions): Promise<void> {
  const connected = await connect(options);
  const conversation = new Conversation(connected.client, options);
  const input = openChatInput({
    prompt: styled(["bold", "green"], "› "),
    onInterrupt: () => conversation.interrupt(),
  });
  onBrokenPipe(() => process.exit(exitCodes.ok));
  if (input.interactive)
    sayDim(`Talking to ${connected.url ?? "the engine in this process"}; /help lists the commands.\n`);
  try {
    for await (const text of input.texts()) {
      if (text.trim() === "") continue;
      if (text.trimEnd() === "/exit" || text.trimEnd() === "/quit") break;
      if (text.startsWith("/") && !text.includes("\n") && input.interactive) await conversation.command(text.trimEnd());
      else await conversation.ask(text);
    }
  } finally {
    input.close();
    await connected.close();
  }
  if (input.interrupted) process.exitCode = exitCodes.interrupted;
  else if (!input.interactive && conversation.failed) process.exitCode = exitCodes.failure;
}

interface ChatMessage {
  role: "user" | "assistant";
  content: string;
  [field: string]: string;
}

/** What was said so far, and the answer that is being given. */
class Conversation {
  failed = false;
  readonly #client: HeadraceClient;
  readonly #options: ChatOptions;
  #messages: ChatMessage[] = [];
  #model: string | undefined;
  #system: string | undefined;
  #answer: AnswerStream | undefined;
  #stopping = false;

  constructor(client: HeadraceClient, options: ChatOptions) {
    this.#client = client;
    this.#options = options;
    this.#model = options.model;
    this.#system = options.system;
  }

  /** Ctrl-C: true when there was an answer to stop; a second one during the same answer is for the process. */
  interrupt(): boolean {
    if (this.#answer === undefined || this.#stopping) return false;
    this.#stopping = true;
    this.#answer.stop().catch((error: unknown) => sayError(error));
    return true;
  }

  async ask(text: string): Promise<void> {
    const system = this.#system === undefined ? [] : [{ role: "system", content: this.#system }];
    const question: ChatMessage = { role: "user", content: text };
    const answer = this.#client.stream({
      ...(this.#model === undefined ? {} : { model: this.#model }),
      messages: [...system, ...this.#messages, question],
      stream_options: { include_usage: true },
    });
    this.#answer = answer;
    this.#stopping = false;
    try {
      const final = this.#options.json ? await answer.final : await showAnswer(answer);
      this.#messages.push(question, { role: "assistant", content: final.text });
      if (this.#options.json) writeJson(final);
      else if (process.stdout.isTTY) process.stdout.write(`${styled("dim", describe(final))}\n\n`);
    } catch (error) {
      // The question is not kept: a conversation with two of them in a row confuses many models.
      this.failed = true;
      sayError(error, { verbose: this.#options.verbose ?? false });
    } finally {
      this.#answer = undefined;
    }
  }

  async command(line: string): Promise<void> {
    const [name = "", ...words] = line.split(/\s+/);
    const rest = words.join(" ");
    switch (name) {
      case "/help":
        return say(help);
      case "/reset":
        this.#messages = [];
        return sayDim("The conversation is forgotten.");
      case "/system":
        this.#system = rest === "" ? undefined : rest;
        return sayDim(rest === "" ? "There is no system message now." : "The system message is set.");
      case "/model":
        if (rest === "") return this.#listModels();
        this.#model = rest;
        return sayDim(`The next answer comes from ${rest}.`);
      default:
        return say(`There is no command ${name}; /help lists them.`);
    }
  }

  async #listModels(): Promise<void> {
    let models: ModelSummary[];
    try {
      models = await this.#client.models();
    } catch (error) {
      return sayError(error);
    }
    for (const { id } of models) say(`${id === this.#model ? "›" : " "} ${id}`);
  }
}

async function showAnswer(answer: AnswerStream): Promise<FinalAnswer> {
  const renderer = isStyledTerminal() ? createMarkdownRenderer(process.stdout.columns) : undefined;
  let last = "\n";
  const write = (text: string) => process.stdout.write(text);
  try {
    for await (const piece of answer.text) {
      const text = printable(piece);
      write(renderer === undefined ? text : renderer.push(text));
      last = text.at(-1) ?? last;
    }
  } finally {
    if (renderer !== undefined) write(renderer.end());
    if (last !== "\n") write("\n");
  }
  return answer.final;
}

/** `380 ms to first token · 55 tokens/s · 120 tokens`, as far as it is known. */
function describe(final: FinalAnswer): string {
  const parts: string[] = [];
  if (final.timeToFirstTokenMs !== undefined) parts.push(`${Math.round(final.timeToFirstTokenMs)} ms to first token`);
  if (final.tokensPerSecond !== undefined) parts.push(`${Math.round(final.tokensPerSecond)} tokens/s`);
  if (final.usage !== undefined) parts.push(`${final.usage.outputTokens} tokens`);
  if (final.outcome === "cancelled") parts.push("stopped");
  if (final.outcome === "length") parts.push("cut at the token limit");
  if (final.outcome === "content_filter") parts.push("ended by the provider's content filter");
  return parts.join(" · ");
}
