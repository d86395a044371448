import { useState } from "react";

import type { JsonObject } from "../../../src/core/json.ts";
import { Code } from "../elements/code.tsx";
import { Tabs } from "../elements/tabs.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { useStore } from "../store.ts";
import type { SnippetWriter } from "./snippet.ts";

export interface SnippetsProps<Name extends string> {
  label: string;
  snippets: Readonly<Record<Name, { title: string; write: SnippetWriter }>>;
  /** A Chat Completions request. */
  body: JsonObject;
}

/** The same request in several languages, to be copied. */
export function Snippets<Name extends string>({ label, snippets, body }: SnippetsProps<Name>) {
  const gateway = useGateway();
  const hasKey = useStore(gateway.key) !== "";
  const names = Object.keys(snippets) as Name[];
  const [name, setName] = useState(names[0] as Name);
  const tabs = names.map((each) => ({ name: each, title: snippets[each].title }));
  return (
    <Tabs label={label} tabs={tabs} current={name} onChange={setName}>
      <Code what="snippet" text={snippets[name].write(body, { origin: gateway.origin, hasKey })} />
      {hasKey && (
        <p className="text-muted mt-2 text-xs">
          Put your key into the variable <code>HEADRACE_API_KEY</code> first; it is never written into a snippet.
        </p>
      )}
    </Tabs>
  );
}
