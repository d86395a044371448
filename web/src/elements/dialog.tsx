import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";

import { Button } from "./button.tsx";

export interface DialogProps {
  title: string;
  onClose: () => void;
  /** At the right edge, over the whole height. */
  side?: boolean;
  children: ReactNode;
}

/**
 * A modal dialog, open while it is on the page; Escape and a click beside it ask to close it. It is closed before it is
 * gone, so that the focus goes back to where it came from.
 */
export function Dialog({ title, onClose, side = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog?.open === false) dialog.showModal();
  }, []);
  const shape = side
    ? "ml-auto h-dvh max-h-none w-full max-w-sm border-l"
    : "m-auto max-h-[85dvh] w-[calc(100%-2rem)] max-w-2xl rounded-xl border";
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onClose={onClose}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) ref.current?.close();
      }}
      className={`border-line bg-surface text-ink overflow-hidden p-0 shadow-2xl ${shape}`}
    >
      <div className="flex h-full max-h-[inherit] flex-col">
        <div className="border-line flex items-center border-b py-2.5 pr-2.5 pl-4">
          <h2 id={titleId} className="flex-1 font-semibold">
            {title}
          </h2>
          <Button kind="quiet" square aria-label="Close" onClick={() => ref.current?.close()}>
            <X size={16} aria-hidden />
          </Button>
        </div>
        <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
      </div>
    </dialog>
  );
}
