import { Monitor, Moon, Sun } from "lucide-react";

import { type ThemeName, useTheme } from "./theme.ts";

const next: Record<ThemeName, ThemeName> = { system: "light", light: "dark", dark: "system" };
const icons = { system: Monitor, light: Sun, dark: Moon };
const words: Record<ThemeName, string> = { system: "as the system", light: "light", dark: "dark" };

export function ThemeToggle() {
  const [theme, setTheme] = useTheme();
  const Icon = icons[theme];
  return (
    <button
      type="button"
      onClick={() => setTheme(next[theme])}
      aria-label={`Theme: ${words[theme]}. Change to ${words[next[theme]]}`}
      title={`Theme: ${words[theme]}`}
      className="text-muted hover:bg-raised hover:text-ink flex size-8 items-center justify-center rounded-md"
    >
      <Icon size={16} aria-hidden />
    </button>
  );
}
