import { useEffect, useRef } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";

import { useGateway } from "./gateway/gateway.ts";
import { Playground } from "./playground/playground.tsx";
import { KeyPrompt } from "./shell/key-prompt.tsx";
import { Navigation } from "./shell/navigation.tsx";
import { lazyPage, PageBoundary } from "./shell/page-boundary.tsx";
import { useStore } from "./store.ts";

const StreamList = lazyPage(() => import("./streams/stream-list.tsx").then((module) => module.StreamList));
const StreamPage = lazyPage(() => import("./streams/stream-page.tsx").then((module) => module.StreamPage));
const Overview = lazyPage(() => import("./overview/overview.tsx").then((module) => module.Overview));
const Simulator = lazyPage(() => import("./simulator/simulator.tsx").then((module) => module.Simulator));
const SetUp = lazyPage(() => import("./set-up/set-up.tsx").then((module) => module.SetUp));

/** Pages are behind `#`, so the gateway serves one document and nothing else looks like it. */
export function App() {
  return (
    // oxlint-disable-next-line react/hooks -- the router calls it
    <Router hook={useHashLocation}>
      <div className="flex h-full flex-col md:flex-row">
        <Navigation />
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          <Content />
        </div>
      </div>
    </Router>
  );
}

function Content() {
  const { locked } = useGateway();
  return useStore(locked) ? <KeyPrompt /> : <Pages />;
}

function Pages() {
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  useEffect(() => {
    // Whoever hears the page or uses its keys goes on in the new one, as after a link to another document.
    if (shown.current !== location) main.current?.focus({ preventScroll: true });
    shown.current = location;
  }, [location]);
  return (
    <main ref={main} tabIndex={-1} className="min-h-0 flex-1 outline-none">
      <PageBoundary key={location}>
        <Switch>
          <Route path="/" component={Playground} />
          <Route path="/streams" component={StreamList} />
          <Route path="/streams/:id">{({ id }) => <StreamPage key={id} id={id} />}</Route>
          <Route path="/overview" component={Overview} />
          <Route path="/simulator" component={Simulator} />
          <Route path="/set-up" component={SetUp} />
          <Redirect to="/" />
        </Switch>
      </PageBoundary>
    </main>
  );
}
