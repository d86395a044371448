/** Shown after a moment, when something takes longer than that. */
export function Loading() {
  return (
    <p role="status" className="text-muted appear-late p-6">
      Loading…
    </p>
  );
}
