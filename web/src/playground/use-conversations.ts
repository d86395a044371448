import { createContext, useContext, useEffect, useState } from "react";

import { useGateway } from "../gateway/gateway.ts";
import { type Store, useStore } from "../store.ts";
import { Conversation } from "./conversation.ts";

export interface Conversations {
  conversations: readonly Conversation[];
  add(model: string): void;
  remove(conversation: Conversation): void;
  clear(): void;
}

/** Kept beside the pages: whoever looks at another one finds the chat as it was, or further. */
export const ConversationsContext = createContext<Store<readonly Conversation[]> | undefined>(undefined);

/** One conversation, or several to be compared. Whoever uses this is rendered anew when any of them changes. */
export function useConversations(standardModel: string | undefined): Conversations {
  const gateway = useGateway();
  const store = useContext(ConversationsContext);
  if (store === undefined) throw new Error("this part of the page is used outside of the application");
  const conversations = useStore(store);
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
      const id = 1 + Math.max(...conversations.map((conversation) => conversation.id));
      store.set([...conversations, new Conversation(id, model, gateway)]);
    },
    remove(conversation) {
      conversation.stop();
      store.set(conversations.filter((other) => other !== conversation));
    },
    clear() {
      for (const conversation of conversations) conversation.clear();
    },
  };
}
