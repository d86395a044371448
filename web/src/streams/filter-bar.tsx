import { SelectField, type Option } from "../elements/select-field.tsx";
import { TextField } from "../elements/text-field.tsx";
import { useModels } from "../gateway/models.ts";
import { type Filters, outcomes } from "./filters.ts";
import { operationTitles } from "./operations.ts";

export interface FilterBarProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function FilterBar({ filters, onChange }: FilterBarProps) {
  const { models = [] } = useModels();
  const choice = (name: keyof Filters, label: string, options: readonly Option[]) => (
    <div className="md:w-32">
      <SelectField
        label={label}
        hideLabel
        value={filters[name]}
        onChange={(value) => onChange({ ...filters, [name]: value })}
        options={options}
      />
    </div>
  );
  return (
    <search className="grid w-full grid-cols-2 items-center gap-2 md:flex md:w-auto md:flex-1 md:flex-wrap md:justify-end">
      <div className="col-span-2 md:w-44">
        <TextField
          label="Id"
          hideLabel
          type="search"
          placeholder="Find an id"
          value={filters.text}
          onChange={(text) => onChange({ ...filters, text })}
        />
      </div>
      {choice("state", "State", [
        ["", "Any state"],
        ["open", "Live"],
        ["closed", "Ended"],
      ])}
      {choice("outcome", "Outcome", [["", "Any outcome"], ...outcomes.map((name) => [name, name] as const)])}
      {choice("operation", "Kind", [["", "Any kind"], ...Object.entries(operationTitles)])}
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
