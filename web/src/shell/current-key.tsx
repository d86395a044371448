import { KeyRound } from "lucide-react";

import { useCaller } from "../gateway/caller.ts";
import { useGateway } from "../gateway/gateway.ts";
import { useStore } from "../store.ts";

/** The key in use, and the way to another one. Nothing where no key is needed. */
export function CurrentKey() {
  const locked = useStore(useGateway().locked);
  return locked ? null : <Key />;
}

function Key() {
  const gateway = useGateway();
  const caller = useCaller();
  if (caller?.name === undefined) return null;
  const { name, role } = caller;
  return (
    <button
      type="button"
      onClick={() => gateway.lock()}
      aria-label={`Key ${name}${role === "admin" ? ", an admin's" : ""}. Use another one`}
      title={`Key ${name}${role === "admin" ? " (admin)" : ""}: use another one`}
      className="text-muted hover:bg-raised hover:text-ink flex h-8 max-w-40 items-center gap-2 rounded-md px-2 text-sm"
    >
      <KeyRound size={16} className="shrink-0" aria-hidden />
      <span className="truncate max-md:sr-only">{name}</span>
    </button>
  );
}
