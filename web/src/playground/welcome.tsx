import { ArrowRight, Skull } from "lucide-react";

const questions = ["Why is the sky blue?", "Show me some markdown", "Write a haiku about rivers"];

export interface WelcomeProps {
  onAsk: (text: string) => void;
  /** Asks, and kills the provider in the middle of its answer. */
  onKill: (text: string) => void;
}

/** What there is to see before anything was asked. */
export function Welcome({ onAsk, onKill }: WelcomeProps) {
  const look =
    "border-line bg-surface hover:border-line-strong group flex items-center gap-3 rounded-lg border px-3.5 py-2.5 text-left";
  return (
    <div className="m-auto w-full max-w-xl px-4 py-10">
      <p className="text-2xl font-semibold tracking-tight">Ask a model something</p>
      <p className="text-muted mt-2 text-base">
        The answer is a stream that outlives its connection and its provider. Cut either while it is being written, and
        watch it go on.
      </p>
      <div className="mt-6 grid gap-2">
        {questions.map((question) => (
          <button key={question} type="button" className={look} onClick={() => onAsk(question)}>
            <span className="flex-1">{question}</span>
            <ArrowRight size={15} aria-hidden className="text-muted group-hover:text-ink" />
          </button>
        ))}
        <button type="button" className={look} onClick={() => onKill("Why is the sky blue?")}>
          <span className="flex-1">See an answer survive the death of its provider</span>
          <Skull size={15} aria-hidden className="text-muted group-hover:text-ink" />
        </button>
      </div>
    </div>
  );
}
