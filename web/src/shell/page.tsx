import { type ReactNode, useEffect } from "react";

export interface PageProps {
  title: string;
  /** One sentence under the title. */
  about?: string;
  /** At the right of the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page that scrolls, with its title. */
export function Page({ title, about, actions, children }: PageProps) {
  useTitle(title);
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto flex max-w-6xl flex-col gap-6 px-4 py-6 md:px-8">
        <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
          <div className="min-w-0 flex-1">
            <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
            {about !== undefined && <p className="text-muted mt-1">{about}</p>}
          </div>
          {actions}
        </div>
        {children}
      </div>
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Headrace`;
  }, [title]);
}
