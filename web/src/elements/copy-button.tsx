import { Check, Copy, type LucideIcon, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";

import { Button, type ButtonProps } from "./button.tsx";
import { copyText } from "./copy-text.ts";

export interface CopyButtonProps {
  text: () => string;
  /** What is copied, for its name: "Copy <what>". */
  what: string;
  /** Shows the name beside the icon. */
  wide?: boolean;
  kind?: ButtonProps["kind"];
  icon?: LucideIcon;
  title?: string;
}

export function CopyButton({ text, what, wide = false, kind = "quiet", icon = Copy, title }: CopyButtonProps) {
  const [said, setSaid] = useState<"Copied" | "Could not copy">();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), 1500);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text())) ? "Copied" : "Could not copy");
  const name = `Copy ${what}`;
  const Icon = said === undefined ? icon : said === "Copied" ? Check : TriangleAlert;
  return (
    <>
      <Button kind={kind} square={!wide} aria-label={name} title={title ?? name} onClick={() => void copy()}>
        <Icon size={15} aria-hidden />
        {wide && (said ?? name)}
      </Button>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}
