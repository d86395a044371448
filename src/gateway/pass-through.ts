import { HeadraceError, nobodyWaits } from "../core/errors.ts";
import { untilFirst } from "../core/opened-source.ts";
import type { PassedProtocol } from "../core/operation.ts";
import type { PassedCall, ProviderReply } from "../core/provider-call.ts";
import { readPassedRequest } from "../protocols/openai-passed-request.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext, RawConnection } from "./environment.ts";
import { originOf } from "./generate.ts";
import { takeHeadraceOptions } from "./headrace-options.ts";
import type { OpenCall } from "./passed-calls.ts";

/**
 * A route whose requests and answers go through as they are, to a provider of the model that they name. Such an answer is
 * not kept and cannot be resumed, but it is tried again, counted and shown as streams are.
 *
 * @param path - below the provider's base URL.
 */
export function passThrough(app: AppOptions, protocol: PassedProtocol, path: string) {
  return async (c: GatewayContext): Promise<Response> => {
    const { json } = await readJsonBody(c.req.raw, app);
    const { body, options } = takeHeadraceOptions(json, c.req.raw.headers);
    const request = readPassedRequest(protocol, body);
    if (request.model === "") {
      throw new HeadraceError("invalid-request", "`model` is missing; it must be a string", { param: "model" });
    }
    let reply: ProviderReply | undefined;
    const passed: PassedCall = {
      protocol,
      path,
      body,
      noted: () => call.noted(),
      see: (event) => call.see(event),
      answered: (given) => (reply = given),
    };
    const { fallbacks, tags } = options;
    const { model, source } = app.router.resolveCall(request.model, passed, { fallbacks });
    const asked = { owner: c.var.owner, model, protocol, origin: originOf(c) };
    const call = app.passedCalls.start(tags === undefined ? asked : { ...asked, tags });
    c.header("headrace-stream-id", call.id);
    const connection = c.env.connection?.();
    watchClient(c, connection, call);
    try {
      const { signal, stream } = call;
      await untilFirst(source({ ...request, model }, { signal, stream, observe: app.observe }));
      if (reply === undefined) throw new HeadraceError("internal", "a call has begun without an answer");
    } catch (error) {
      call.leave(error);
      throw error;
    }
    return answer(c, call, reply, connection);
  };
}

function answer(c: GatewayContext, call: OpenCall, reply: ProviderReply, connection: RawConnection | undefined) {
  const target = call.stream.targets?.at(-1);
  const headers = {
    ...c.var.headers,
    "headrace-stream-id": call.id,
    ...(target !== undefined && { "headrace-target": target }),
    "content-type": reply.contentType,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  };
  call.beginReading();
  if (connection === undefined) return c.body(watched(reply.body, call), 200, headers);
  connection.open(200, headers);
  void relay(reply.body, connection, call);
  return c.env.alreadySent as Response;
}

/** Stops the call when its client goes away. */
function watchClient(c: GatewayContext, connection: RawConnection | undefined, call: OpenCall): void {
  const onGone = (): void => call.stop(nobodyWaits);
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
async function relay(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  connection: RawConnection,
  call: OpenCall,
): Promise<void> {
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
    call.leave();
  } catch (error) {
    // The status was sent long ago: all that is left is not to let the body look complete.
    connection.end(false);
    call.leave(error);
  }
}

/** The same bytes; the call is over with them, however that comes about. */
function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  call: OpenCall,
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
          call.leave();
          controller.close();
        } catch (error) {
          call.leave(error);
          controller.error(error);
        }
      },
      cancel() {
        call.stop(nobodyWaits);
        call.leave(nobodyWaits);
      },
    },
    { highWaterMark: 0 },
  );
}
