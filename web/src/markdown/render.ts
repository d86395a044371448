import DOMPurify from "dompurify";
import { Marked, type Token } from "marked";
import remend from "remend";

/** Stands for a seam in text that is on its way to the page. From a private-use area: answers have no use for it. */
const seamCharacter = "\u{F8A1}";

const marked = new Marked({
  gfm: true,
  renderer: {
    // What a model writes as HTML is shown as what it is: text.
    html: ({ text }) => escapeHtml(text),
    // Loading an image tells its server what was said; a link tells it nothing until somebody follows it.
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text === "" ? "image" : text)}</a>`,
  },
});

const tags = "a p br strong em del code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td";

const allowed = {
  ALLOWED_TAGS: tags.split(" "),
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Cuts a text into what Markdown sees in it. */
export function readTokens(source: string, growing: boolean): Token[] {
  // What the model has begun and not closed yet is closed.
  return marked.lexer(growing ? remend(source) : source);
}

/** What a paragraph, a list, a table is as HTML. Not safe: `makeElements` is for the page. */
export function writeHtml(token: Token): string {
  return marked.parser([token]);
}

/** Makes elements of what a model wrote: known ones only, nothing that runs, loads or styles. */
export function makeElements(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, allowed);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  markSeams(fragment);
  return fragment;
}

/**
 * Puts marks where seams are. They stand at the next white space: within a word they could take a link or an emphasis apart.
 * Ends of lines are as the lexer wants them.
 */
export function withSeams(text: string, seams: readonly number[]): string {
  let result = text.replaceAll(seamCharacter, "");
  for (const at of seams.toReversed()) {
    const space = /\s/.exec(result.slice(at));
    const place = space === null ? result.length : at + space.index;
    result = `${result.slice(0, place)}${seamCharacter}${result.slice(place)}`;
  }
  return result.includes("\r") ? result.replace(/\r\n?/g, "\n") : result;
}

function markSeams(fragment: DocumentFragment): void {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (node.nodeValue?.includes(seamCharacter) === true) found.push(node as Text);
  }
  for (const node of found) {
    const [first = "", ...rest] = node.data.split(seamCharacter);
    node.replaceWith(first, ...rest.flatMap((text) => [seamMark(), text]));
  }
}

function seamMark(): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "seam-mark";
  mark.dataset["seam"] = "";
  mark.title = "The provider broke off here; another attempt goes on";
  mark.textContent = "seam";
  return mark;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
