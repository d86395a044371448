import { useState } from "react";

import { Button } from "../elements/button.tsx";
import { TextField } from "../elements/text-field.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { useTitle } from "./page.tsx";

/** Asks for the gateway's key, in place of pages that have nothing to show without one. */
export function KeyPrompt() {
  useTitle("Key");
  const gateway = useGateway();
  const [key, setKey] = useState("");
  const isUnknown = gateway.key.get() !== "";
  return (
    <main className="flex min-h-0 flex-1 overflow-y-auto p-4">
      <form
        aria-label="Key"
        className="border-line bg-surface m-auto flex w-full max-w-md flex-col gap-4 rounded-lg border p-6"
        onSubmit={(event) => {
          event.preventDefault();
          gateway.unlock(key.trim());
        }}
      >
        <h1 className="text-xl font-semibold tracking-tight">Key</h1>
        <TextField
          label="This gateway needs a key"
          hint="One of HEADRACE_API_KEYS, HEADRACE_ADMIN_KEYS or access.keys. It is kept in this tab only."
          error={isUnknown ? "That key is not known here, or no longer. Check it for typing errors." : undefined}
          type="password"
          autoComplete="off"
          value={key}
          onChange={setKey}
        />
        <Button type="submit" kind="primary" className="self-start" disabled={key.trim() === ""}>
          Use this key
        </Button>
      </form>
    </main>
  );
}
