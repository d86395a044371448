import { useEffect, useRef, useState } from "react";

import { useGateway } from "../gateway/gateway.ts";
import { Conversation } from "./conversation.ts";

export interface Conversations {
  conversations: readonly Conversation[];
  add(model: string): void;
  remove(conversation: Conversation): void;
  clear(): void;
}

/** One conversation, or several to be compared. Whoever uses this is rendered anew when any of them changes. */
export function useConversations(standardModel: string | undefined): Conversations {
  const gateway = useGateway();
  const nextId = useRef(1);
  const [conversations, setConversations] = useState<readonly Conversation[]>(() => [new Conversation(0, "", gateway)]);
  const [, setVersion] = useState(0);

  useEffect(() => {
    const changed = () => setVersion((version) => version + 1);
    const releases = conversations.map((conversation) => conversation.subscribe(changed));
    return () => releases.forEach((release) => release());
  }, [conversations]);

  useEffect(() => {
    if (standardModel === undefined) return;
    for (const conversation of conversations) if (conversation.model === "") conversation.choose(standardModel);
  }, [conversations, standardModel]);

  return {
    conversations,
    add(model) {
      setConversations((all) => [...all, new Conversation(nextId.current++, model, gateway)]);
    },
    remove(conversation) {
      conversation.stop();
      setConversations((all) => all.filter((other) => other !== conversation));
    },
    clear() {
      for (const conversation of conversations) conversation.clear();
    },
  };
}
