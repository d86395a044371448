import { useEffect, useState } from "react";

import type { ProtocolName } from "../../../src/core/events.ts";
import type { AskedProtocol } from "../../../src/core/operation.ts";
import { CopyButton } from "../elements/copy-button.tsx";
import { SelectField } from "../elements/select-field.tsx";
import { type Gateway, useGateway } from "../gateway/gateway.ts";
import { LongText } from "./long-text.tsx";

const protocolTitles: Readonly<Record<ProtocolName, string>> = {
  "openai-chat": "OpenAI Chat Completions",
  "openai-responses": "OpenAI Responses",
  "anthropic-messages": "Anthropic Messages",
  gemini: "Gemini",
  "bedrock-converse": "Bedrock Converse",
  "ollama-chat": "Ollama chat",
  "ollama-generate": "Ollama generate",
  "ui-message-stream": "AI SDK (useChat)",
  "event-source": "EventSource",
  "plain-text": "Plain text",
  events: "Headrace's own events",
};

const protocols = Object.entries(protocolTitles) as [ProtocolName, string][];
export const askedTitles: Readonly<Record<AskedProtocol, string>> = {
  ...protocolTitles,
  "openai-embeddings": "OpenAI Embeddings",
  "openai-completions": "OpenAI Completions",
};

// More than this helps nobody, and a page has to hold it.
const mostCharacters = 300_000;

export interface FramesProps {
  streamId: string;
  /** What is chosen at first. */
  protocol: ProtocolName;
}

/** A stream's bytes, as a client of any protocol gets them. */
export function Frames({ streamId, protocol: first }: FramesProps) {
  const [protocol, setProtocol] = useState(first);
  const text = useFrames(streamId, protocol);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-end gap-2">
        <div className="w-64">
          <SelectField label="As" value={protocol} onChange={setProtocol} options={protocols} />
        </div>
        <CopyButton text={() => text} what="frames" wide />
      </div>
      <pre
        tabIndex={0}
        aria-label={`Frames as ${protocolTitles[protocol]}`}
        className="border-line bg-raised max-h-[32rem] overflow-auto rounded-lg border p-3 font-mono text-xs leading-5 break-all whitespace-pre-wrap"
      >
        <LongText text={text} />
      </pre>
    </div>
  );
}

function useFrames(streamId: string, protocol: ProtocolName): string {
  const gateway = useGateway();
  const [read, setRead] = useState({ of: "", text: "" });
  const of = `${streamId} ${protocol}`;
  useEffect(() => {
    const leaving = new AbortController();
    const path = `/v1/streams/${encodeURIComponent(streamId)}?as=${protocol}`;
    readText(gateway, path, leaving.signal, (text) => setRead({ of, text })).catch((error: unknown) => {
      if (leaving.signal.aborted) return;
      // Where a client of the protocol would see its connection break, so does this page.
      setRead((last) => ({ of, text: `${last.of === of ? last.text : ""}\n[${String(error)}]` }));
    });
    return () => leaving.abort();
  }, [gateway, streamId, protocol, of]);
  return read.of === of ? read.text : "";
}

async function readText(gateway: Gateway, path: string, signal: AbortSignal, show: (text: string) => void) {
  const response = await gateway.fetch(path, { signal });
  const isBinary = response.headers.get("content-type")?.includes("eventstream") === true;
  const decoder = new TextDecoder(isBinary ? "latin1" : "utf-8");
  const reader = response.body?.getReader();
  let text = response.ok ? "" : headOf(response);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const showAll = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!signal.aborted) show(text.length < mostCharacters ? text : `${text}\n[the rest is not shown]`);
  };
  try {
    while (reader !== undefined && text.length < mostCharacters) {
      const { done, value } = await reader.read();
      if (done) break;
      const piece = decoder.decode(value, { stream: true });
      text += isBinary ? piece.replace(/[^\x20-\x7e\n]+/g, " · ") : piece;
      timer ??= setTimeout(showAll, 100);
    }
  } finally {
    showAll();
  }
  await reader?.cancel();
}

/** An error that comes instead of a stream says much in its head. */
function headOf({ status, headers }: Response): string {
  const told = ["content-type", "retry-after", "x-amzn-errortype"].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  return `${[`HTTP ${status}`, ...told].join("\n")}\n\n`;
}
