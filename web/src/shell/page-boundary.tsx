import { Component, type ComponentType, type ReactNode, useEffect, useState } from "react";

import { Button } from "../elements/button.tsx";
import { Notice } from "../elements/notice.tsx";
import { Loading } from "./loading.tsx";

const tries = 5;
const pauseMs = 2_000;

/**
 * A page whose code comes when it is visited, and is asked for again while the gateway is away.
 *
 * Not by `lazy` of React, which would show it three tenths of a second after it has come.
 */
export function lazyPage<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let Loaded: ComponentType<Props> | undefined;
  let loading: Promise<void> | undefined;
  const loadOnce = async () => {
    try {
      Loaded ??= await loadPatiently(load);
    } finally {
      loading = undefined;
    }
  };
  return function LazyPage(props: Props) {
    const [failure, setFailure] = useState<{ error: unknown }>();
    const [Page, setPage] = useState(() => Loaded);
    useEffect(() => {
      if (Page !== undefined) return;
      loading ??= loadOnce();
      loading.then(
        () => setPage(() => Loaded),
        (error: unknown) => setFailure({ error }),
      );
    }, [Page]);
    if (failure !== undefined) throw failure.error;
    return Page === undefined ? <Loading /> : <Page {...props} />;
  };
}

async function loadPatiently<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
  for (let left = tries; ; left--) {
    try {
      return await load();
    } catch (error) {
      if (left === 1) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Shows what went wrong in a page, instead of nothing at all. */
export class PageBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="flex flex-col items-start gap-4 p-6">
        <Notice tone="bad">
          This page could not be shown. Either the gateway does not answer, or it was replaced by another version: then
          loading the page anew helps.
        </Notice>
        <Button onClick={() => location.reload()}>Load anew</Button>
      </div>
    );
  }
}
