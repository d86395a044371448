import { Activity, FlaskConical, List, type LucideIcon, MessageSquare, Settings2 } from "lucide-react";
import { Link, useLocation } from "wouter";

import icon from "../icon.svg";
import { CurrentKey } from "./current-key.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";

const pages: readonly { path: string; name: string; icon: LucideIcon }[] = [
  { path: "/", name: "Playground", icon: MessageSquare },
  { path: "/streams", name: "Streams", icon: List },
  { path: "/overview", name: "Overview", icon: Activity },
  { path: "/simulator", name: "Simulator", icon: FlaskConical },
  { path: "/set-up", name: "Set up", icon: Settings2 },
];

function usePage(): string {
  const [location] = useLocation();
  return pages.find(({ path }) => path !== "/" && location.startsWith(path))?.path ?? "/";
}

/** At the side, or at the bottom of a small screen. */
export function Navigation() {
  const current = usePage();
  return (
    <>
      <header className="border-line flex items-center gap-2 border-b px-4 py-2.5 md:hidden">
        <Brand />
        <span className="ml-auto flex">
          <CurrentKey />
          <ThemeToggle />
        </span>
      </header>
      <nav
        aria-label="Pages"
        className="border-line bg-canvas order-last flex shrink-0 border-t pb-[env(safe-area-inset-bottom)] md:order-none md:w-52 md:flex-col md:gap-0.5 md:border-t-0 md:border-r md:p-3"
      >
        <div className="hidden items-center gap-2 px-2 pt-1 pb-4 md:flex">
          <Brand />
        </div>
        {pages.map(({ path, name, icon: Icon }) => (
          <Link
            key={path}
            href={path}
            aria-current={path === current ? "page" : undefined}
            className="text-muted hover:text-ink aria-[current]:text-accent md:hover:bg-raised md:aria-[current]:bg-raised md:aria-[current]:text-ink flex flex-1 flex-col items-center gap-1 py-2 text-2xs font-medium md:flex-none md:flex-row md:gap-2.5 md:rounded-md md:px-2 md:py-1.5 md:text-sm"
          >
            <Icon size={16} strokeWidth={1.75} aria-hidden />
            {name}
          </Link>
        ))}
        <div className="mt-auto hidden justify-between px-0.5 md:flex">
          <ThemeToggle />
          <CurrentKey />
        </div>
      </nav>
    </>
  );
}

function Brand() {
  return (
    <>
      <img src={icon} alt="" width={20} height={20} />
      <span className="font-semibold tracking-tight">Headrace</span>
    </>
  );
}
