import { Field } from "../elements/field.tsx";
import { useModels } from "../gateway/models.ts";
import { type Filters, outcomes } from "./filters.ts";

export interface FilterBarProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function FilterBar({ filters, onChange }: FilterBarProps) {
  const { models = [] } = useModels();
  const choice = (name: keyof Filters, label: string, options: readonly (readonly [string, string])[]) => (
    <div className="md:w-36">
      <Field label={label} hideLabel>
        {(props) => (
          <select
            {...props}
            className="control"
            value={filters[name]}
            onChange={(event) => onChange({ ...filters, [name]: event.target.value })}
          >
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
  return (
    <search className="grid w-full grid-cols-2 items-center gap-2 md:flex md:w-auto md:flex-1 md:flex-wrap md:justify-end">
      <div className="col-span-2 md:w-44">
        <Field label="Id" hideLabel>
          {(props) => (
            <input
              {...props}
              type="search"
              className="control"
              placeholder="Find an id"
              value={filters.text}
              onChange={(event) => onChange({ ...filters, text: event.target.value })}
            />
          )}
        </Field>
      </div>
      {choice("state", "State", [
        ["", "Any state"],
        ["open", "Live"],
        ["closed", "Ended"],
      ])}
      {choice("outcome", "Outcome", [["", "Any outcome"], ...outcomes.map((name) => [name, name] as const)])}
      {choice("model", "Model", [["", "Any model"], ...models.map(({ id }) => [id, id] as const)])}
      {choice("hours", "Time", [
        ["", "Any time"],
        ["1", "Last hour"],
        ["24", "Last day"],
        ["168", "Last week"],
      ])}
    </search>
  );
}
