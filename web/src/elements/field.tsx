import { type ReactNode, useId } from "react";

interface ControlProps {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

export interface FieldTexts {
  label: string;
  hint?: string | undefined;
  /** What is wrong with it; shown instead of the hint. */
  error?: string | undefined;
  /** The label is for screen readers only. */
  hideLabel?: boolean;
}

export interface FieldProps extends FieldTexts {
  children: (props: ControlProps) => ReactNode;
}

/** A control with its label. */
export function Field({ label, hint, error, hideLabel = false, children }: FieldProps) {
  const id = useId();
  const note = error ?? hint;
  const noteId = `${id}-note`;
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label htmlFor={id} className={hideLabel ? "sr-only" : "text-soft text-xs font-medium"}>
        {label}
      </label>
      {children({
        id,
        ...(note !== undefined && { "aria-describedby": noteId }),
        ...(error !== undefined && { "aria-invalid": true }),
      })}
      {note !== undefined && (
        <p id={noteId} className={`text-xs ${error === undefined ? "text-muted" : "text-bad"}`}>
          {note}
        </p>
      )}
    </div>
  );
}
