import { Field, type FieldTexts } from "./field.tsx";

export type Option<Value extends string = string> = readonly [value: Value, title: string];

export interface SelectFieldProps<Value extends string> extends FieldTexts {
  value: Value;
  onChange: (value: Value) => void;
  options: readonly Option<Value>[];
  /** Further options, under headings. */
  groups?: Iterable<readonly [heading: string, options: readonly Option<Value>[]]>;
  /** What comes after everything else. */
  last?: Option<Value>;
  className?: string;
}

/** One of several. */
export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, hint, error, hideLabel = false, value, onChange, options, groups = [], last, className = "" } = props;
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel}>
      {(control) => (
        <select
          {...control}
          className={`control ${className}`}
          value={value}
          onChange={(event) => onChange(event.target.value as Value)}
        >
          <Options options={options} />
          {[...groups].map(([heading, grouped]) => (
            <optgroup key={heading} label={heading}>
              <Options options={grouped} />
            </optgroup>
          ))}
          {last !== undefined && <Options options={[last]} />}
        </select>
      )}
    </Field>
  );
}

function Options({ options }: { options: readonly Option[] }) {
  return options.map(([value, title]) => (
    <option key={value} value={value}>
      {title}
    </option>
  ));
}
