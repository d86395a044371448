import { Button } from "../elements/button.tsx";
import { Dialog } from "../elements/dialog.tsx";
import { Field } from "../elements/field.tsx";
import { exampleTools, noSettings, problemsOf, type Settings } from "./settings.ts";

export interface ParametersProps {
  onClose: () => void;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

type Name = keyof Settings;

/** System prompt, sampling and tools of what is asked next. */
export function Parameters({ onClose, settings, onChange }: ParametersProps) {
  const problems = problemsOf(settings);
  const set = (name: Name) => (event: { target: { value: string } }) =>
    onChange({ ...settings, [name]: event.target.value });
  const short = (name: Name, label: string, placeholder: string) => (
    <Field label={label} error={problems[name]}>
      {(props) => (
        <input
          {...props}
          className="control tabular-nums"
          placeholder={placeholder}
          value={settings[name]}
          onChange={set(name)}
        />
      )}
    </Field>
  );
  return (
    <Dialog title="Parameters" side onClose={onClose}>
      <div className="flex flex-col gap-4">
        <Field label="System prompt">
          {(props) => (
            <textarea {...props} rows={4} className="control" value={settings.system} onChange={set("system")} />
          )}
        </Field>
        <div className="grid grid-cols-2 gap-3">
          {short("temperature", "Temperature", "the model's own")}
          {short("topP", "Top p", "the model's own")}
          {short("maxTokens", "Most tokens", "no limit")}
          {short("seed", "Seed", "none")}
        </div>
        <Field label="Stop at" hint="Several with commas between">
          {(props) => <input {...props} className="control" value={settings.stop} onChange={set("stop")} />}
        </Field>
        <Field label="Reasoning effort">
          {(props) => (
            <select {...props} className="control" value={settings.reasoningEffort} onChange={set("reasoningEffort")}>
              <option value="">The model's own</option>
              {["none", "minimal", "low", "medium", "high"].map((effort) => (
                <option key={effort}>{effort}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Tools" hint="JSON, as OpenAI Chat Completions takes them" error={problems.tools}>
          {(props) => (
            <textarea
              {...props}
              rows={8}
              spellCheck={false}
              className="control font-mono text-xs"
              value={settings.tools}
              onChange={set("tools")}
            />
          )}
        </Field>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => onChange({ ...settings, tools: exampleTools })}>Example tool</Button>
          <Button onClick={() => onChange(noSettings)}>Reset all</Button>
        </div>
      </div>
    </Dialog>
  );
}
