import { ArrowUp, ImagePlus, Plug, Skull, Square, X } from "lucide-react";
import { type ChangeEvent, type KeyboardEvent, useRef } from "react";

import { Button } from "../elements/button.tsx";
import type { Attachment, Said } from "./request.ts";

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

const maxImageBytes = 4 * 1024 * 1024;

/** Where questions are written, and where things are broken. */
export function Composer(props: ComposerProps) {
  const { said, onChange, busy, onSend, onStop, onCut, onKill, killed } = props;
  const isEmpty = said.text.trim() === "";
  const onKeyDown = (event: KeyboardEvent) => {
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
      <div className="border-line-strong/50 bg-surface focus-within:border-accent rounded-xl border shadow-sm">
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
          className="placeholder:text-muted field-sizing-content max-h-52 min-h-11 w-full resize-none bg-transparent px-3.5 pt-3 pb-1 text-base outline-none"
        />
        <div className="flex items-center gap-1.5 px-2 pb-2">
          <AttachButton onAttach={(image) => onChange({ ...said, images: [...said.images, image] })} />
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
            <Button kind="primary" square aria-label="Stop" title="Stop" onClick={onStop}>
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

function Attachments({
  images,
  onChange,
}: {
  images: readonly Attachment[];
  onChange: (images: Attachment[]) => void;
}) {
  if (images.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-2 px-3 pt-3">
      {images.map((image) => (
        <li key={image.dataUrl} className="relative">
          <img src={image.dataUrl} alt={image.name} className="border-line size-16 rounded-lg border object-cover" />
          <button
            type="button"
            aria-label={`Remove ${image.name}`}
            onClick={() => onChange(images.filter((other) => other !== image))}
            className="bg-ink text-canvas absolute -top-1.5 -right-1.5 flex size-5 items-center justify-center rounded-full"
          >
            <X size={12} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}

function AttachButton({ onAttach }: { onAttach: (image: Attachment) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const read = ({ target }: ChangeEvent<HTMLInputElement>) => {
    for (const file of target.files ?? []) {
      if (file.size > maxImageBytes) continue;
      const reader = new FileReader();
      reader.onload = () => onAttach({ name: file.name, dataUrl: reader.result as string });
      reader.readAsDataURL(file);
    }
    target.value = "";
  };
  return (
    <>
      <input ref={input} type="file" accept="image/*" multiple hidden aria-label="Images" onChange={read} />
      <Button
        kind="quiet"
        square
        aria-label="Attach images"
        title="Attach images, up to 4 MB each"
        onClick={() => input.current?.click()}
      >
        <ImagePlus size={16} aria-hidden />
      </Button>
    </>
  );
}
