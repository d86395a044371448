import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useSyncExternalStore } from "react";

import { Button } from "../elements/button.tsx";
import { AnswerPanel } from "./answer-panel.tsx";
import type { AskOptions, Conversation } from "./conversation.ts";
import { ModelPicker } from "./model-picker.tsx";
import type { Said } from "./request.ts";

export interface ColumnProps {
  conversation: Conversation;
  /** What a regenerated answer is asked with. */
  askOptions: AskOptions;
  /** Its number, when there are several. */
  position: number | undefined;
  onRemove: (() => void) | undefined;
}

/** One model's side of the conversation. */
export function Column({ conversation, askOptions, position, onRemove }: ColumnProps) {
  useSyncExternalStore(conversation.subscribe, conversation.version);
  const { exchanges } = conversation;
  return (
    <section
      aria-label={position === undefined ? "Conversation" : `Conversation ${position}`}
      className="border-line flex min-h-0 min-w-72 flex-1 flex-col not-first:border-l"
    >
      {position !== undefined && (
        <div className="border-line flex items-center gap-1 border-b px-3 py-2">
          <div className="min-w-0 flex-1">
            <ModelPicker
              label={`Model ${position}`}
              model={conversation.model}
              onChange={(model) => conversation.choose(model)}
            />
          </div>
          <Button kind="quiet" square aria-label={`Remove model ${position}`} onClick={onRemove}>
            <X size={15} aria-hidden />
          </Button>
        </div>
      )}
      <Transcript length={exchanges.length}>
        {exchanges.map(({ said, answer }, index) => (
          <div key={answer.askedAt} className="flex flex-col gap-4">
            <Question said={said} />
            <AnswerPanel
              answer={answer}
              onRegenerate={index === exchanges.length - 1 ? () => conversation.regenerate(askOptions) : undefined}
              onResults={
                index === exchanges.length - 1
                  ? (results) => conversation.ask({ text: "", images: [], results }, askOptions)
                  : undefined
              }
            />
          </div>
        ))}
      </Transcript>
    </section>
  );
}

const bubble = "bg-raised max-w-[85%] rounded-2xl rounded-br-sm px-3.5 py-2 break-words whitespace-pre-wrap";

function Question({ said: { text, images, results } }: { said: Said }) {
  return (
    <div className="flex flex-col items-end gap-2">
      {images.map(({ name, dataUrl }) => (
        <img key={dataUrl} src={dataUrl} alt={name} className="border-line max-h-40 rounded-lg border" />
      ))}
      {text !== "" && <p className={`${bubble} text-base`}>{text}</p>}
      {results?.map((result) => (
        <p key={result.callId} className={`${bubble} font-mono text-xs`}>
          <span className="text-muted block font-sans">A tool answered</span>
          {result.text}
        </p>
      ))}
    </div>
  );
}

/** Stays at its end while that grows, unless the reader has scrolled up. */
function Transcript({ length, children }: { length: number; children: ReactNode }) {
  const outer = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);

  useEffect(() => {
    if (inner.current === null) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) outer.current?.scrollTo({ top: outer.current.scrollHeight });
    });
    observer.observe(inner.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (length === 0) return;
    atEnd.current = true;
    outer.current?.scrollTo({ top: outer.current.scrollHeight });
  }, [length]);

  return (
    <div
      ref={outer}
      tabIndex={0}
      role="log"
      aria-label="Messages"
      aria-live="off"
      className="min-h-0 flex-1 overflow-y-auto -outline-offset-2"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
      }}
    >
      <div ref={inner} className="mx-auto flex w-full max-w-3xl flex-col gap-8 px-4 py-6">
        {children}
      </div>
    </div>
  );
}
