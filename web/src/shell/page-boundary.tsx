import { Component, type ComponentType, lazy, type ReactNode } from "react";

import { Button } from "../elements/button.tsx";
import { Notice } from "../elements/notice.tsx";

const tries = 5;
const pauseMs = 2_000;

/** A page whose code comes when it is visited, and is asked for again while the gateway is away. */
export function lazyPage<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  return lazy(async () => {
    for (let left = tries; ; left--) {
      try {
        return { default: await load() };
      } catch (error) {
        if (left === 1) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  });
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

export function Loading() {
  return (
    <p role="status" className="text-muted appear-late p-6">
      Loading…
    </p>
  );
}
