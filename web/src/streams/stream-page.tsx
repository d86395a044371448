import { Play, Share2, Square } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";

import type { ProtocolName } from "../../../src/core/events.ts";
import { isPassed as isPassedProtocol } from "../../../src/core/operation.ts";
import type { Trace } from "../../../src/records/trace.ts";
import { Button } from "../elements/button.tsx";
import { Chip } from "../elements/chip.tsx";
import { CopyButton } from "../elements/copy-button.tsx";
import { Notice } from "../elements/notice.tsx";
import { Tabs } from "../elements/tabs.tsx";
import { mayRead, useCaller } from "../gateway/caller.ts";
import { useGateway } from "../gateway/gateway.ts";
import { useQuery } from "../gateway/use-query.ts";
import { Page } from "../shell/page.tsx";
import { AnswerText } from "./answer-text.tsx";
import { AttemptsTable } from "./attempts-table.tsx";
import { Frames } from "./frames.tsx";
import { operationTitles } from "./operations.ts";
import { OutcomeChip } from "./outcome.tsx";
import { StreamFacts, StreamStats } from "./stream-facts.tsx";
import { Timeline } from "./timeline.tsx";
import { useAnswer } from "./use-answer.ts";
import { useReplay } from "./use-replay.ts";

const tabs = [
  { name: "answer", title: "Answer" },
  { name: "attempts", title: "Attempts" },
  { name: "frames", title: "Frames" },
  { name: "facts", title: "More" },
] as const;

type Tab = (typeof tabs)[number]["name"];

/** What was passed on as it is was not kept. */
const passedTabs = tabs.filter(({ name }) => name === "attempts" || name === "facts");

/** All that is known of one stream, while it grows and afterwards. */
export function StreamPage({ id }: { id: string }) {
  const { trace, error } = useTrace(id);
  // Only a stream has an answer that was kept. Without records there is nothing but that.
  const isPassed = trace !== undefined && trace.operation !== "chat";
  const mayReadIt = mayRead(useCaller(), trace) ?? (error !== undefined ? true : undefined);
  const answer = useAnswer(mayReadIt === true && !isPassed ? id : undefined);
  const replay = useReplay(trace);
  const [chosen, setTab] = useState<Tab>();
  const tab = chosen ?? (isPassed ? "attempts" : "answer");
  if (trace === undefined && error !== undefined && answer.state === "broken" && answer.text === "") {
    return <NoStream id={id} why={answer.error ?? error} />;
  }
  const model = trace?.model ?? answer.servedBy[0] ?? "Stream";
  return (
    <Page title={model} actions={<Actions id={id} trace={trace} replay={replay} />}>
      <div className="-mt-4 flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link href="/streams" className="text-muted hover:text-ink">
          Streams
        </Link>
        <span className="text-muted" aria-hidden>
          /
        </span>
        <code className="font-mono text-xs break-all">{id}</code>
        {trace !== undefined && <OutcomeChip outcome={trace.outcome} />}
        {isPassed && <Chip>{operationTitles[trace.operation]}</Chip>}
      </div>
      {error !== undefined && trace === undefined && <Notice tone="bad">{error}</Notice>}
      {trace !== undefined && (
        <>
          <StreamStats trace={trace} />
          <Timeline trace={trace} atMs={replay.atMs} />
        </>
      )}
      <Tabs label="Parts of the stream" tabs={isPassed ? passedTabs : tabs} current={tab} onChange={setTab}>
        {(tab === "answer" || tab === "frames") && mayReadIt === false && (
          <Notice>What was said can be read with the key that started this stream, {trace?.owner ?? "none"}.</Notice>
        )}
        {tab === "answer" && mayReadIt === true && <AnswerText answer={answer} share={replay.share} />}
        {tab === "attempts" && <AttemptsTable attempts={trace?.attempts ?? []} />}
        {tab === "frames" && mayReadIt === true && <Frames streamId={id} protocol={protocolOf(trace)} />}
        {tab === "facts" && trace !== undefined && <StreamFacts trace={trace} />}
      </Tabs>
    </Page>
  );
}

function protocolOf(trace: Trace | undefined): ProtocolName {
  return trace === undefined || isPassedProtocol(trace.protocol) ? "events" : trace.protocol;
}

function NoStream({ id, why }: { id: string; why: string }) {
  return (
    <Page title="No such stream">
      <Notice tone="bad">
        <code className="font-mono break-all">{id}</code>: {why}
      </Notice>
      <p>
        Streams are kept for a time only, and whoever has a key sees what was started with it.{" "}
        <Link href="/streams" className="text-accent underline">
          Show the streams that there are
        </Link>
      </p>
    </Page>
  );
}

/** Asked for again and again while the stream is open. */
function useTrace(id: string): { trace: Trace | undefined; error: string | undefined } {
  const path = `/v1/streams/${encodeURIComponent(id)}/trace`;
  const { data, error } = useQuery<Trace>(path, { everyMs: 500, until: isClosed });
  return { trace: data, error };
}

function isClosed({ state }: Trace): boolean {
  return state === "closed";
}

interface ActionsProps {
  id: string;
  trace: Trace | undefined;
  replay: ReturnType<typeof useReplay>;
}

function Actions({ id, trace, replay }: ActionsProps) {
  const gateway = useGateway();
  return (
    <div className="flex flex-wrap gap-2">
      {trace?.state === "open" && (
        <Button kind="danger" onClick={() => void gateway.client().stop(id)}>
          <Square size={13} aria-hidden /> Stop
        </Button>
      )}
      {trace?.state === "closed" && trace.timeline.length > 0 && (
        <Button onClick={replay.atMs === undefined ? replay.start : replay.stop}>
          {replay.atMs === undefined ? <Play size={14} aria-hidden /> : <Square size={13} aria-hidden />}
          {replay.atMs === undefined ? "Replay" : "Stop replaying"}
        </Button>
      )}
      <CopyButton
        text={() => location.href}
        what="link"
        wide
        kind="plain"
        icon={Share2}
        title="Whoever may see this stream can open it with this link"
      />
    </div>
  );
}
