/** Puts a text on the clipboard, also where the page did not come over HTTPS and browsers hide their clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const box = document.createElement("textarea");
  box.value = text;
  box.setAttribute("readonly", "");
  box.style.position = "fixed";
  box.style.opacity = "0";
  const before = document.activeElement;
  // What is behind an open dialog cannot be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(box);
  box.select();
  // oxlint-disable-next-line typescript/no-deprecated -- the only way without a secure connection
  const copied = document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}
