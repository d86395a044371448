import type { ChatInit, ChatState, ChatStatus, UIMessage, UIMessageChunk } from "ai";
import { AbstractChat, DefaultChatTransport, readUIMessageStream } from "ai";

/** The message that the AI SDK's own client builds of a body, and the error that it raises. */
export async function readWithAiSdk(
  body: string,
  message?: UIMessage,
): Promise<{ message?: UIMessage; error?: unknown }> {
  const fetch = async (): Promise<Response> => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const transport = new DefaultChatTransport<UIMessage>({ fetch });
  const stream = await transport.sendMessages({
    chatId: "c",
    messages: [],
    abortSignal: undefined,
    trigger: "submit-message",
    messageId: undefined,
  });
  return lastMessage(stream, message);
}

/** The last state of the message that a stream of chunks builds. */
export async function lastMessage(
  stream: ReadableStream<UIMessageChunk>,
  message?: UIMessage,
): Promise<{ message?: UIMessage; error?: unknown }> {
  const result: { message?: UIMessage; error?: unknown } = {};
  const onError = (error: unknown): void => {
    result.error ??= error;
  };
  for await (const state of readUIMessageStream({ stream, onError, ...(message && { message }) }))
    result.message = state;
  return result;
}

export function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** A chat as `useChat` has it, its state in plain fields. */
export class PlainChat extends AbstractChat<UIMessage> {
  constructor({ messages = [], ...init }: ChatInit<UIMessage>) {
    super({ ...init, state: new PlainState(messages) });
  }
}

class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined = undefined;
  messages: UIMessage[];

  constructor(messages: UIMessage[]) {
    this.messages = messages;
  }

  pushMessage = (message: UIMessage): void => {
    this.messages = [...this.messages, message];
  };

  popMessage = (): void => {
    this.messages = this.messages.slice(0, -1);
  };

  replaceMessage = (index: number, message: UIMessage): void => {
    this.messages = this.messages.with(index, this.snapshot(message));
  };

  snapshot = <T>(thing: T): T => structuredClone(thing);
}
