import { lazy, Suspense, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";

import { CopyButton } from "../elements/copy-button.tsx";
import { Notice } from "../elements/notice.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { AnswerPanel } from "../playground/answer-panel.tsx";
import { Conversation } from "../playground/conversation.ts";
import { noSettings } from "../playground/settings.ts";
import { Page } from "../shell/page.tsx";
import { ExperimentForm } from "./experiment-form.tsx";
import { firstExperiment, modelOf } from "./fault-form.ts";

const Frames = lazy(() => import("../streams/frames.tsx").then((module) => ({ default: module.Frames })));

/** Lets a provider fail in a way of one's choice, and shows what clients would see. */
export function Simulator() {
  const gateway = useGateway();
  const [experiment, setExperiment] = useState(firstExperiment);
  const [conversation] = useState(() => new Conversation(0, "", gateway));
  useSyncExternalStore(conversation.subscribe, conversation.version);
  const exchange = conversation.exchanges.at(-1);
  const model = modelOf(experiment);

  const run = () => {
    conversation.clear();
    conversation.choose(model);
    const headrace = { recovery: experiment.recovery ? "auto" : "off" };
    const said = { text: experiment.prompt, images: [] };
    conversation.ask(said, { settings: noSettings, fields: { headrace } });
  };

  return (
    <Page title="Simulator" about="A provider that fails as real ones do, whenever you want it to.">
      <div className="grid items-start gap-6 lg:grid-cols-[20rem_minmax(0,1fr)]">
        <ExperimentForm
          experiment={experiment}
          onChange={setExperiment}
          busy={conversation.busy}
          onRun={run}
          onStop={() => conversation.stop()}
        />
        <div className="flex min-w-0 flex-col gap-6">
          <p className="border-line bg-surface flex items-center gap-2 rounded-xl border py-1.5 pr-2 pl-4">
            <span className="text-muted text-xs">Model</span>
            <code className="min-w-0 flex-1 font-mono text-xs break-all">{model}</code>
            <CopyButton text={() => model} what="model" />
          </p>
          {exchange === undefined ? (
            <Notice>
              Run it to see the answer here, and below it the bytes that a client of each protocol gets. The same works
              from any client: ask for the model above, or send the header <code>x-simulator-fault</code> to{" "}
              <code>headrace simulate</code>.
            </Notice>
          ) : (
            <>
              <AnswerPanel answer={exchange.answer} onRegenerate={undefined} />
              {exchange.answer.streamId !== undefined && (
                <section aria-labelledby="seen" className="flex flex-col gap-3">
                  <h2 id="seen" className="font-semibold">
                    What clients see
                  </h2>
                  <Suspense fallback={null}>
                    <Frames key={exchange.answer.streamId} streamId={exchange.answer.streamId} protocol="openai-chat" />
                  </Suspense>
                  <Link href={`/streams/${exchange.answer.streamId}`} className="text-accent underline">
                    All about this stream
                  </Link>
                </section>
              )}
            </>
          )}
        </div>
      </div>
    </Page>
  );
}
