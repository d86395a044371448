import type { InputHTMLAttributes } from "react";

import { Field, type FieldTexts } from "./field.tsx";

type InputAttributes = Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange">;

export interface TextFieldProps extends FieldTexts, InputAttributes {
  value: string;
  onChange: (value: string) => void;
  /** More than one makes it a box of so many lines. */
  rows?: number;
}

/** A line of text, or several. */
export function TextField(props: TextFieldProps) {
  const { label, hint, error, hideLabel = false, value, onChange, rows = 1, className = "", ...rest } = props;
  const look = `control ${className}`;
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel}>
      {(control) =>
        rows > 1 ? (
          <textarea
            {...control}
            rows={rows}
            spellCheck={rest.spellCheck}
            placeholder={rest.placeholder}
            className={look}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <input
            {...control}
            {...rest}
            className={look}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        )
      }
    </Field>
  );
}
