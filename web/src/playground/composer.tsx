import { ArrowUp, Plug, Skull, Square } from "lucide-react";
import { type KeyboardEvent, useState } from "react";

import { Button } from "../elements/button.tsx";
import { AttachButton, Attachments } from "./attachments.tsx";
import { readImages } from "./images.ts";
import type { Said } from "./request.ts";

export interface ComposerProps {
  said: Said;
  onChange: (said: Said) => void;
  busy: boolean;
  onSend: () => void;
  onStop: () => void;
  onCut: () => void;
  onKill: () => void;
  /** What came of that. */
  killed: string;
}

/** Where questions are written, and where things are broken. */
export function Composer(props: ComposerProps) {
  const { said, onChange, busy, onSend, onStop, onCut, onKill, killed } = props;
  const [problem, setProblem] = useState<string>();
  const isEmpty = said.text.trim() === "" && said.images.length === 0;
  const attach = async (files: Iterable<File>) => {
    const read = await readImages(files);
    setProblem(read.problem);
    if (read.images.length > 0) onChange({ ...said, images: [...said.images, ...read.images] });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && busy) return onStop();
    // During composition, Enter chooses a character.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (!busy && !isEmpty) onSend();
  };
  return (
    <form
      className="mx-auto w-full max-w-3xl px-4 pb-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && !isEmpty) onSend();
      }}
    >
      <div
        className="border-line-strong/50 bg-surface focus-within:border-accent rounded-xl border shadow-sm"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void attach(event.dataTransfer.files);
        }}
      >
        {problem !== undefined && (
          <p role="alert" className="text-bad px-3.5 pt-2 text-xs">
            {problem}
          </p>
        )}
        <Attachments images={said.images} onChange={(images) => onChange({ ...said, images })} />
        <label htmlFor="message" className="sr-only">
          Message
        </label>
        <textarea
          id="message"
          rows={1}
          placeholder="Ask something"
          value={said.text}
          onChange={(event) => onChange({ ...said, text: event.target.value })}
          onKeyDown={onKeyDown}
          onPaste={({ clipboardData: { files } }) => {
            if (files.length > 0) void attach(files);
          }}
          className="placeholder:text-muted field-sizing-content max-h-52 min-h-11 w-full resize-none bg-transparent px-3.5 pt-3 pb-1 text-base outline-none"
        />
        <div className="flex items-center gap-1.5 px-2 pb-2">
          <AttachButton onAttach={(files) => void attach(files)} />
          <span className="ml-auto" />
          <Button
            kind="quiet"
            disabled={!busy}
            onClick={onCut}
            title="Drops the connection of this page; it comes back and reads on where it was"
          >
            <Plug size={15} aria-hidden />
            <span className="max-sm:sr-only">Cut the connection</span>
          </Button>
          <Button
            kind="quiet"
            disabled={!busy}
            onClick={onKill}
            title="Breaks the provider's connection while it answers, whatever the model; another attempt goes on"
          >
            <Skull size={15} aria-hidden />
            <span className="max-sm:sr-only">Kill the provider</span>
          </Button>
          {busy ? (
            <Button kind="primary" square aria-label="Stop" title="Stop (Escape)" onClick={onStop}>
              <Square size={13} fill="currentColor" aria-hidden />
            </Button>
          ) : (
            <Button type="submit" kind="primary" square aria-label="Send" title="Send (Enter)" disabled={isEmpty}>
              <ArrowUp size={16} aria-hidden />
            </Button>
          )}
        </div>
      </div>
      <p role="status" className={killed === "" ? "sr-only" : "text-muted mt-1.5 px-1 text-xs"}>
        {killed}
      </p>
    </form>
  );
}
