import { Code2, Columns2, Plus, SlidersHorizontal } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";

import { Button } from "../elements/button.tsx";
import { Notice } from "../elements/notice.tsx";
import { useModels } from "../gateway/models.ts";
import { useTitle } from "../shell/page.tsx";
import { Announcer } from "./announcer.tsx";
import { Column } from "./column.tsx";
import { Composer } from "./composer.tsx";
import type { AskOptions, Conversation } from "./conversation.ts";
import { ModelPicker } from "./model-picker.tsx";
import { chatBody, type Said } from "./request.ts";
import { countOf, problemsOf } from "./settings.ts";
import { useConversations } from "./use-conversations.ts";
import { nothingSaid, useDraft } from "./use-draft.ts";
import { Welcome } from "./welcome.tsx";

const CopyAs = lazy(() => import("./copy-as.tsx").then((module) => ({ default: module.CopyAs })));
const Parameters = lazy(() => import("./parameters.tsx").then((module) => ({ default: module.Parameters })));

/** Enough for the next attempt to find its place. */
const piecesBeforeKill = 25;
const mostColumns = 3;
/** What is copied before anything was asked. */
const example: Said = { text: "Why is the sky blue?", images: [] };

/** A chat with any model, or with a few of them side by side. */
export function Playground() {
  useTitle("Playground");
  const { models, error } = useModels();
  const { conversations, add, remove, clear } = useConversations(models?.[0]?.id);
  const { said, settings, setSaid, setSettings } = useDraft();
  const [killed, setKilled] = useState("");
  const [shown, setShown] = useState<"parameters" | "copy-as">();
  // On its way before the first answer is.
  useEffect(() => void import("../markdown/markdown.tsx"), []);

  const first = conversations[0];
  if (first === undefined) return null;

  const isFresh = conversations.every(({ exchanges }) => exchanges.length === 0);
  const busy = conversations.some((conversation) => conversation.busy);
  const ask = (what: Said, options: AskOptions = { settings }) => {
    if (Object.keys(problemsOf(settings)).length > 0) return setShown("parameters");
    for (const conversation of conversations) conversation.ask(what, options);
    setSaid(nothingSaid);
    setKilled("");
  };
  const kill = async () => {
    const running = conversations.filter((conversation) => conversation.busy);
    const outcomes = await Promise.all(running.map((conversation) => conversation.kill()));
    setKilled([...new Set(outcomes)].join(" "));
  };
  const startAnew = () => {
    clear();
    setKilled("");
  };
  /** What is typed, or else what was asked last. */
  const requestOf = (conversation: Conversation) => {
    const { model } = conversation;
    const isTyped = said.text !== "" || said.images.length > 0;
    const turns = (isTyped ? undefined : conversation.lastTurns()) ?? conversation.turnsWith(isTyped ? said : example);
    return { model, body: chatBody({ model, turns, settings }) };
  };
  const parameterCount = countOf(settings);

  return (
    <div className="flex h-full flex-col">
      <h1 className="sr-only">Playground</h1>
      <Announcer conversations={conversations} />
      <div className="border-line flex items-center gap-1.5 border-b px-3 py-2">
        {conversations.length === 1 && (
          <div className="w-64 min-w-32 shrink">
            <ModelPicker label="Model" model={first.model} onChange={(model) => first.choose(model)} />
          </div>
        )}
        <Button kind="quiet" disabled={conversations.length >= mostColumns} onClick={() => add(first.model)}>
          <Columns2 size={15} aria-hidden />
          <span className="max-lg:sr-only">Compare</span>
        </Button>
        <span className="ml-auto" />
        <Button kind="quiet" disabled={isFresh} onClick={startAnew}>
          <Plus size={15} aria-hidden />
          <span className="max-lg:sr-only">New chat</span>
        </Button>
        <Button kind="quiet" onClick={() => setShown("copy-as")}>
          <Code2 size={15} aria-hidden />
          <span className="max-lg:sr-only">Copy as</span>
        </Button>
        <Button kind="quiet" onClick={() => setShown("parameters")}>
          <SlidersHorizontal size={15} aria-hidden />
          <span className="max-lg:sr-only">Parameters</span>
          {parameterCount > 0 && (
            <span className="bg-accent text-accent-ink min-w-4 rounded-full px-1 text-center text-2xs">
              {parameterCount}
              <span className="sr-only"> set</span>
            </span>
          )}
        </Button>
      </div>
      {error !== undefined && (
        <div className="p-4">
          <Notice tone="bad">{error}</Notice>
        </div>
      )}
      <div className="flex min-h-0 flex-1 overflow-x-auto">
        {isFresh && conversations.length === 1 ? (
          <Welcome
            onAsk={(text) => ask({ text, images: [] })}
            onKill={(text) =>
              ask({ text, images: [] }, { settings, kill: { afterPieces: piecesBeforeKill, tell: setKilled } })
            }
          />
        ) : (
          conversations.map((conversation, index) => (
            <Column
              key={conversation.id}
              conversation={conversation}
              askOptions={{ settings }}
              position={conversations.length > 1 ? index + 1 : undefined}
              onRemove={() => remove(conversation)}
            />
          ))
        )}
      </div>
      <Composer
        said={said}
        onChange={setSaid}
        busy={busy}
        onSend={() => ask(said)}
        onStop={() => conversations.forEach((conversation) => conversation.stop())}
        onCut={() => conversations.forEach((conversation) => conversation.cut())}
        onKill={() => void kill()}
        killed={killed}
      />
      <Suspense fallback={null}>
        {shown === "parameters" && (
          <Parameters onClose={() => setShown(undefined)} settings={settings} onChange={setSettings} />
        )}
        {shown === "copy-as" && <CopyAs onClose={() => setShown(undefined)} requests={conversations.map(requestOf)} />}
      </Suspense>
    </div>
  );
}
