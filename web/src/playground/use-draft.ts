import { createContext, useContext } from "react";

import { createStore, type Store, useStore } from "../store.ts";
import type { Said } from "./request.ts";
import { noSettings, type Settings } from "./settings.ts";

/** What the next question is made of. */
export interface Draft {
  said: Said;
  settings: Settings;
}

export const nothingSaid: Said = { text: "", images: [] };

export function createDraft(): Store<Draft> {
  return createStore({ said: nothingSaid, settings: noSettings });
}

/** Kept beside the pages, like the conversations: whoever comes back to the playground finds it as it was. */
export const DraftContext = createContext<Store<Draft> | undefined>(undefined);

export interface DraftState extends Draft {
  setSaid(said: Said): void;
  setSettings(settings: Settings): void;
}

export function useDraft(): DraftState {
  const store = useContext(DraftContext);
  if (store === undefined) throw new Error("this part of the page is used outside of the application");
  return {
    ...useStore(store),
    setSaid: (said) => store.set({ ...store.get(), said }),
    setSettings: (settings) => store.set({ ...store.get(), settings }),
  };
}
