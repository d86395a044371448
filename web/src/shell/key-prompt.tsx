import { useState } from "react";

import { Button } from "../elements/button.tsx";
import { Field } from "../elements/field.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { useStore } from "../store.ts";

/** Asks for the gateway's key once a call was refused for want of one. */
export function KeyPrompt() {
  const gateway = useGateway();
  const locked = useStore(gateway.locked);
  const [key, setKey] = useState("");
  if (!locked) return null;
  return (
    <form
      aria-label="Key"
      className="border-line bg-surface flex flex-wrap items-end gap-3 border-b px-4 py-3"
      onSubmit={(event) => {
        event.preventDefault();
        gateway.key.set(key.trim());
      }}
    >
      <div className="min-w-60 flex-1">
        <Field label="This gateway needs a key" hint="Kept in this tab only.">
          {(props) => (
            <input
              {...props}
              type="password"
              autoComplete="off"
              value={key}
              onChange={(event) => setKey(event.target.value)}
              className="control"
            />
          )}
        </Field>
      </div>
      <Button type="submit" kind="primary" disabled={key.trim() === ""}>
        Use this key
      </Button>
    </form>
  );
}
