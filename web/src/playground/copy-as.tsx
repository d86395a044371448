import { useState } from "react";

import type { JsonObject } from "../../../src/core/json.ts";
import { Dialog } from "../elements/dialog.tsx";
import { SelectField } from "../elements/select-field.tsx";
import { chatSnippets } from "../snippets/chat-snippets.ts";
import { Snippets } from "../snippets/snippets.tsx";

export interface CopyAsProps {
  onClose: () => void;
  /** What each conversation would ask, or has asked last. */
  requests: readonly { model: string; body: JsonObject }[];
}

/** Shows the request as a program that makes it. */
export function CopyAs({ onClose, requests }: CopyAsProps) {
  const [chosen, setChosen] = useState("0");
  const body = requests[Number(chosen)]?.body ?? {};
  return (
    <Dialog title="Copy as" onClose={onClose}>
      <div className="flex flex-col gap-4">
        {requests.length > 1 && (
          <SelectField
            label="Conversation"
            value={chosen}
            onChange={setChosen}
            options={requests.map(({ model }, index) => [String(index), `${index + 1}: ${model}`])}
          />
        )}
        <Snippets label="Language" snippets={chatSnippets} body={body} />
      </div>
    </Dialog>
  );
}
