import { useState } from "react";

import { Field } from "../elements/field.tsx";
import { useModels } from "../gateway/models.ts";

export interface ModelPickerProps {
  label: string;
  model: string;
  onChange: (model: string) => void;
  showLabel?: boolean;
}

const other = "\u0000other";
const groupNames = { route: "Routes", model: "Your own models", target: "" };

/** Chooses what to ask: a model of the list, or any other by name. */
export function ModelPicker({ label, model, onChange, showLabel = false }: ModelPickerProps) {
  const { models = [] } = useModels();
  const [typing, setTyping] = useState(false);
  const isListed = models.some(({ id }) => id === model);
  const groups = Map.groupBy(models, ({ kind, owned_by }) => groupNames[kind] || owned_by);

  if (typing) {
    return (
      <Field label={label} hideLabel={!showLabel}>
        {(props) => (
          <input
            {...props}
            ref={(input) => input?.focus()}
            className="control font-mono"
            defaultValue={model}
            placeholder="provider/model"
            onBlur={(event) => {
              const name = event.target.value.trim();
              if (name !== "") onChange(name);
              setTyping(false);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") event.currentTarget.blur();
              if (event.key === "Escape") setTyping(false);
            }}
          />
        )}
      </Field>
    );
  }
  return (
    <Field label={label} hideLabel={!showLabel}>
      {(props) => (
        <select
          {...props}
          className="control truncate pr-7 font-medium"
          value={model}
          onChange={(event) => (event.target.value === other ? setTyping(true) : onChange(event.target.value))}
        >
          {!isListed && <option value={model}>{model}</option>}
          {[...groups].map(([name, choices]) => (
            <optgroup key={name} label={name}>
              {choices.map(({ id }) => (
                <option key={id} value={id}>
                  {id}
                </option>
              ))}
            </optgroup>
          ))}
          <option value={other}>Another model…</option>
        </select>
      )}
    </Field>
  );
}
