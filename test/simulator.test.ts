import { zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { simulatorModels } from "../src/providers/simulator/simulator.ts";
import { countTokens } from "../src/providers/simulator/tokens.ts";
import { all, openSimulator, post, sky, url } from "./support/simulator.ts";

describe("the official client, directly against the simulator", () => {
  test("reads the same answer as a stream and in one piece", async () => {
    const { client, complete, clock } = openSimulator();
    const whole = await complete([...sky]);
    const stream = await client.chat.completions.create({
      model: "instant",
      messages: [...sky],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);

    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(
      whole.choices[0]?.message.content,
    );
    expect(whole.choices[0]?.message.content).toContain("Rayleigh");
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([whole.id]));
    expect(whole.created).toBe(Math.floor(clock.now() / 1000));
    expect(whole.usage?.completion_tokens).toBe(countTokens(whole.choices[0]?.message.content ?? ""));
    // A frame for the role, one per token, one for the finish, one for usage.
    expect(chunks.length).toBe((whole.usage?.completion_tokens ?? 0) + 3);
  });

  test("leaves usage out of the stream unless asked", async () => {
    const { client } = openSimulator();
    const stream = await client.chat.completions.create({ model: "instant", messages: [...sky], stream: true });
    for await (const chunk of stream) expect(chunk.usage ?? undefined).toBeUndefined();
  });

  test("collects a stream with its helper", async () => {
    const { client, ask } = openSimulator();
    const runner = client.chat.completions.stream({ model: "instant", messages: [...sky] });
    expect(await runner.finalContent()).toBe(await ask([...sky]));
  });

  for (const stream of [false, true]) {
    test(`runs tools until there is an answer${stream ? ", streaming" : ""}`, async () => {
      const { client } = openSimulator();
      const asked: string[] = [];
      const tool = {
        type: "function" as const,
        function: {
          name: "get_weather",
          description: "The weather somewhere",
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
          parse: (text: string) => z.object({ city: z.string() }).parse(JSON.parse(text)),
          function: ({ city }: { city: string }) => {
            asked.push(city);
            return JSON.stringify({ temperature: city === "Paris" ? 18 : 12 });
          },
        },
      };
      const request = {
        model: "instant",
        messages: [{ role: "user" as const, content: "What's the weather in Paris and London?" }],
        tools: [tool],
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...request, stream: true })
        : client.chat.completions.runTools(request);

      const answer = await runner.finalContent();
      expect(asked).toEqual(["Paris", "London"]);
      expect(answer).toContain("temperature 18");
      expect(answer).toContain("temperature 12");
    });
  }

  test("parses structured output", async () => {
    const { client } = openSimulator();
    const Event = z.object({
      name: z.string(),
      date: z.iso.date(),
      participants: z.array(z.string()).min(1),
      online: z.boolean(),
    });
    const messages = [{ role: "user" as const, content: "Alice and Bob are going to a science fair on Friday." }];
    const format = { model: "instant", messages, response_format: zodResponseFormat(Event, "event") };

    const parsed = (await client.chat.completions.parse(format)).choices[0]?.message.parsed;
    expect(Event.parse(parsed).participants).toEqual(["Alice", "Bob"]);
    expect((await client.chat.completions.stream(format).finalChatCompletion()).choices[0]?.message.parsed).toEqual(
      parsed,
    );
  });

  test("lists and finds the models", async () => {
    const { client } = openSimulator();
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(simulatorModels);
    expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
  });
});

describe("the same request", () => {
  test("gets the same answer, to the byte and the millisecond", async () => {
    const play = async () => {
      const { clock, simulator } = openSimulator();
      const response = await simulator(url, post({ model: "o4-mini", messages: sky, stream: true, seed: 7, n: 2 }));
      const times: number[] = [];
      let text = "";
      const reading = (async () => {
        for await (const bytes of response.body ?? []) {
          times.push(clock.elapsed());
          text += new TextDecoder().decode(bytes);
        }
      })();
      await clock.runAll();
      await reading;
      return { times, text };
    };
    const first = await play();
    expect(first.times.length).toBeGreaterThan(100);
    expect(await play()).toEqual(first);
  });

  test("is another one with another prompt, model or seed, and the request's seed wins", async () => {
    const prompt = "Explain how glaciers move";
    const { ask } = openSimulator();
    const other = openSimulator({ seed: 2 });
    const texts = [
      await ask(prompt),
      await ask("Explain how rivers move"),
      await ask(prompt, { seed: 1 }),
      await ask(prompt, { seed: 2 }),
      await other.ask(prompt),
    ];
    expect(new Set(texts).size).toBe(texts.length);
    expect(await other.ask(prompt, { seed: 1 })).toBe(texts[2]);
    const slow = other.ask(prompt, { model: "claude-3-haiku" });
    await other.clock.runAll();
    expect(await slow).not.toBe(texts[4]);
  });

  test("gets new answers when randomness is given", async () => {
    let draws = 0;
    const { ask } = openSimulator({ random: () => draws++ / 10 });
    expect(await ask("Explain tidal power")).not.toBe(await ask("Explain tidal power"));
    expect(await ask("Explain tidal power", { seed: 1 })).toBe(await ask("Explain tidal power", { seed: 1 }));
  });
});

describe("limits", () => {
  test("max_tokens stops after exactly so many tokens", async () => {
    const { complete, ask } = openSimulator();
    const text = await ask([...sky]);
    for (const limit of [{ max_tokens: 7 }, { max_completion_tokens: 7 }]) {
      const { choices, usage } = await complete([...sky], limit);
      expect(choices[0]?.finish_reason).toBe("length");
      expect(usage?.completion_tokens).toBe(7);
      expect(text.startsWith(choices[0]?.message.content ?? "?")).toBe(true);
    }
    const enough = (await complete([...sky])).usage?.completion_tokens ?? 0;
    expect((await complete([...sky], { max_tokens: enough })).choices[0]?.finish_reason).toBe("stop");
  });

  test("a stop string cuts exactly before itself, also inside a word", async () => {
    const { complete, ask } = openSimulator();
    const text = await ask([...sky]);
    for (const stop of ["leigh", " mix of", "\n"]) {
      const { choices } = await complete([...sky], { stop: ["not in there", stop] });
      expect(choices[0]?.message.content).toBe(text.slice(0, text.indexOf(stop)));
      expect(choices[0]?.finish_reason).toBe("stop");
    }
  });

  test("n answers are different ones, counted together", async () => {
    const { complete } = openSimulator();
    const { choices, usage } = await complete("Explain tidal power", { n: 3 });
    const texts = choices.map(({ message }) => message.content ?? "");
    expect(new Set(texts).size).toBe(3);
    expect(usage?.completion_tokens).toBe(texts.reduce((sum, text) => sum + countTokens(text), 0));
  });
});

describe("a begun answer", () => {
  test("is continued exactly where it stops, wherever that is", async () => {
    const { ask } = openSimulator();
    const text = await ask([...sky]);
    for (let length = 1; length <= text.length; length += 7) {
      const rest = await ask([...sky, { role: "assistant", content: text.slice(0, length) }]);
      expect(text.slice(0, length) + rest).toBe(text);
    }
    expect(await ask([...sky, { role: "assistant", content: text }])).toBe("");
  });

  test("may have been begun by another simulated model", async () => {
    const { ask } = openSimulator();
    const text = await ask("Explain tidal power", { model: "instant" });
    const { clock, complete } = openSimulator();
    const continued = complete(
      [
        { role: "user", content: "Explain tidal power" },
        { role: "assistant", content: text.slice(0, 50) },
      ],
      {
        model: "claude-3-haiku",
      },
    );
    await clock.runAll();
    expect((await continued).choices[0]?.message.content).toBe(text.slice(50));
  });

  test("of unknown origin gets something that fits behind it", async () => {
    const { ask } = openSimulator();
    expect(await ask([...sky, { role: "assistant", content: "It is all done with mirrors" }])).toMatch(/^ and so on/);
    expect(await ask([...sky, { role: "assistant", content: "With mirrors. " }])).toMatch(/^There is more/);
  });
});

describe("a wrong request gets the protocol's own error", () => {
  const messages = sky;
  test.each([
    ["broken JSON", url, post("{"), 400, /JSON/],
    ["no object", url, post([1]), 400, /object/],
    ["no messages", url, post({ model: "instant" }), 400, /messages/],
    ["a wrong type", url, post({ model: "instant", messages, max_tokens: "many" }), 400, /max_tokens/],
    ["an unknown model", url, post({ model: "gpt-9", messages }), 404, /gpt-9.*gpt-4o-mini/],
    ["a model called like a method", url, post({ model: "constructor", messages }), 404, /constructor/],
    ["an unknown path", "http://simulator.local/v1/chat", post({}), 404, /\/v1\/chat\/completions/],
    ["a wrong method", url, {}, 405, /POST/],
    ["a wrong method for models", "http://simulator.local/v1/models", post({}), 405, /GET/],
    ["an unknown model's page", "http://simulator.local/v1/models/gpt-9", {}, 404, /gpt-4o/],
  ])("%s", async (_, target, init, status, message) => {
    const { simulator } = openSimulator();
    const response = await simulator(target, init);
    expect(response.status).toBe(status);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    const { error } = (await response.json()) as { error: { message: string; type: string } };
    expect(error.message).toMatch(message);
    expect(typeof error.type).toBe("string");
  });

  test("and a Request is as good as a URL", async () => {
    const { simulator } = openSimulator();
    const response = await simulator(
      new Request(url, { method: "POST", body: JSON.stringify({ model: "instant", messages }) }),
    );
    expect(response.status).toBe(200);
  });
});
