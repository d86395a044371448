import { describe, expect, test } from "vitest";

import { allFrames, eventually, idOf, scriptedModel, startGateway } from "./support/gateway.ts";
import { askIn } from "./support/protocol-rows.ts";
import { asked, rowNamed, served, withHeaders } from "./support/wire.ts";

const words = Array.from({ length: 16 }, (_, index) => `w${index} `);
const events = rowNamed("events");
const follow = (url: string, id: string, as: string, after?: string): Promise<Response> =>
  fetch(`${url}/v1/streams/${id}?as=${as}${after === undefined ? "" : `&after=${after}`}`);

/** A stream of which eight words are there. */
async function startHeld() {
  const script = scriptedModel(words);
  const release = script.hold(8);
  const gateway = await startGateway({ models: { poet: script.model } });
  const started = await askIn(events, gateway.url, asked("poet", { wantsStream: true }));
  const id = started.headers.get("headrace-stream-id") ?? "";
  const entries = async (): Promise<number> => (await gateway.headrace.streams.info(id, "")).entries;
  await eventually(async () => (await entries()) >= 10, "eight words");
  return { ...gateway, id, release, started, entries };
}

describe.each(served.map(({ protocol }) => ({ name: protocol.name })))("resumed in $name", ({ name }) => {
  test("rows 36, 37: from every entry, while it is written and afterwards, two readers each get the exact rest", async () => {
    const { url, id, release, started, entries } = await startHeld();
    const sofar = await entries();
    const live = await Promise.all(
      Array.from({ length: sofar }, async (_, seq) => [
        await follow(url, id, name, `1-${seq}`),
        await follow(url, id, name, `1-${seq}`),
      ]),
    );
    release();
    await started.text();
    const rests = await Promise.all(
      live.map(([one, two]) =>
        Promise.all([one?.text() ?? "", two?.text() ?? ""]).then((both) => both.map(withoutBeats)),
      ),
    );
    const count = await entries();
    for (let seq = 0; seq < count; seq++) {
      const again = await follow(url, id, name, `1-${seq}`).then((response) => response.text());
      rests[seq] ??= [again, again];
      expect(rests[seq]).toEqual([again, again]);
    }
    // What lies between one rest and the next is what one entry says; nothing is lost, doubled or reordered.
    const [whole = ""] = rests[0] ?? [];
    for (const [index, [rest = ""]] of rests.entries()) {
      expect(whole.endsWith(rest)).toBe(true);
      expect(rest.length).toBeLessThanOrEqual(rests[Math.max(index - 1, 0)]?.[0]?.length ?? 0);
    }
    for (const word of words) expect(whole).toContain(word);
    const all = await follow(url, id, name).then((response) => response.text());
    expect(all.endsWith(whole)).toBe(true);
  });

  test("row 36: at the end it is told the end again; beyond it, elsewhere or with nonsense it is refused", async () => {
    const { url, id, release, started, entries } = await startHeld();
    const other = await startHeld();
    release();
    await started.text();
    const last = (await entries()) - 1;
    const atEnd = await follow(url, id, name, `1-${last}`);
    expect(atEnd.status).toBe(200);
    const beforeEnd = await (await follow(url, id, name, `1-${last - 1}`)).text();
    // Text has no words for its end.
    expect(await atEnd.text()).toBe(beforeEnd);
    const byHeader = async (lastEventId: string): Promise<number> => {
      const response = await fetch(`${url}/v1/streams/${id}?as=${name}`, { headers: { "last-event-id": lastEventId } });
      await response.body?.cancel();
      return response.status;
    };
    expect(await byHeader(`${id}:1-${last}`)).toBe(204);
    expect(await byHeader(`${id}:1-${last + 1}`)).toBe(409);
    expect(await byHeader(`${id}:2-3`)).toBe(409);
    expect(await byHeader(`${other.id}:1-3`)).toBe(409);
    for (const garbage of ["garbage", `${id}:`, `${id}:1-x`, `${id}:1`, "-1--1", `${id}:1-3.x`, "1-99999999999"]) {
      expect([garbage, await byHeader(garbage)]).toEqual([garbage, 400]);
    }
    other.release();
  });
});

const withIds = served.filter(({ protocol }) => protocol.framing === "sse" && protocol.eventIds !== false);

describe.each(withIds.map((row) => ({ name: row.protocol.name, row })))("frames of $name", ({ row }) => {
  test("row 36: each is a place to go on from, also on the route that started the answer", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model } });
    const whole = await allFrames(await askIn(row, url, asked("poet", { wantsStream: true })));
    const resume = (id: string): Promise<Response> =>
      askIn(row, url, asked("poet", { wantsStream: true }), (to, init) =>
        withHeaders(to, init, { "last-event-id": id }),
      );
    for (const [index, frame] of whole.slice(0, -1).entries()) {
      const rest = await allFrames(await resume(idOf(frame) as string));
      expect(rest).toEqual(whole.slice(index + 1));
    }
    const lastId = idOf(whole.at(-1) as string) as string;
    const [streamId = "", cursor = ""] = lastId.split(":");
    const atEnd = await resume(lastId);
    const end = await allFrames(atEnd);
    // An EventSource would reconnect for ever.
    const isEventSource = row.served?.method === "GET";
    expect([atEnd.status, end.length > 0]).toEqual(isEventSource ? [204, false] : [200, true]);
    expect(whole.slice(whole.length - end.length)).toEqual(end);
    const status = async (id: string): Promise<number> => {
      const response = await resume(id);
      expect(response.headers.get("content-type")).toContain("json");
      return response.status;
    };
    expect(await status(`${streamId}:1-${Number(cursor.split("-")[1]) + 1}`)).toBe(409);
    expect(await status(`${streamId}:9-1`)).toBe(409);
    expect(await status("st_1:1-1")).toBe(404);
    expect(await status("garbage")).toBe(400);
  });
});

/** Heartbeats are not part of an answer. */
function withoutBeats(text: string): string {
  return text.replaceAll(": heartbeat\n\n", "");
}

describe.each(["anthropic-messages", "ui-message-stream", "event-source"])(
  "left in the middle of an entry in %s",
  (name) => {
    test("it is gone on with in any other protocol, and nothing of that entry is lost, least of all its end", async () => {
      const { url } = await startGateway({ models: { poet: scriptedModel(["one ", "two"]).model } });
      const started = await askIn(events, url, asked("poet", { wantsStream: true }));
      await started.text();
      const id = started.headers.get("headrace-stream-id") as string;
      const read = (as: string, after?: string) => follow(url, id, as, after).then((response) => response.text());
      const frames = await allFrames(await follow(url, id, name));
      const inside = frames.map((frame) => idOf(frame)?.split(":")[1] ?? "").filter((cursor) => cursor.includes("."));
      expect(inside.length).toBeGreaterThan(0);
      for (const cursor of inside) {
        const before = `1-${Number(/^1-(\d+)\./.exec(cursor)?.[1]) - 1}`;
        for (const { protocol } of served) {
          const rest = await read(protocol.name, cursor);
          const left = frames.findIndex((frame) => idOf(frame)?.endsWith(`:${cursor}`) === true) + 1;
          expect(rest, `${cursor} as ${protocol.name}`).toBe(
            protocol.name === name ? frames.slice(left).join("") : await read(protocol.name, before),
          );
        }
      }
    });
  },
);
