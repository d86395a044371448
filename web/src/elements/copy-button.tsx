import { Check, Copy } from "lucide-react";
import { useState } from "react";

import { Button } from "./button.tsx";

export interface CopyButtonProps {
  text: () => string;
  /** What is copied, for its name: "Copy <what>". */
  what: string;
  /** Shows the name beside the icon. */
  wide?: boolean;
}

export function CopyButton({ text, what, wide = false }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const Icon = copied ? Check : Copy;
  return (
    <Button kind="quiet" square={!wide} aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy()}>
      <Icon size={15} aria-hidden />
      {wide && (copied ? "Copied" : `Copy ${what}`)}
    </Button>
  );
}
