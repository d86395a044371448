import { lazy, Suspense } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";

import { Playground } from "./playground/playground.tsx";
import { KeyPrompt } from "./shell/key-prompt.tsx";
import { Navigation } from "./shell/navigation.tsx";

const StreamList = lazy(() => import("./streams/stream-list.tsx").then((m) => ({ default: m.StreamList })));
const StreamPage = lazy(() => import("./streams/stream-page.tsx").then((m) => ({ default: m.StreamPage })));
const Overview = lazy(() => import("./overview/overview.tsx").then((m) => ({ default: m.Overview })));
const Simulator = lazy(() => import("./simulator/simulator.tsx").then((m) => ({ default: m.Simulator })));
const SetUp = lazy(() => import("./set-up/set-up.tsx").then((m) => ({ default: m.SetUp })));

/** Pages are behind `#`, so the gateway serves one document and nothing else looks like it. */
export function App() {
  return (
    // oxlint-disable-next-line react/hooks -- the router calls it
    <Router hook={useHashLocation}>
      <div className="flex h-full flex-col md:flex-row">
        <Navigation />
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          <KeyPrompt />
          <main className="min-h-0 flex-1">
            <Suspense fallback={null}>
              <Switch>
                <Route path="/" component={Playground} />
                <Route path="/streams" component={StreamList} />
                <Route path="/streams/:id">{({ id }) => <StreamPage key={id} id={id} />}</Route>
                <Route path="/overview" component={Overview} />
                <Route path="/simulator" component={Simulator} />
                <Route path="/set-up" component={SetUp} />
                <Redirect to="/" />
              </Switch>
            </Suspense>
          </main>
        </div>
      </div>
    </Router>
  );
}
