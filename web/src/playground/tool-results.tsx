import { CornerDownRight } from "lucide-react";
import { useState } from "react";

import { Button } from "../elements/button.tsx";
import { TextField } from "../elements/text-field.tsx";
import type { ToolCall, ToolResult } from "./request.ts";

export interface ToolResultsProps {
  calls: readonly ToolCall[];
  onSend: (results: ToolResult[]) => void;
}

/** Stands in for the tools: whoever asked says what they answer, and the model goes on. */
export function ToolResults({ calls, onSend }: ToolResultsProps) {
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const isWhole = calls.every(({ callId }) => (texts[callId] ?? "").trim() !== "");
  return (
    <form
      aria-label="Results of tools"
      className="flex flex-col items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (isWhole) onSend(calls.map(({ callId }) => ({ callId, text: texts[callId] ?? "" })));
      }}
    >
      {calls.map(({ callId, name }) => (
        <div key={callId} className="w-full">
          <TextField
            label={`What ${name} answers`}
            rows={2}
            spellCheck={false}
            placeholder='{"temperature": 21}'
            className="font-mono text-xs"
            value={texts[callId] ?? ""}
            onChange={(text) => setTexts({ ...texts, [callId]: text })}
          />
        </div>
      ))}
      <Button type="submit" disabled={!isWhole}>
        <CornerDownRight size={14} aria-hidden /> Send {calls.length === 1 ? "the result" : "the results"}
      </Button>
    </form>
  );
}
