import { Play, Square } from "lucide-react";

import { faultGroups, faultKindOf } from "../../../src/providers/simulator/faults/catalog.ts";
import { Button } from "../elements/button.tsx";
import { Field } from "../elements/field.tsx";
import { isSimulated, useModels } from "../gateway/models.ts";
import { type Experiment, faultsByGroup, withFault } from "./fault-form.ts";

export interface ExperimentFormProps {
  experiment: Experiment;
  onChange: (experiment: Experiment) => void;
  busy: boolean;
  onRun: () => void;
  onStop: () => void;
}

export function ExperimentForm({ experiment, onChange, busy, onRun, onStop }: ExperimentFormProps) {
  const { models = [] } = useModels();
  const simulated = models.filter(({ id }) => isSimulated(id));
  const set = (name: keyof Experiment) => (event: { target: { value: string } }) =>
    onChange({ ...experiment, [name]: event.target.value });
  return (
    <form
      aria-label="Experiment"
      className="border-line bg-surface flex flex-col gap-4 self-start rounded-xl border p-4"
      onSubmit={(event) => {
        event.preventDefault();
        onRun();
      }}
    >
      <Field label="Model">
        {(props) => (
          <select {...props} className="control" value={experiment.model} onChange={set("model")}>
            {simulated.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Prompt">
        {(props) => (
          <textarea {...props} rows={2} className="control" value={experiment.prompt} onChange={set("prompt")} />
        )}
      </Field>
      <FaultFields experiment={experiment} onChange={onChange} />
      <div className="grid grid-cols-2 gap-3">
        <Field label="Words" hint="How long the answer is">
          {(props) => (
            <input
              {...props}
              inputMode="numeric"
              className="control"
              placeholder="its own"
              value={experiment.words}
              onChange={set("words")}
            />
          )}
        </Field>
        <Field label="Pace" hint="Milliseconds a token">
          {(props) => (
            <input
              {...props}
              inputMode="numeric"
              className="control"
              placeholder="the model's"
              value={experiment.intervalMs}
              onChange={set("intervalMs")}
            />
          )}
        </Field>
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
      <Field label="Fault" hint={kind?.what ?? "All goes well."}>
        {(props) => (
          <select
            {...props}
            className="control"
            value={experiment.fault}
            onChange={(event) => onChange(withFault(experiment, event.target.value as Experiment["fault"]))}
          >
            <option value="">None</option>
            {[...faultsByGroup].map(([group, names]) => (
              <optgroup key={group} label={faultGroups[group]}>
                {names.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </optgroup>
            ))}
          </select>
        )}
      </Field>
      {kind !== undefined && (
        <div className="flex flex-col gap-2">
          <Field label="As it is written">
            {(props) => (
              <input
                {...props}
                spellCheck={false}
                className="control font-mono"
                value={experiment.faultText}
                onChange={(event) => onChange({ ...experiment, faultText: event.target.value })}
              />
            )}
          </Field>
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
