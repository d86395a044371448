import { createContext, useContext } from "react";

import { createStore, type Store, useStore } from "../store.ts";

export type ThemeName = "system" | "light" | "dark";

const storageName = "headrace-theme";

/** Keeps the choice and puts it on the page; style sheets follow `data-theme`, or else the system. */
export function createTheme(page: HTMLElement, storage: Storage): Store<ThemeName> {
  const stored = storage.getItem(storageName);
  const theme = createStore<ThemeName>(stored === "light" || stored === "dark" ? stored : "system");
  const show = () => {
    if (theme.get() === "system") delete page.dataset["theme"];
    else page.dataset["theme"] = theme.get();
  };
  theme.subscribe(() => {
    storage.setItem(storageName, theme.get());
    show();
  });
  show();
  return theme;
}

export const ThemeContext = createContext<Store<ThemeName> | undefined>(undefined);

export function useTheme(): [ThemeName, (name: ThemeName) => void] {
  const theme = useContext(ThemeContext);
  if (theme === undefined) throw new Error("this part of the page is used outside of the application");
  return [useStore(theme), theme.set];
}
