import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app.tsx";
import { createGateway, GatewayContext } from "./gateway/gateway.ts";
import { createTheme, ThemeContext } from "./shell/theme.ts";

const gateway = createGateway(location.origin, sessionStorage);
const theme = createTheme(document.documentElement, localStorage);
const root = document.querySelector("#root");
if (root === null) throw new Error("the page has no #root");

createRoot(root).render(
  <StrictMode>
    <GatewayContext value={gateway}>
      <ThemeContext value={theme}>
        <App />
      </ThemeContext>
    </GatewayContext>
  </StrictMode>,
);
