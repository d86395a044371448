import { useState } from "react";

import type { JsonObject } from "../../../src/core/json.ts";
import { Code } from "../elements/code.tsx";
import { Dialog } from "../elements/dialog.tsx";
import { Tabs } from "../elements/tabs.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { type SnippetName, snippetNames, writeSnippet } from "./snippets.ts";

/** Shows the request as a program that makes it. */
export function CopyAs({ onClose, body }: { onClose: () => void; body: () => JsonObject }) {
  const gateway = useGateway();
  const [name, setName] = useState<SnippetName>("curl");
  return (
    <Dialog title="Copy as" onClose={onClose}>
      <Tabs label="Language" tabs={snippetNames} current={name} onChange={setName}>
        <Code
          what="snippet"
          text={writeSnippet(name, body(), { origin: gateway.origin, hasKey: gateway.key.get() !== "" })}
        />
      </Tabs>
    </Dialog>
  );
}
