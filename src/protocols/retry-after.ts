/** `retry-after-ms`, or `retry-after` in seconds or as a date, counted from the answer's own `date`; in milliseconds. */
export function readRetryAfter(headers: Record<string, string>): number | undefined {
  const inMs = headers["retry-after-ms"];
  if (inMs !== undefined && isDecimal(inMs)) return Number(inMs);
  const text = headers["retry-after"];
  if (text === undefined) return undefined;
  if (isDecimal(text)) return Number(text) * 1000;
  const waitMs = Date.parse(text) - Date.parse(headers["date"] ?? "");
  return waitMs >= 0 ? waitMs : undefined;
}

function isDecimal(text: string): boolean {
  return /^\d{1,12}(\.\d{1,6})?$/.test(text.trim());
}
