import { ImagePlus, X } from "lucide-react";
import { useRef } from "react";

import { Button } from "../elements/button.tsx";
import { imageTypes } from "./images.ts";
import type { Attachment } from "./request.ts";

export interface AttachmentsProps {
  images: readonly Attachment[];
  onChange: (images: Attachment[]) => void;
}

/** The images that go with the next question. */
export function Attachments({ images, onChange }: AttachmentsProps) {
  if (images.length === 0) return null;
  return (
    <ul aria-label="Attached images" className="flex flex-wrap gap-2 px-3 pt-3">
      {images.map((image) => (
        <li key={image.dataUrl} className="relative">
          <img src={image.dataUrl} alt={image.name} className="border-line size-16 rounded-lg border object-cover" />
          <button
            type="button"
            aria-label={`Remove ${image.name}`}
            onClick={() => onChange(images.filter((other) => other !== image))}
            className="bg-ink text-canvas absolute -top-2 -right-2 flex size-6 items-center justify-center rounded-full"
          >
            <X size={12} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}

export function AttachButton({ onAttach }: { onAttach: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept={imageTypes}
        multiple
        hidden
        aria-label="Images"
        onChange={({ target }) => {
          onAttach([...(target.files ?? [])]);
          target.value = "";
        }}
      />
      <Button
        kind="quiet"
        square
        aria-label="Attach images"
        title="Attach images, up to 4 MB each; pasting and dropping them works too"
        onClick={() => input.current?.click()}
      >
        <ImagePlus size={16} aria-hidden />
      </Button>
    </>
  );
}
