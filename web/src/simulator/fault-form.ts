import { type FaultName, faultKindOf, faultNames } from "../../../src/providers/simulator/faults/catalog.ts";

/** What the simulator is asked for; texts as they were typed. */
export interface Experiment {
  model: string;
  prompt: string;
  /** A name of the catalog; empty for none. */
  fault: FaultName | "";
  /** The fault as it is written in a model's name: with its place and its arguments. */
  faultText: string;
  words: string;
  intervalMs: string;
  /** Whether Headrace repairs what it can. */
  recovery: boolean;
}

export const firstExperiment: Experiment = {
  model: "sim/gpt-4o-mini",
  prompt: "Why is the sky blue?",
  fault: "cut",
  faultText: "cut@60",
  words: "",
  intervalMs: "",
  recovery: true,
};

/** The model's name that asks for it. */
export function modelOf({ model, faultText, words, intervalMs }: Experiment): string {
  const parameters = [
    ...(words.trim() === "" ? [] : [`words=${words.trim()}`]),
    ...(intervalMs.trim() === "" ? [] : [`interval=${intervalMs.trim()}`]),
    ...(faultText.trim() === "" ? [] : [`fault=${faultText.trim()}`]),
  ];
  return parameters.length === 0 ? model : `${model}?${parameters.join("&")}`;
}

/** A fault as an example shows it. */
export function withFault(experiment: Experiment, fault: Experiment["fault"]): Experiment {
  return { ...experiment, fault, faultText: fault === "" ? "" : faultKindOf(fault).example };
}

/** Faults by the heading that they are told under. */
export const faultsByGroup = Map.groupBy(faultNames, (name) => faultKindOf(name).group);
