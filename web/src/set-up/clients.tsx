import { useState } from "react";

import { Code } from "../elements/code.tsx";
import { Tabs } from "../elements/tabs.tsx";
import { useGateway } from "../gateway/gateway.ts";
import { useModels } from "../gateway/models.ts";
import { type ClientName, clientNames, writeClient } from "./client-snippets.ts";

/** How the usual clients are told about this gateway. */
export function Clients() {
  const { origin, key } = useGateway();
  const { models } = useModels();
  const [name, setName] = useState<ClientName>("openai");
  const model = models?.[0]?.id ?? "sim/gpt-4o";
  return (
    <Tabs label="Client" tabs={clientNames} current={name} onChange={setName}>
      <Code what="snippet" text={writeClient(name, { origin, model, hasKey: key.get() !== "" })} />
    </Tabs>
  );
}
