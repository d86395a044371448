import { useModels } from "../gateway/models.ts";
import { chatSnippets } from "../snippets/chat-snippets.ts";
import { clientSnippets } from "../snippets/client-snippets.ts";
import { Snippets } from "../snippets/snippets.tsx";

const all = { ...chatSnippets, ...clientSnippets };

/** How the usual clients are told about this gateway. */
export function Clients() {
  const { models } = useModels();
  const model = models?.[0]?.id ?? "sim/gpt-4o";
  return (
    <Snippets
      label="Client"
      snippets={all}
      body={{ model, messages: [{ role: "user", content: "Why is the sky blue?" }] }}
    />
  );
}
