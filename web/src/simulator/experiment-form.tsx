import { Play, Square } from "lucide-react";

import { faultGroups, faultKindOf } from "../../../src/providers/simulator/faults/catalog.ts";
import { Button } from "../elements/button.tsx";
import { type Option, SelectField } from "../elements/select-field.tsx";
import { TextField } from "../elements/text-field.tsx";
import { isSimulated, useModels } from "../gateway/models.ts";
import { type Experiment, faultsByGroup, withFault } from "./fault-form.ts";

const faults = [...faultsByGroup].map(
  ([group, names]) => [faultGroups[group], names.map((name): Option<typeof name> => [name, name])] as const,
);

export interface ExperimentFormProps {
  experiment: Experiment;
  onChange: (experiment: Experiment) => void;
  busy: boolean;
  onRun: () => void;
  onStop: () => void;
}

export function ExperimentForm({ experiment, onChange, busy, onRun, onStop }: ExperimentFormProps) {
  const { models = [] } = useModels();
  const simulated = models.flatMap(({ id }): Option[] => (isSimulated(id) ? [[id, id]] : []));
  const of = (name: "model" | "prompt" | "words" | "intervalMs") => ({
    value: experiment[name],
    onChange: (value: string) => onChange({ ...experiment, [name]: value }),
  });
  return (
    <form
      aria-label="Experiment"
      className="border-line bg-surface flex flex-col gap-4 self-start rounded-xl border p-4"
      onSubmit={(event) => {
        event.preventDefault();
        onRun();
      }}
    >
      <SelectField label="Model" options={simulated} {...of("model")} />
      <TextField label="Prompt" rows={2} {...of("prompt")} />
      <FaultFields experiment={experiment} onChange={onChange} />
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="Words"
          hint="How long the answer is"
          placeholder="its own"
          inputMode="numeric"
          {...of("words")}
        />
        <TextField
          label="Pace"
          hint="Milliseconds a token"
          placeholder="the model's"
          inputMode="numeric"
          {...of("intervalMs")}
        />
      </div>
      <label className="flex items-start gap-2">
        <input
          type="checkbox"
          className="accent-accent mt-0.5 size-4"
          checked={experiment.recovery}
          onChange={(event) => onChange({ ...experiment, recovery: event.target.checked })}
        />
        <span>
          Let Headrace recover
          <span className="text-muted block text-xs">Without it, clients see what the provider does.</span>
        </span>
      </label>
      {busy ? (
        <Button onClick={onStop}>
          <Square size={13} aria-hidden /> Stop
        </Button>
      ) : (
        <Button type="submit" kind="primary">
          <Play size={14} aria-hidden /> Run
        </Button>
      )}
    </form>
  );
}

function FaultFields({ experiment, onChange }: Pick<ExperimentFormProps, "experiment" | "onChange">) {
  const kind = experiment.fault === "" ? undefined : faultKindOf(experiment.fault);
  return (
    <>
      <SelectField
        label="Fault"
        hint={kind?.what ?? "All goes well."}
        value={experiment.fault}
        onChange={(fault) => onChange(withFault(experiment, fault))}
        options={[["", "None"]]}
        groups={faults}
      />
      {kind !== undefined && (
        <div className="flex flex-col gap-2">
          <TextField
            label="As it is written"
            spellCheck={false}
            className="font-mono"
            value={experiment.faultText}
            onChange={(faultText) => onChange({ ...experiment, faultText })}
          />
          <ul className="text-muted flex flex-col gap-1 text-xs">
            {kind.position !== undefined && (
              <li>
                <code>@40</code> after 40 tokens{kind.position === "bytes" && ", @120b after 120 bytes"}
              </li>
            )}
            {Object.entries(kind.arguments ?? {}).map(([name, { what }]) => (
              <li key={name}>
                <code>{name}</code> {what.replaceAll("`", "")}
              </li>
            ))}
            <li>
              <code>calls=1</code> only in the first call
            </li>
          </ul>
        </div>
      )}
    </>
  );
}
