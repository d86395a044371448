import { Button } from "../elements/button.tsx";
import { Dialog } from "../elements/dialog.tsx";
import { type Option, SelectField } from "../elements/select-field.tsx";
import { TextField } from "../elements/text-field.tsx";
import { exampleTools, noSettings, problemsOf, type Settings } from "./settings.ts";

export interface ParametersProps {
  onClose: () => void;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

type Name = keyof Settings;

const efforts: readonly Option[] = [
  ["", "The model's own"],
  ...["none", "minimal", "low", "medium", "high"].map((effort): Option => [effort, effort]),
];

/** System prompt, sampling and tools of what is asked next. */
export function Parameters({ onClose, settings, onChange }: ParametersProps) {
  const problems = problemsOf(settings);
  const set = (name: Name) => (value: string) => onChange({ ...settings, [name]: value });
  const of = (name: Name) => ({ value: settings[name], onChange: set(name), error: problems[name] });
  return (
    <Dialog title="Parameters" side onClose={onClose}>
      <div className="flex flex-col gap-4">
        <TextField label="System prompt" rows={4} {...of("system")} />
        <div className="grid grid-cols-2 gap-3">
          <TextField label="Temperature" placeholder="the model's own" inputMode="decimal" {...of("temperature")} />
          <TextField label="Top p" placeholder="the model's own" inputMode="decimal" {...of("topP")} />
          <TextField label="Most tokens" placeholder="no limit" inputMode="numeric" {...of("maxTokens")} />
          <TextField label="Seed" placeholder="none" inputMode="numeric" {...of("seed")} />
        </div>
        <TextField label="Stop at" hint="Several with commas between" {...of("stop")} />
        <SelectField label="Reasoning effort" options={efforts} {...of("reasoningEffort")} />
        <TextField
          label="Tools"
          hint="JSON, as OpenAI Chat Completions takes them. When the model calls one, you are asked for its result."
          rows={8}
          spellCheck={false}
          className="font-mono text-xs"
          {...of("tools")}
        />
        <TextField
          label="Other fields"
          hint={'JSON, such as {"response_format": {"type": "json_object"}}, or {"headrace": {...}} for this gateway'}
          rows={3}
          spellCheck={false}
          className="font-mono text-xs"
          {...of("others")}
        />
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => set("tools")(exampleTools)}>Example tool</Button>
          <Button onClick={() => onChange(noSettings)}>Reset all</Button>
        </div>
      </div>
    </Dialog>
  );
}
