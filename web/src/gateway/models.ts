import { useQuery } from "./use-query.ts";

export interface ModelChoice {
  id: string;
  owned_by: string;
  kind: "route" | "model" | "target";
}

/** What can be asked, as `GET /v1/models` lists it; undefined until it is known. */
export function useModels(): { models: readonly ModelChoice[] | undefined; error: string | undefined } {
  const { data, error } = useQuery<{ data: ModelChoice[] }>("/v1/models");
  return { models: data?.data, error };
}

/** Models of the simulator: their provider can be told to fail. */
export function isSimulated(model: string): boolean {
  return model.startsWith("sim/");
}
