import type { ContentfulStatusCode } from "hono/utils/http-status";

import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { writeRetryHeaders } from "../protocols/retry-after.ts";
import { Places } from "../streams/places.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext, RawConnection } from "./environment.ts";
import { takeHeadraceOptions } from "./headrace-options.ts";

/**
 * Routes whose requests and answers go through as they are, to the provider of the model that they name. Such an answer
 * is no stream of ours: it is not kept, and cannot be resumed.
 *
 * @param path - below the provider's base URL.
 */
export type PassThrough = (path: string) => (c: GatewayContext) => Promise<Response>;

/** What counts as a limit for streams counts for these calls, all of them together. */
export function createPassThrough(app: AppOptions): PassThrough {
  const calls = new Places({ limits: app, what: "calls" });
  return (path) => async (c) => {
    const { json } = await readJsonBody(c.req.raw, app);
    const { body } = takeHeadraceOptions(json, c.req.raw.headers);
    if (!app.isReady()) {
      throw new HeadraceError("overloaded", "Headrace is shutting down; ask again in a moment", {
        retryAfterMs: 1_000,
      });
    }
    const leave = calls.take(c.var.owner);
    try {
      return await forward(c, app, { path, body, leave });
    } catch (error) {
      leave();
      return answerError(c, app, toHeadraceError(error));
    }
  };
}

interface Forwarded {
  path: string;
  body: JsonObject;
  leave: () => void;
}

async function forward(c: GatewayContext, app: AppOptions, { path, body, leave }: Forwarded): Promise<Response> {
  const { model: asked } = body;
  if (typeof asked !== "string" || asked === "") {
    throw new HeadraceError("invalid-request", "`model` is missing; it must be a string", { param: "model" });
  }
  const { call, model } = app.router.callOf(asked, path);
  const stop = new AbortController();
  const done = new AbortController();
  const finish = (): void => {
    done.abort(nobodyWaits);
    leave();
  };
  app.clock.sleep(app.callTimeoutMs, { signal: done.signal }).then(
    () => stop.abort(new HeadraceError("provider-timeout", `the provider took longer than ${app.callTimeoutMs} ms`)),
    // The call is over, which is all that the timer is for.
    () => {},
  );
  const connection = c.env.connection?.();
  watchClient(c, connection, stop);
  try {
    const reply = await call({ path, body: { ...body, model }, signal: stop.signal });
    const headers = {
      ...c.var.headers,
      "content-type": reply.contentType,
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    };
    if (connection === undefined) return c.body(watched(reply.body, finish), 200, headers);
    connection.open(200, headers);
    void relay(reply.body, connection).finally(finish);
    return c.env.alreadySent as Response;
  } catch (error) {
    finish();
    throw error;
  }
}

/** Stops the call when its client goes away. */
function watchClient(c: GatewayContext, connection: RawConnection | undefined, stop: AbortController): void {
  const onGone = (): void => stop.abort(nobodyWaits);
  if (connection === undefined) {
    const { signal } = c.req.raw;
    if (signal.aborted) onGone();
    else signal.addEventListener("abort", onGone, { once: true });
    return;
  }
  connection.onClose(onGone);
  // There is nothing that could be written into somebody else's bytes to find out whether the client still reads.
  connection.onHalfClose(onGone);
}

/** Writes a body to a connection at the client's pace. */
async function relay(body: ReadableStream<Uint8Array<ArrayBuffer>>, connection: RawConnection): Promise<void> {
  let room = Promise.withResolvers<void>();
  const wake = (): void => room.resolve();
  connection.onDrain(wake);
  connection.onClose(wake);
  try {
    for await (const bytes of body) {
      if (bytes.byteLength === 0) continue;
      room = Promise.withResolvers<void>();
      if (!connection.write(connection.encode(bytes))) await room.promise;
    }
    connection.end(true);
  } catch {
    // The status was sent long ago: all that is left is not to let the body look complete.
    connection.end(false);
  }
}

/** The same bytes; tells when there will be no more, however that comes about. */
function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onEnd: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
          onEnd();
          controller.close();
        } catch (error) {
          onEnd();
          controller.error(error);
        }
      },
      async cancel(reason) {
        onEnd();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** As everywhere, but without the advice not to try again: nobody has tried again here. */
function answerError(c: GatewayContext, { report }: AppOptions, error: HeadraceError): Response {
  if (error.status >= 500) report(error, c.var.requestId);
  const { status, headers, body } = c.var.protocol.writeError(error, c.var.requestId);
  const { "x-should-retry": _, ...rest } = { ...writeRetryHeaders(error), ...headers };
  return c.json(body, status as ContentfulStatusCode, rest);
}
