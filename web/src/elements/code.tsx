import { CopyButton } from "./copy-button.tsx";

/** Text as it is, to be copied. */
export function Code({ text, what }: { text: string; what: string }) {
  return (
    <div className="border-line bg-raised relative rounded-lg border">
      <pre className="max-h-96 overflow-auto p-3 pr-12 font-mono text-xs leading-5" tabIndex={0} aria-label={what}>
        {text}
      </pre>
      <span className="bg-raised absolute top-1.5 right-1.5 rounded-md">
        <CopyButton text={() => text} what={what} />
      </span>
    </div>
  );
}
