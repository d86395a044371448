import { useState } from "react";

import { Field } from "../elements/field.tsx";
import { SelectField } from "../elements/select-field.tsx";
import { useModels } from "../gateway/models.ts";

export interface ModelPickerProps {
  label: string;
  model: string;
  onChange: (model: string) => void;
}

const other = "\u0000other";
const groupNames = { route: "Routes", model: "Your own models", target: "" };

/** Chooses what to ask: a model of the list, or any other by name. */
export function ModelPicker({ label, model, onChange }: ModelPickerProps) {
  const { models = [] } = useModels();
  const [typing, setTyping] = useState(false);
  const isListed = models.some(({ id }) => id === model);
  const groups = Map.groupBy(models, ({ kind, owned_by }) => groupNames[kind] || owned_by);

  if (typing) {
    return (
      <Field label={label} hideLabel>
        {(props) => (
          <input
            {...props}
            ref={(input) => input?.focus()}
            onFocus={(event) => event.target.select()}
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
    <SelectField
      label={label}
      hideLabel
      className="truncate pr-7 font-medium"
      value={model}
      onChange={(value) => (value === other ? setTyping(true) : onChange(value))}
      options={isListed ? [] : [[model, model]]}
      groups={[...groups].map(([name, choices]) => [name, choices.map(({ id }) => [id, id])])}
      last={[other, "Another model…"]}
    />
  );
}
