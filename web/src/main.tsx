import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app.tsx";
import { createGateway, GatewayContext } from "./gateway/gateway.ts";
import { Conversation } from "./playground/conversation.ts";
import { ConversationsContext } from "./playground/use-conversations.ts";
import { createDraft, DraftContext } from "./playground/use-draft.ts";
import { createTheme, ThemeContext } from "./shell/theme.ts";
import { createStore } from "./store.ts";

const gateway = createGateway(location.origin, sessionStorage);
const theme = createTheme(document.documentElement, localStorage);
const conversations = createStore<readonly Conversation[]>([new Conversation(0, "", gateway)]);
const draft = createDraft();
const root = document.querySelector("#root");
if (root === null) throw new Error("the page has no #root");

createRoot(root).render(
  <StrictMode>
    <GatewayContext value={gateway}>
      <ThemeContext value={theme}>
        <ConversationsContext value={conversations}>
          <DraftContext value={draft}>
            <App />
          </DraftContext>
        </ConversationsContext>
      </ThemeContext>
    </GatewayContext>
  </StrictMode>,
);
