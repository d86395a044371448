import { describe, expect, test } from "vitest";

import { scriptedModel } from "./support/gateway.ts";
import { clientOf, instant as model, openResponses as open } from "./support/responses.ts";

describe("what is kept", () => {
  test("nothing when the caller says so", async () => {
    const { client } = await open();
    const { id } = await client.responses.create({ model, input: "Hello", store: false });
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404, type: "invalid_request_error" });
    await expect(client.responses.create({ model, input: "On", previous_response_id: id })).rejects.toMatchObject({
      status: 404,
      param: "previous_response_id",
    });
    await expect(
      client.responses.create({ model, input: "Hello", store: false, background: true }),
    ).rejects.toMatchObject({ status: 400, param: "background" });
  });

  test("is the caller's alone", async () => {
    const { url } = await open({
      access: {
        keys: [
          { name: "a", key: "key-of-a-1234567890" },
          { name: "b", key: "key-of-b-1234567890" },
        ],
      },
    });
    const [a, b] = [clientOf(url, "key-of-a-1234567890"), clientOf(url, "key-of-b-1234567890")];
    const { id } = await a.responses.create({ model, input: "Hello" });
    expect((await a.responses.retrieve(id)).id).toBe(id);
    for (const refused of [
      b.responses.retrieve(id),
      b.responses.cancel(id),
      b.responses.delete(id),
      b.responses.inputItems.list(id).then(() => undefined),
      b.responses.create({ model, input: "On", previous_response_id: id }),
    ]) {
      await expect(refused).rejects.toMatchObject({ status: 404 });
    }
  });

  test.each(["resp_unknown", "resp_", "nonsense", "st_abc", "resp_../x"])("%s is not found", async (id) => {
    const { client } = await open();
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  test("is the input, item by item, newest first", async () => {
    const { client } = await open();
    const { id } = await client.responses.create({
      model,
      input: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: "One" },
        { type: "message", role: "user", content: [{ type: "input_text", text: "Two" }] },
      ],
    });
    const items = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2 })) items.push(item);
    expect(items).toMatchObject([
      { type: "message", role: "user", content: [{ text: "Two" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "One" }] },
      { type: "message", role: "developer" },
    ]);
    const first = await client.responses.inputItems.list(id, { order: "asc", limit: 1 });
    expect(first.data).toMatchObject([{ role: "developer" }]);
  });
});

describe("a conversation that goes on by the last response's id", () => {
  /** Says what it was asked, message by message. */
  const echo = async function* ({ messages }: { messages: readonly { role: string; content: readonly unknown[] }[] }) {
    yield messages
      .map(({ role, content }) => `${role}:${content.map((part) => (part as { text?: string }).text ?? "").join("")}`)
      .join("|");
  };

  test("has everything that was said before, and only the newest instructions", async () => {
    const { client } = await open({ models: { echo } });
    const one = await client.responses.create({ model: "echo", input: "A", instructions: "Old" });
    const two = await client.responses.create({ model: "echo", input: "B", previous_response_id: one.id });
    const three = await client.responses.create({
      model: "echo",
      input: [{ role: "user", content: "C" }],
      instructions: "New",
      previous_response_id: two.id,
    });
    expect(one.output_text).toBe("system:Old|user:A");
    expect(two.output_text).toBe(`user:A|assistant:${one.output_text}|user:B`);
    expect(three.output_text).toBe(
      `system:New|user:A|assistant:${one.output_text}|user:B|assistant:${two.output_text}|user:C`,
    );
    expect(three.previous_response_id).toBe(two.id);
    expect((await client.responses.inputItems.list(three.id)).data).toHaveLength(5);
  });

  test("outlives the deletion of what came before", async () => {
    const { client } = await open({ models: { echo } });
    const one = await client.responses.create({ model: "echo", input: "A" });
    const two = await client.responses.create({ model: "echo", input: "B", previous_response_id: one.id });
    await client.responses.delete(one.id);
    const three = await client.responses.create({ model: "echo", input: "C", previous_response_id: two.id });
    expect(three.output_text).toContain("user:A|");
  });

  test("waits for the end of the last one", async () => {
    const script = scriptedModel(["One", " two"]);
    script.hold(1);
    const { client } = await open({ models: { poet: script.model } });
    const { id } = await client.responses.create({ model: "poet", input: "Hi", background: true });
    await expect(
      client.responses.create({ model: "poet", input: "B", previous_response_id: id }),
    ).rejects.toMatchObject({
      status: 400,
      param: "previous_response_id",
    });
  });
});
