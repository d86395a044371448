import { readFileSync } from "node:fs";
import * as ai from "ai";
import { generateText } from "ai";
import type { ChatInit, LanguageModel, UIMessage } from "ai";
import { expect, test } from "vitest";
import { transformWithOxc } from "vite";

import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { PlainChat, textOf } from "./support/ui-messages.ts";

const page = readFileSync(new URL("../docs/ai-sdk.md", import.meta.url), "utf8");

/** The exports of a code block of the page, with the gateway's address in it and its imports taken from `modules`. */
async function run<Exports>(language: "ts" | "tsx", url: string, modules: Record<string, object>): Promise<Exports> {
  const [, code = ""] = new RegExp(`\`\`\`${language}\\n(.*?)\n\`\`\``, "s").exec(page) ?? [];
  const source = code.replace("http://127.0.0.1:8484", url).replaceAll("sim/gpt-4o", "poet");
  const jsx = { runtime: "classic", pragma: "element" } as const;
  const { code: plain } = await transformWithOxc(source, `snippet.${language}`, { jsx });
  const names = [...plain.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, name]) => name);
  const body = plain
    .replaceAll(/^import (\{.*?\}) from ("[^"]+");$/gm, "const $1 = modules[$2];")
    .replaceAll(/^export (function|const)/gm, "$1");
  // oxlint-disable-next-line typescript/no-implied-eval -- the page's code is ours, and is to run as it stands there.
  const load = new Function("modules", "element", `${body}\nreturn { ${names.join(", ")} };`);
  return load(modules, element) as Exports;
}

interface Element {
  type: unknown;
  props: { onClick?: () => Promise<unknown>; [name: string]: unknown };
  children: unknown[];
}

function element(type: unknown, props: Element["props"] | null, ...children: unknown[]): Element {
  return { type, props: props ?? {}, children: children.flat(9) };
}

const button = (shown: Element): Element =>
  shown.children.findLast((child) => (child as Element).type === "button") as Element;

/** React is no dependency of ours; as far as a component can tell, this is its `useChat`. */
function createUseChat() {
  const opened: PlainChat[] = [];
  const useChat = ({ resume, ...init }: ChatInit<UIMessage> & { resume?: boolean }): PlainChat => {
    const found = opened.find(({ id }) => id === init.id);
    if (found !== undefined) return found;
    const chat = new PlainChat(init);
    opened.push(chat);
    if (resume === true) void chat.resumeStream();
    return chat;
  };
  return { opened, useChat };
}

test("the page's component asks, is resumed after it was closed, and stops the model", async () => {
  const script = scriptedModel(["Because ", "of ", "the ", "air."]);
  script.hold(3);
  const { url } = await startGateway({ models: { poet: script.model } });
  type Component = { Chat: (props: { id: string; saved: UIMessage[] }) => Element };
  const open = async () => {
    const { opened, useChat } = createUseChat();
    const { Chat } = await run<Component>("tsx", url, { ai, "@ai-sdk/react": { useChat } });
    const saved: UIMessage[] = [];
    const render = (): Element => Chat({ id: "sky", saved });
    render();
    return { chat: opened[0] as PlainChat, render };
  };

  const first = await open();
  await eventually(() => first.chat.status === "ready");
  expect(button(first.render()).children).toEqual(["Ask"]);
  const asked = button(first.render()).props.onClick?.();
  await eventually(() => textOf(first.chat.messages[1]).endsWith("the "));
  await first.chat.stop();
  await asked;
  expect(script.aborted).toBe(false);

  const second = await open();
  await eventually(() => textOf(second.chat.messages[0]) === "Because of the ");
  const shown = second.render();
  expect(JSON.stringify(shown)).toContain("Because of the ");
  expect(button(shown).children).toEqual(["Stop"]);
  await button(shown).props.onClick?.();
  await eventually(() => second.chat.status === "ready");
  expect(script.aborted).toBe(true);
  expect(second.chat.messages[0]?.metadata).toMatchObject({ outcome: "cancelled" });
});

test("the page's providers all reach the gateway", async () => {
  const { url } = await startGateway({ models: { poet: () => ["Hi"] } });
  const packages = ["@ai-sdk/anthropic", "@ai-sdk/openai", "@ai-sdk/openai-compatible"];
  const modules = Object.fromEntries(
    await Promise.all(packages.map(async (name) => [name, await import(name)] as const)),
  );
  const models = Object.values(await run<Record<string, LanguageModel>>("ts", url, modules as Record<string, object>));
  expect(models).toHaveLength(packages.length + 1);
  for (const model of models) expect((await generateText({ model, prompt: "hi" })).text).toBe("Hi");
});
