import type { ButtonHTMLAttributes } from "react";

const kinds = {
  primary: "bg-accent text-accent-ink hover:brightness-110 border-transparent font-medium",
  plain: "bg-surface border-line-strong/50 hover:bg-raised",
  quiet: "border-transparent text-soft hover:bg-raised hover:text-ink",
  danger: "bg-surface border-line-strong/50 text-bad hover:bg-bad-soft",
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: keyof typeof kinds;
  /** Only an icon inside: `aria-label` says what it is for. */
  square?: boolean;
}

export function Button({ kind = "plain", square = false, className = "", ...rest }: ButtonProps) {
  const shape = square ? "size-8 justify-center pointer-coarse:size-10" : "h-8 px-3 pointer-coarse:h-10";
  return (
    <button
      type="button"
      className={`inline-flex shrink-0 items-center gap-1.5 rounded-md border text-sm whitespace-nowrap disabled:opacity-50 ${shape} ${kinds[kind]} aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent ${className}`}
      {...rest}
    />
  );
}
