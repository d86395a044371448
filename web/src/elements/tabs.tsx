import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

export interface TabsProps<Name extends string> {
  label: string;
  tabs: readonly { name: Name; title: string }[];
  current: Name;
  onChange: (name: Name) => void;
  /** What the current tab shows. */
  children: ReactNode;
}

/** Tabs with the keys that people know: arrows, Home, End. */
export function Tabs<Name extends string>({ label, tabs, current, onChange, children }: TabsProps<Name>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const index = tabs.findIndex(({ name }) => name === current);

  const move = (event: KeyboardEvent) => {
    const last = tabs.length - 1;
    const moves: Record<string, number> = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const wrapped = to > last ? 0 : to < 0 ? last : to;
    onChange(tabs[wrapped]?.name ?? current);
    (list.current?.children[wrapped] as HTMLElement | undefined)?.focus();
  };

  return (
    <div className="flex min-w-0 flex-col gap-3">
      <div ref={list} role="tablist" aria-label={label} className="border-line flex gap-4 overflow-x-auto border-b">
        {tabs.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === current}
            aria-controls={`${id}-panel`}
            tabIndex={name === current ? 0 : -1}
            onClick={() => onChange(name)}
            onKeyDown={move}
            className="text-muted hover:text-ink aria-selected:border-accent aria-selected:text-ink -mb-px border-b-2 border-transparent px-0.5 py-1.5 font-medium whitespace-nowrap -outline-offset-2"
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${current}`} tabIndex={0} className="min-w-0">
        {children}
      </div>
    </div>
  );
}
